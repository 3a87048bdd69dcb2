"""Connections to the central service: TCP and websocket, connection pool, keepalive, login, JBox discovery."""
