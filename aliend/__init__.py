"""aliend: a per-user daemon for the ALICE Grid."""

VERSION = "0.2.0.dev0"
CONTRACT = 2
"""Number of the contract `aliend.v1`; it grows when a caller of the old one would go wrong."""
