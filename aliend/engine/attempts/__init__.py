"""One attempt at one file, from the ticket to the commit."""
