"""Copies bytes between this machine and storage elements. Knows URLs and files, but no catalogue and no queue."""
