"""`alienctl daemon logs`: prints the end of the daemon's log, or selected records; with -f each new line."""

import os
import time
from collections import deque
from collections.abc import Iterator
from datetime import datetime

from alienctl import ClientError
from alienctl.daemon import record
from alienctl.daemon.log_lines import LEVELS, Selection, Selector, moment
from alienctl.invocation import Invocation
from alienctl.terminal import print_error, printable, write_output

_EINVAL, _ENOENT = 22, 2
_LINES = 50
_BLOCK = 1 << 16
_PAUSE = 0.25
_OLDER = (".3", ".2", ".1")
"""Suffixes of the older files, the oldest first."""


class _Options:
    """The options of the command. Raises ClientError (22)."""

    def __init__(self, arguments: list[str]) -> None:
        self.lines, self.follow = _LINES, False
        job, since, level = 0, None, "debug"
        left = list(arguments)
        while left:
            word = left.pop(0)
            if word == "-f":
                self.follow = True
                continue
            value = left.pop(0) if left else ""
            if word == "-n" and value.isdecimal():
                self.lines = int(value)
            elif word == "--job" and value.isdecimal():
                job = int(value)
            elif word == "--since" and value:
                since = moment(value, datetime.now().astimezone())
            elif word == "--level" and value.lower() in LEVELS:
                level = value.lower()
            else:
                takes = f"-n LINES, -f, --job NUMBER, --since TIME and --level {'|'.join(LEVELS)}"
                raise ClientError(f"daemon logs takes {takes}, not {f'{word} {value}'.strip()!r}", _EINVAL)
        self.selection = Selection(job, since, level)


def show(invocation: Invocation, arguments: list[str]) -> int:
    """Write the log's last lines; with `-f` continue until a signal or until the reader ends. Raises ClientError."""
    options = _Options(arguments)
    directory = record.state_directory(invocation.profile, invocation.environment)
    path = f"{directory}/aliend.log"
    if not os.path.exists(path):
        raise ClientError(f"the daemon has not written a log yet: {path} is missing", _ENOENT)
    if not os.path.isfile(path):
        raise ClientError(
            f"the log {path} is not a regular file; remove it, then run `alienctl daemon restart`", _EINVAL
        )
    daemon = record.read(directory) if record.is_held(directory) else None
    if os.isatty(2):
        print_error(f"{path}, {f'aliend runs (pid {daemon.pid})' if daemon else 'aliend is not running'}")
    selector = Selector(options.selection)
    try:
        whole = options.selection.is_all
        position = _tail(path, options.lines) if whole else _selected(path, selector, options.lines)
        while options.follow:
            time.sleep(_PAUSE)
            position = _more(path, position, selector)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ClientError(f"cannot read the log {path}: {error.strerror}", error.errno or 1) from None
    return 0


def last_lines(path: str, lines: int) -> tuple[bytes, int]:
    """Return the last lines of a log, and the position after them. Raises OSError."""
    with open(path, "rb") as log:
        end = start = log.seek(0, os.SEEK_END)
        content = b""
        while start and content.count(b"\n") <= lines:
            start = max(0, start - _BLOCK)
            log.seek(start)
            content = log.read(end - start)
    kept = content.splitlines(keepends=True)
    return b"".join(kept[len(kept) - lines :] if lines < len(kept) else kept), end


def _tail(path: str, lines: int) -> int:
    content, end = last_lines(path, lines)
    _write(content)
    return end


def _selected(path: str, selector: Selector, lines: int) -> int:
    """Write the last selected lines of all log files; return the position after them."""
    older = [name for suffix in _OLDER if os.path.isfile(name := f"{path}{suffix}")]
    with open(path, "rb") as log:
        kept = deque(selector.chosen(_lines_of(older)), lines)
        kept.extend(selector.chosen(log))
        _write(b"".join(kept))
        return log.tell()


def _lines_of(names: list[str]) -> Iterator[bytes]:
    for name in names:
        with open(name, "rb") as log:
            yield from log


def _more(path: str, position: int, selector: Selector) -> int:
    """Write the text after `position`, or from the start of a log that is now shorter; return the new position."""
    with open(path, "rb") as log:
        size = log.seek(0, os.SEEK_END)
        log.seek(position if position <= size else 0)
        content = log.read()
        _write(b"".join(selector.chosen(content.splitlines(keepends=True))))
        return log.tell()


def _write(content: bytes) -> None:
    """Write text of the log, which libraries write too, without what a terminal would interpret."""
    write_output(printable(content.decode("utf-8", "backslashreplace")).encode())
