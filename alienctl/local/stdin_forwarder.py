"""Forwards standard input to a command that has the argument `-`, no faster than the daemon reads it."""

import os
import select

from alienctl import wire_messages
from alienctl.transport import Connection

_CHUNK = 1 << 16
_QUARTER = 250
"""Milliseconds of one wait; each wait without input or reply counts as silence."""


class StandardInput:
    """Reads our standard input while waiting for a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ended = False

    def next_message(self) -> bytes:
        """Wait for the next message with standard input; return b"" if the connection has bytes to read first."""
        if self._ended:
            return b""
        poller = select.poll()
        poller.register(self._connection.fileno(), select.POLLIN)
        if not self._connection.call.backlog:
            poller.register(0, select.POLLIN)
        while not (ready := [descriptor for descriptor, _ in poller.poll(_QUARTER)]):
            self._connection.count_silence()
        if self._connection.fileno() in ready:
            return b""
        data = self._read()
        self._ended = not data
        return wire_messages.standard_input(data) if data else wire_messages.end_of_input()

    def _read(self) -> bytes:
        """Read some bytes; return b"" at the end, and also for a stream that cannot be read."""
        try:
            return os.read(0, _CHUNK)
        except OSError:
            return b""
