"""The history of the shell: lines of `~/.alienpy_history`, shared with other shells and with alien.py."""

import os
from collections.abc import Iterable

from prompt_toolkit.history import History

_READ = 1 << 20
"""Bytes at the end of the file that are read."""


class SharedHistory(History):
    """Appends each line immediately. Only this shell remembers a line that begins with a blank."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def load_history_strings(self) -> Iterable[str]:
        """Return the lines of the file, the newest first."""
        try:
            with open(self._path, "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _READ))
                lines = file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return
        yield from (line for line in reversed(lines) if line.strip())

    def store_string(self, string: str) -> None:
        """Append the lines of `string` as entries; ignore write errors."""
        if string.startswith(" ") or not string.strip():
            return
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError:
            return
        try:
            os.write(descriptor, (string.strip("\n") + "\n").encode("utf-8", "replace"))
        except OSError:
            return
        finally:
            os.close(descriptor)
