"""Copying bytes between this machine and storage elements. Knows URLs and files, no catalogue and no queue."""
