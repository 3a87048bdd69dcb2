"""The central service: credentials, TLS, websockets, and the catalogue's operations in types."""
