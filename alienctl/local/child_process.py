"""Runs a program that the daemon hands over, as a child of the client: a pager, an editor, a shell pipeline."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
from types import FrameType

from alienctl import ClientError
from alienctl.invocation import Invocation
from alienctl.local import wire_replies
from alienctl.terminal import print_error

_NOT_FOUND, _NOT_EXECUTABLE = 127, 126


class EditedText:
    """A text that a program edits. Its directory stays locked (shared) until the program, too, has ended."""

    def __init__(self, path: bytes, lfn: bytes) -> None:
        self._path = path
        self._lfn = lfn
        self._before = self._state()
        self.lock = -1
        with contextlib.suppress(OSError):
            self.lock = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(self.lock, fcntl.LOCK_SH)

    @property
    def rescue(self) -> str:
        """Return where the text is, and how to upload it; empty: it was not changed."""
        if self._state() in (self._before, None):
            return ""
        path, lfn = os.fsdecode(self._path), os.fsdecode(self._lfn)
        return f"your text is saved in {path}; upload it with `alienctl cp -f file:{path} {lfn}`"

    def release(self) -> None:
        """Unlock the directory; an editor in the background may hold it locked."""
        if self.lock >= 0:
            os.close(self.lock)
            self.lock = -1

    def _state(self) -> "tuple[int, ...] | None":
        try:
            seen = os.stat(self._path)
        except OSError:
            return None
        return seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns


class Program:
    """A running program. During `finish`, Ctrl-C interrupts the program but not the client.

    Its PATH ends with the directory of this `alienctl`, and its environment selects the same daemon and session.
    """

    def __init__(
        self, content: bytes, invocation: Invocation, *, has_terminal: bool, output: "int | None" = None
    ) -> None:
        """Start the Handoff in `content`; without `has_terminal` the program does not get our standard input.

        A pipeline writes to the descriptor `output` if given. Raises ClientError if the Handoff names no program.
        """
        self._handoff = wire_replies.handoff(content)
        if not self._handoff.argv:
            raise ClientError("the daemon requested a program without a name", 71)
        self.is_output = self._handoff.takes_output
        """Standard output goes to the program, and is discarded after its end."""
        self._child: subprocess.Popen[bytes] | None = None
        self._status = -1
        self._text = EditedText(self._handoff.text, self._handoff.text_lfn) if self._handoff.text else None
        source = None if has_terminal else subprocess.DEVNULL
        if self.is_output or self._handoff.stdin:
            source = subprocess.PIPE
        try:
            kept_open = [self._text.lock] if self._text and self._text.lock >= 0 else []
            environment = _environment(invocation)
            self._child = subprocess.Popen(
                self._handoff.argv,
                stdin=source,
                stdout=output if self.is_output else None,
                env=environment,
                pass_fds=kept_open,
            )
        except OSError as error:
            self._status = self._not_started(error)

    @property
    def rescue(self) -> str:
        """Return where the text is that the program has changed, and how to upload it; empty: none was changed."""
        return self._text.rescue if self._text else ""

    @property
    def takes_input(self) -> bool:
        """Return whether the program runs and accepts `write`."""
        return self.is_output and self._child is not None

    def write(self, data: bytes) -> bool:
        """Write to the program's standard input, as fast as it reads; return False if it reads no more."""
        if self._child is None or self._child.stdin is None:
            return False
        try:
            self._child.stdin.write(data)
            self._child.stdin.flush()
        except BrokenPipeError:
            return False
        return True

    def finish(self) -> int:
        """Close the program's input and wait for its end; return its exit status (128 + number for a signal)."""
        self._wait()
        if self._text:
            self._text.release()
        return self._status

    def _wait(self) -> None:
        if self._child is None:
            return
        in_main_thread = threading.current_thread() is threading.main_thread()  # no other one may set handlers
        before = signal.signal(signal.SIGINT, _ignore_interrupt) if in_main_thread else None
        if self._handoff.stdin:
            self.write(self._handoff.stdin)
        if self._child.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._child.stdin.close()
        code = self._child.wait()
        if before is not None:
            signal.signal(signal.SIGINT, before)
        self._child = None
        self._status = code if code >= 0 else 128 - code

    def _not_started(self, error: OSError) -> int:
        missing = isinstance(error, FileNotFoundError)
        if not (missing and self._handoff.may_be_missing):
            print_error(f"{self._handoff.argv[0].decode('utf-8', 'replace')}: {error.strerror}")
        return _NOT_FOUND if missing else _NOT_EXECUTABLE


def _environment(invocation: Invocation) -> dict[bytes, bytes]:
    ours = os.fsencode(os.path.dirname(os.path.abspath(sys.argv[0])))
    return {
        **invocation.environment,
        b"PATH": invocation.environment.get(b"PATH", os.fsencode(os.defpath)) + b":" + ours,
        b"ALIEN_PROFILE": os.fsencode(invocation.profile),
        b"ALIEN_SESSION": os.fsencode(invocation.session),
    }


def _ignore_interrupt(_number: int, _frame: "FrameType | None") -> None:
    """Do nothing; unlike SIG_IGN, the program does not inherit a handler."""
