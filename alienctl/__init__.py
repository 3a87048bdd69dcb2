"""alienctl: the command in the terminal. It starts as fast as Python itself and leaves all work to the daemon."""

VERSION = "0.2.0.dev0"
CONTRACT = 2
"""The number of the contract `aliend.v1` that this client speaks."""


class ClientError(Exception):
    """Ends the client with a message on stderr and an exit code (0..255)."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.code = code


class NoDaemonError(ClientError):
    """No process listens on the socket: it does not exist or refuses the connection (exit code 107)."""


class UnsafeSocketError(ClientError):
    """The socket's directory belongs to another user or is accessible to others (exit code 22)."""
