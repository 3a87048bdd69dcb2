"""Runs a program for the user, as the user's own child: a pager, an editor, a shell's pipe."""

import contextlib
import signal
import subprocess
from types import FrameType

from alienctl import ClientError
from alienctl.local import replies
from alienctl.main import complain

_NOT_FOUND, _NOT_EXECUTABLE = 127, 126


class Program:
    """A handed-over program that runs. Ctrl-C is the program's from its start until its end was waited for."""

    def __init__(self, content: bytes) -> None:
        """Start the Handoff in `content`. Raises ClientError when it names no program."""
        self._handoff = replies.handoff(content)
        if not self._handoff.argv:
            raise ClientError("the daemon handed over a program without a name", 71)
        self.is_output = self._handoff.takes_output
        """Standard output is for it, now and after its end."""
        self._before = signal.signal(signal.SIGINT, _leave_to_the_program)
        self._child: subprocess.Popen[bytes] | None = None
        self._status = -1
        piped = self.is_output or self._handoff.stdin
        try:
            self._child = subprocess.Popen(self._handoff.argv, stdin=subprocess.PIPE if piped else None)
        except OSError as error:
            self._status = self._not_started(error)

    @property
    def takes_input(self) -> bool:
        """Whether it runs and waits for `write`."""
        return self.is_output and self._child is not None

    def write(self, data: bytes) -> bool:
        """Give it bytes, as fast as it takes them; False when it takes no more."""
        if self._child is None or self._child.stdin is None:
            return False
        try:
            self._child.stdin.write(data)
            self._child.stdin.flush()
        except BrokenPipeError:
            return False
        return True

    def finish(self) -> int:
        """Close its input and wait for its end; the exit status as a shell counts it (128 + number for a signal)."""
        if self._child is not None:
            if self._handoff.stdin:
                self.write(self._handoff.stdin)
            if self._child.stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    self._child.stdin.close()
            code = self._child.wait()
            self._status = code if code >= 0 else 128 - code
            self._child = None
        signal.signal(signal.SIGINT, self._before)
        return self._status

    def _not_started(self, error: OSError) -> int:
        missing = isinstance(error, FileNotFoundError)
        if not (missing and self._handoff.may_be_missing):
            complain(f"{self._handoff.argv[0].decode('utf-8', 'replace')}: {error.strerror}")
        return _NOT_FOUND if missing else _NOT_EXECUTABLE


def _leave_to_the_program(_number: int, _frame: FrameType | None) -> None:
    """A handler rather than SIG_IGN, because the program would inherit that."""
