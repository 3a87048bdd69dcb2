"""The language of the central service: a request as text, a reply as values."""
