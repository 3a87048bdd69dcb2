"""aliend: a per-user daemon for the ALICE Grid."""
