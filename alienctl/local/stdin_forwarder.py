"""Standard input for a command that was given the word `-`: sent on as it comes, no faster than the daemon takes it."""

import os
import select

from alienctl import wire_messages
from alienctl.transport import Connection

_CHUNK = 1 << 16
_QUARTER = 250
"""Milliseconds of one step in which silence is counted."""


class StandardInput:
    """Our standard input, read beside a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ended = False

    def next_message(self) -> bytes:
        """Wait for the next message with standard input; empty when the connection has bytes for us first."""
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
        """Some bytes; empty at the end, which a stream that cannot be read has reached as well."""
        try:
            return os.read(0, _CHUNK)
        except OSError:
            return b""
