"""aliend: a per-user daemon for the ALICE Grid."""

VERSION = "0.1.0"
CONTRACT = 1
"""Number of the contract `aliend.v1`; it grows when a caller of the old one would go wrong."""
