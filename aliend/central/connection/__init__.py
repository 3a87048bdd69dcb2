"""One websocket to the central service, the pool of them, keep-alive, login and discovery."""
