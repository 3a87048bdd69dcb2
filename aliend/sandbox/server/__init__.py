"""The server: websocket connections, dispatch of requests, the control socket, and the background process."""
