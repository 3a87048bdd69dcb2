"""Runs a program for the user, as the user's own child: a pager, an editor, a shell's pipe."""

import signal
import subprocess
from types import FrameType

from alienctl import ClientError
from alienctl.local import replies
from alienctl.main import complain

_NOT_FOUND, _NOT_EXECUTABLE = 127, 126


def perform(content: bytes) -> int:
    """Run the Handoff in `content`; return the exit status as a shell counts it (128 + number for a signal).

    Ctrl-C is the program's while it runs. Raises ClientError when the message names no program.
    """
    handoff = replies.handoff(content)
    if not handoff.argv:
        raise ClientError("the daemon handed over a program without a name", 71)
    before = signal.signal(signal.SIGINT, _leave_to_the_program)
    try:
        return _run(handoff)
    except OSError as error:
        complain(f"{handoff.argv[0].decode('utf-8', 'replace')}: {error.strerror}")
        return _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE
    finally:
        signal.signal(signal.SIGINT, before)


def _run(handoff: replies.Handoff) -> int:
    source = subprocess.PIPE if handoff.stdin else None
    with subprocess.Popen(handoff.argv, stdin=source) as child:
        child.communicate(handoff.stdin or None)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _leave_to_the_program(_number: int, _frame: FrameType | None) -> None:
    """A handler rather than SIG_IGN, because the program would inherit that."""
