"""What can go wrong in the sandbox: sentences for the person who started it, and crashes that a client is to see."""

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
"""What is told of a command that cannot be made from its options, when that is not explained."""


class SandboxError(Exception):
    """The sandbox cannot do what it was asked; the text is a sentence for the user."""


class CommandCrashError(Exception):
    """The real service would throw here; the text is the first line of its stack trace."""


class CommandFailedError(Exception):
    """A command ends now with an error: its number and the text after the standard one."""

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class BadOptionsError(Exception):
    """The options of a command do not parse; the text is the parser's."""


class BadArgumentsError(Exception):
    """The arguments of a command make no sense, with nothing more to say than its usage."""
