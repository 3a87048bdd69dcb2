"""`alienctl daemon logs [-n LINES] [-f]`: prints the end of the daemon's log, and with -f each new line."""

import os
import time

from alienctl import ClientError
from alienctl.daemon import record
from alienctl.invocation import Invocation
from alienctl.terminal import print_error, write_all

_EINVAL, _ENOENT = 22, 2
_LINES = 50
_BLOCK = 1 << 16
_PAUSE = 0.25


def show(invocation: Invocation, words: list[str]) -> int:
    """Write the log's last lines; with `-f` continue until a signal or until the reader ends. Raises ClientError."""
    lines, follow = _options(words)
    directory = record.state_directory(invocation.profile, invocation.environment)
    place = f"{directory}/aliend.log"
    if not os.path.exists(place):
        raise ClientError(f"the daemon has not written a log yet: {place} is missing", _ENOENT)
    if not os.path.isfile(place):
        raise ClientError(f"the log {place} is not a regular file; remove it, then: alienctl daemon restart", _EINVAL)
    daemon = record.read(directory) if record.is_held(directory) else None
    if os.isatty(2):
        print_error(f"{place}, {f'aliend runs (pid {daemon.pid})' if daemon else 'aliend is not running'}")
    try:
        position = _tail(place, lines)
        while follow:
            time.sleep(_PAUSE)
            position = _more(place, position)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ClientError(f"cannot read the log {place}: {error.strerror}", error.errno or 1) from None
    return 0


def _options(words: list[str]) -> tuple[int, bool]:
    lines, follow, left = _LINES, False, list(words)
    while left:
        word = left.pop(0)
        if word == "-f":
            follow = True
        elif word == "-n" and left and left[0].isdecimal():
            lines = int(left.pop(0))
        else:
            raise ClientError(f"daemon logs takes -n LINES and -f, not {word!r}", _EINVAL)
    return lines, follow


def _tail(place: str, lines: int) -> int:
    """Write the last lines; return the position after them."""
    with open(place, "rb") as log:
        end = start = log.seek(0, os.SEEK_END)
        content = b""
        while start and content.count(b"\n") <= lines:
            start = max(0, start - _BLOCK)
            log.seek(start)
            content = log.read(end - start)
    kept = content.splitlines(keepends=True)
    write_all(1, b"".join(kept[len(kept) - lines :] if lines < len(kept) else kept))
    return end


def _more(place: str, position: int) -> int:
    """Write the text after `position`, or from the start of a log that is now shorter; return the new position."""
    with open(place, "rb") as log:
        size = log.seek(0, os.SEEK_END)
        log.seek(position if position <= size else 0)
        content = log.read()
        write_all(1, content)
        return log.tell()
