"""The worker process (`python -m aliend.storage.worker`), with one module for each kind of task."""
