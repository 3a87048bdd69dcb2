"""The help pages, and the man page made of them."""
