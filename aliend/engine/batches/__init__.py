"""Attempts at many small files together: whole stages for a batch instead of one file after the other."""
