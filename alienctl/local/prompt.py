"""Asks the user a question of the daemon at the terminal, for example for a passphrase (without echo).

If `ALIEND_ASKPASS` names a program, that program provides passphrases; like `SSH_ASKPASS`, it gets the prompt as its
argument. It runs as a child of this process, never in the daemon.
"""

import os
import signal
import subprocess
import termios
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Protocol

from alienctl import wire_messages
from alienctl.local import wire_replies
from alienctl.terminal import print_error

_LINE_LIMIT = 4096


class Asker(Protocol):
    """The command that asks."""

    restore_terminal: "Callable[[], None] | None"
    """Called before a signal ends the process."""

    @property
    def environment(self) -> Mapping[bytes, bytes]:
        """Return the environment of the command."""


class _InterruptedError(Exception):
    """The user pressed Ctrl-C instead of answering."""


def ask(content: bytes, run: Asker) -> bytes:
    """Ask the Question in `content` at /dev/tty; return the RunRequest with the answer.

    Ctrl-C, Ctrl-D at the start of the line and a missing terminal count as refusals.
    """
    question = wire_replies.question(content)
    program = run.environment.get(b"ALIEND_ASKPASS")
    if program and not question.echo:
        return _ask_program(program, question.prompt)
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return wire_messages.answer("", refused=True)
    previous = signal.signal(signal.SIGINT, _interrupt)
    try:
        line = _read_line(terminal, question, run)
    except (_InterruptedError, OSError):
        return wire_messages.answer("", refused=True)
    finally:
        signal.signal(signal.SIGINT, previous)
        os.close(terminal)
    if not line.endswith(b"\n"):
        return wire_messages.answer("", refused=True)
    return wire_messages.answer(line[:-1].decode("utf-8", "replace"), refused=False)


def _ask_program(program: bytes, prompt: str) -> bytes:
    """Return the first line that `program` prints; a refusal if it fails or cannot be started."""
    try:
        completed = subprocess.run([program, prompt.encode("utf-8", "replace")], stdout=subprocess.PIPE, check=False)
    except OSError as error:
        print_error(f"cannot start {os.fsdecode(program)} (ALIEND_ASKPASS): {error.strerror}")
        return wire_messages.answer("", refused=True)
    line = completed.stdout.partition(b"\n")[0].removesuffix(b"\r")
    return wire_messages.answer(line.decode("utf-8", "replace"), refused=completed.returncode != 0)


def _read_line(terminal: int, question: wire_replies.Question, run: Asker) -> bytes:
    settings = termios.tcgetattr(terminal)
    quiet = [*settings[:3], settings[3] & ~termios.ECHO, *settings[4:]]

    def restore() -> None:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, settings)

    run.restore_terminal = restore
    try:
        if not question.echo:
            termios.tcsetattr(terminal, termios.TCSAFLUSH, quiet)
        os.write(terminal, question.prompt.encode("utf-8", "replace"))
        return os.read(terminal, _LINE_LIMIT)
    finally:
        restore()
        run.restore_terminal = None
        if not question.echo:
            os.write(terminal, b"\n")


def _interrupt(_number: int, _frame: "FrameType | None") -> None:
    raise _InterruptedError
