"""cp, sync, replicate and `transfers ...`."""
