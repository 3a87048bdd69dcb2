"""Asks a question of the daemon at the user's terminal, for example for a pass phrase (without echo).

A pass phrase comes from the program that `ALIEND_ASKPASS` names, where it does (called with the prompt, as
`SSH_ASKPASS` is); it runs here, as the user's own child, never in the daemon.
"""

import os
import signal
import subprocess
import termios
from types import FrameType
from typing import TYPE_CHECKING

from alienctl import wire_messages
from alienctl.local import wire_replies
from alienctl.main import complain

if TYPE_CHECKING:
    from alienctl.main import Run

_LINE_LIMIT = 4096


class _InterruptedError(Exception):
    """Ctrl-C instead of an answer."""


def ask(content: bytes, run: "Run") -> bytes:
    """Ask the Question in `content` at /dev/tty; return the RunInput with the answer.

    Ctrl-C, Ctrl-D at the start of the line and a missing terminal are refusals.
    """
    question = wire_replies.question(content)
    program = run.invocation.environment.get(b"ALIEND_ASKPASS")
    if program and not question.echo:
        return _answer_of(program, question.prompt)
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return wire_messages.answer("", refused=True)
    before = signal.signal(signal.SIGINT, _interrupt)
    try:
        line = _line(terminal, question, run)
    except (_InterruptedError, OSError):
        return wire_messages.answer("", refused=True)
    finally:
        signal.signal(signal.SIGINT, before)
        os.close(terminal)
    if not line.endswith(b"\n"):
        return wire_messages.answer("", refused=True)
    return wire_messages.answer(line[:-1].decode("utf-8", "replace"), refused=False)


def _answer_of(program: bytes, prompt: str) -> bytes:
    """The first line that the user's own program prints; a refusal where it cannot be run or ends with an error."""
    try:
        done = subprocess.run([program, prompt.encode("utf-8", "replace")], stdout=subprocess.PIPE, check=False)
    except OSError as error:
        complain(f"{os.fsdecode(program)} (ALIEND_ASKPASS) cannot be run: {error.strerror}")
        return wire_messages.answer("", refused=True)
    line = done.stdout.partition(b"\n")[0].removesuffix(b"\r")
    return wire_messages.answer(line.decode("utf-8", "replace"), refused=done.returncode != 0)


def _line(terminal: int, question: wire_replies.Question, run: "Run") -> bytes:
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
