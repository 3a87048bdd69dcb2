"""`alienctl daemon logs [-n LINES] [-f]`: the end of the daemon's log, and what follows."""

import os
import time

from alienctl import ClientError
from alienctl.invocation import Invocation
from alienctl.main import write_all

_EINVAL, _ENOENT = 22, 2
_LINES = 50
_BLOCK = 1 << 16
_PAUSE = 0.25


def show(invocation: Invocation, words: list[str]) -> int:
    """Write the log's last lines; with `-f` go on until a signal or until nobody reads. Raises ClientError."""
    lines, follow = _options(words)
    place = next((place for place in _places(invocation) if os.path.exists(place)), "")
    if not place:
        raise ClientError(f"there is no log yet: {' or '.join(_places(invocation))}", _ENOENT)
    if not os.path.isfile(place):
        raise ClientError(f"the log {place} is not a regular file; remove it, then: alienctl daemon restart", _EINVAL)
    try:
        position = _tail(place, lines)
        while follow:
            time.sleep(_PAUSE)
            position = _more(place, position)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ClientError(f"the log {place} cannot be read: {error.strerror}", error.errno or 1) from None
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


def _places(invocation: Invocation) -> list[str]:
    """Where the daemon's log can be: its usual state directory, and the one for remote home directories."""
    environment = invocation.environment
    home = os.fsdecode(environment.get(b"HOME", b"")) or os.path.expanduser("~")
    state = os.fsdecode(environment.get(b"XDG_STATE_HOME", b"")) or f"{home}/.local/state"
    directories = (f"{state}/aliend", f"/var/tmp/aliend-{os.getuid()}")
    return [f"{directory}/{invocation.profile}/aliend.log" for directory in directories]


def _tail(place: str, lines: int) -> int:
    """Write the last lines; return the position behind them."""
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
    """Write what came after `position`, from the start where the log has become shorter; return the new position."""
    with open(place, "rb") as log:
        size = log.seek(0, os.SEEK_END)
        log.seek(position if position <= size else 0)
        content = log.read()
        write_all(1, content)
        return log.tell()
