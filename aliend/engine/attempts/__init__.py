"""One attempt at a file, from the ticket to the commit."""
