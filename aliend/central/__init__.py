"""The session with the central service: credentials, TLS, websockets, and the typed operations of the catalogue."""
