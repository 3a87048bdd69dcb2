"""The worker process (`python -m aliend.storage.worker`) and one module for each kind of task."""
