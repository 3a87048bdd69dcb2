"""Websockets, dispatch of requests, and the background process."""
