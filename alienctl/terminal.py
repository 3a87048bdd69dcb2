"""Writes to the standard streams and asks the terminal for its size. Part of the fast path."""

import os

from alienctl import ClientError


def terminal_size() -> tuple[int, int]:
    """Return columns and rows of the terminal; 0, 0 if none of the standard streams is one."""
    for descriptor in (1, 2, 0):
        try:
            columns, rows = os.get_terminal_size(descriptor)
        except OSError:
            continue
        return columns, rows
    return 0, 0


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of `content`, also to a non-blocking pipe. Raises OSError."""
    while content:
        try:
            content = content[os.write(descriptor, content) :]
        except BlockingIOError:
            from select import select

            select([], [descriptor], [])


def write_output(content: bytes) -> None:
    """Write `content` to standard output. Raises BrokenPipeError if its reader has ended, ClientError if it is full."""
    try:
        write_all(1, content)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ClientError(f"cannot write to standard output: {error.strerror}", error.errno or 1) from None


def printable(text: str) -> str:
    """Return `text` with everything escaped that a terminal could interpret, except newlines and tabs."""
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() or sign in "\n\t" else sign.encode("unicode_escape", "surrogatepass").decode()
        for sign in text
    )


def print_error(sentence: str) -> None:
    """Print a message to standard error; ignore a failure, which cannot be reported."""
    try:
        write_all(2, f"alienctl: {printable(sentence)}\n".encode("utf-8", "backslashreplace"))
    except OSError:
        return


def open_standard_streams() -> None:
    """Open /dev/null for closed standard streams, so that the socket does not get their descriptors."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open("/dev/null", os.O_RDWR)
