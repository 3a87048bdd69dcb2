"""alienctl: the command in the terminal. It starts as fast as Python itself and leaves all work to the daemon."""

VERSION = "0.1.0"
CONTRACT = 1
"""The number of the contract `aliend.v1` that this client speaks."""


class ClientError(Exception):
    """Something that ends the client: a sentence for stderr, and the exit code (0..255)."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.code = code


class NoDaemonError(ClientError):
    """Nobody listens on the socket: it does not exist or refuses (exit code 107)."""
