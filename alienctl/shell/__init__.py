"""The interactive shell and completion."""
