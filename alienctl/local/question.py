"""Asks a question of the daemon at the user's terminal, for example for a pass phrase (without echo)."""

import os
import signal
import termios
from types import FrameType
from typing import TYPE_CHECKING

from alienctl import messages
from alienctl.local import replies

if TYPE_CHECKING:
    from alienctl.main import Run

_LINE_LIMIT = 4096


class _InterruptedError(Exception):
    """Ctrl-C instead of an answer."""


def ask(content: bytes, run: "Run") -> bytes:
    """Ask the Question in `content` at /dev/tty; return the RunInput with the answer.

    Ctrl-C, Ctrl-D at the start of the line and a missing terminal are refusals.
    """
    question = replies.question(content)
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return messages.answer("", refused=True)
    before = signal.signal(signal.SIGINT, _interrupt)
    try:
        line = _line(terminal, question, run)
    except (_InterruptedError, OSError):
        return messages.answer("", refused=True)
    finally:
        signal.signal(signal.SIGINT, before)
        os.close(terminal)
    if not line.endswith(b"\n"):
        return messages.answer("", refused=True)
    return messages.answer(line[:-1].decode("utf-8", "replace"), refused=False)


def _line(terminal: int, question: replies.Question, run: "Run") -> bytes:
    usual = termios.tcgetattr(terminal)
    quiet = [*usual[:3], usual[3] & ~termios.ECHO, *usual[4:]]

    def put_right() -> None:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, usual)

    run.before_leaving = put_right
    try:
        if not question.echo:
            termios.tcsetattr(terminal, termios.TCSAFLUSH, quiet)
        os.write(terminal, question.prompt.encode("utf-8", "replace"))
        return os.read(terminal, _LINE_LIMIT)
    finally:
        put_right()
        run.before_leaving = None
        if not question.echo:
            os.write(terminal, b"\n")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise _InterruptedError
