"""The protocol of the central service: encodes requests, parses replies."""
