"""Submits a job and follows it to its end. Used by the copying and the file commands."""
