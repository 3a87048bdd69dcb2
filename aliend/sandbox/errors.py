"""The errors of the sandbox: messages for its user, and failures that the service sends to its clients."""

from __future__ import annotations

TEXTS = {
    1: "Operation not permitted",
    2: "No such file or directory",
    3: "No such process",
    5: "Input/output error",
    6: "No such device or address",
    11: "Resource temporarily unavailable",
    20: "Not a directory",
    21: "Is a directory",
    22: "Invalid argument",
    38: "Function not implemented",
    53: "Invalid request descriptor",
    61: "No data available",
    67: "Link has been severed",
    77: "File descriptor in bad state",
    84: "Invalid or incomplete multibyte or wide character",
    117: "Structure needs cleaning",
    121: "Remote I/O error",
    122: "Disk quota exceeded",
    126: "Required key not available",
}
"""The standard texts of the error numbers that commands use (wire specification, section 2.10)."""

NO_COMMAND = "Command not found or not implemented yet"
"""The text of some commands for options that do not parse."""


class SandboxError(Exception):
    """The sandbox cannot carry out a request; the text is a message for the user."""


class CommandCrashError(Exception):
    """The real service would throw here; the text is the first line of its stack trace."""


class CommandFailedError(Exception):
    """A command ends with an error: its number, and the text that follows the standard text."""

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class BadOptionsError(Exception):
    """The options of a command do not parse; the text is the parser's."""


class BadArgumentsError(Exception):
    """The arguments of a command are invalid; the reply shows its usage, unless the command has set an error."""
