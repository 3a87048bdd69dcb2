"""The interactive shell: reads lines at a prompt and runs each in the daemon, as `alienctl LINE` does.

The shell has its own session. `alienctl.shell.line_editor` provides completion and colours.
"""

import os
import shlex
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from prompt_toolkit import PromptSession
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import History, InMemoryHistory
from prompt_toolkit.patch_stdout import patch_stdout

from alienctl import VERSION, ClientError, NoDaemonError
from alienctl.daemon import control
from alienctl.invocation import JSON_OPTIONS, Invocation
from alienctl.local import wire_replies
from alienctl.run import CommandRun
from alienctl.shell import completion, python_shell
from alienctl.shell.history import SharedHistory
from alienctl.shell.job_notices import JobNotices
from alienctl.shell.line_editor import STYLE, GridCompleter, SyntaxHighlighter
from alienctl.terminal import print_error, write_all

_INTERRUPTED = 130
_STATUS_WAIT = 0.3
"""Seconds to wait for the daemon's status before each prompt."""
_PROBLEM_LENGTH = 60
"""Maximum length of a problem that is shown beside the prompt, in characters."""
_BANNER = f"alienctl {VERSION}: the ALICE Grid. `help` lists the commands; Tab completes; Ctrl-D leaves.\n"
_OFF = ("", "0", "no", "off", "false")


def run(invocation: Invocation, operands: list[str]) -> int:
    """Run the shell until `exit` or Ctrl-D; return the exit code. Raises ClientError for invalid operands.

    If standard input or output is not a terminal, read the commands from standard input without a prompt.
    """
    if operands not in ([], ["--private"]):
        raise ClientError(f"shell takes only --private, but got {' '.join(operands)!r}", 22)
    if not (os.isatty(0) and os.isatty(1)):
        invocation.args = [arg for arg in invocation.args if arg in JSON_OPTIONS]
        return CommandRun(invocation).run()
    return _Shell(invocation, is_private=bool(operands)).run()


class _ShellCommand(CommandRun):
    """A command of the shell: the second Ctrl-C ends the command, not the shell. Prints its output if `is_shown`."""

    is_shown = True

    def leave(self, number: int) -> None:
        if number != signal.SIGINT:
            super().leave(number)
        raise KeyboardInterrupt

    def _write(self, descriptor: int, content: bytes) -> None:
        if self.is_shown or descriptor == 2:
            super()._write(descriptor, content)


class _Shell:
    def __init__(self, invocation: Invocation, *, is_private: bool) -> None:
        self._invocation = invocation
        invocation.interactive = True
        if not invocation.names_session:
            invocation.session = f"shell:{os.getpid()}.{time.time_ns()}"
        self._shows_date = self._is_on("ALIENPY_PROMPT_DATE")
        self._shows_pwd = self._is_on("ALIENPY_PROMPT_CWD")
        self._last_exit = wire_replies.RunExit(leaves=False, user="", directory="")
        self._code = 0
        self._was_silent = False
        self._notices = JobNotices(invocation)
        self._session: PromptSession[str] = PromptSession(
            history=self._history(is_private),
            completer=GridCompleter(invocation),
            complete_in_thread=True,
            complete_while_typing=False,
            enable_history_search=True,
            enable_suspend=True,
            multiline=Condition(self._has_open_quote),
            style=STYLE,
        )

    def run(self) -> int:
        """Read and run lines until `exit` or Ctrl-D; return the exit code."""
        write_all(1, _BANNER.encode())
        self._run_command("pwd", is_shown=False)
        self._session.lexer = SyntaxHighlighter(frozenset(completion.candidates(self._invocation, [""])))
        self._notices.start()
        while not self._last_exit.leaves:
            try:
                line = self._prompt()
                if line.strip():
                    self._run_line(line)
            except KeyboardInterrupt:
                continue
            except EOFError:
                write_all(1, b"exit\n")
                return 0
        return self._code

    def _prompt(self) -> str:
        with patch_stdout(raw=True):
            self._notices.show()
            try:
                return self._session.prompt(self._prompt_text, rprompt=self._problem(), handle_sigint=True)
            finally:
                self._notices.hold_back()

    def _run_line(self, line: str) -> None:
        match line.split():
            case ["prompt", "date"]:
                self._shows_date = not self._shows_date
            case ["prompt", "pwd"]:
                self._shows_pwd = not self._shows_pwd
            case ["prompt", *_]:
                print_error("prompt requires one of: date, pwd")
                self._code = 22
            case ["term" | "terminal" | "console"]:
                with suppress(SystemExit):
                    self._code = self._run_guarded(lambda: python_shell.run(self._invocation, []))
            case ["shell"]:
                print_error("you are already in the shell")
            case _:
                self._run_command(line)

    def _run_command(self, line: str, *, is_shown: bool = True) -> None:
        self._invocation.args = [line]
        command = _ShellCommand(self._invocation)
        command.is_shown = is_shown
        self._code = self._run_guarded(command.run)
        if self._code == _INTERRUPTED:
            write_all(1, b"\n")  # after the ^C of the terminal
        if command.exit_message:
            self._last_exit = wire_replies.run_exit(command.exit_message)
        self._notices.ignore_jobs(command.jobs)

    def _run_guarded(self, action: Callable[[], int]) -> int:
        """Run `action`, print its error, restore the shell's signal handlers; return the exit code."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGWINCH)
        before = {number: signal.getsignal(number) for number in numbers}
        try:
            return action()
        except KeyboardInterrupt:
            return _INTERRUPTED
        except ClientError as error:
            print_error(str(error))
            return error.code
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _prompt_text(self) -> StyleAndTextTuples:
        """Return the prompt in the format of alien.py."""
        date = f"{datetime.now().astimezone().isoformat(timespec='seconds')} " if self._shows_date else ""
        pwd = f" local:{_local_directory()}" if self._shows_pwd else ""
        location = f"AliEn[{self._last_exit.user or '?'}]:{self._last_exit.directory or '?'}"
        return [("class:prompt", f"{date}{location}{pwd} > ")]

    def _problem(self) -> str:
        """Return the problem of the daemon or its connection; empty if it has none."""
        try:
            status = control.status_of(self._invocation, _STATUS_WAIT)
        except NoDaemonError:
            return "the daemon is not running"
        except ClientError:  # once may be a busy machine
            was_silent, self._was_silent = self._was_silent, True
            return "the daemon does not respond" if was_silent else ""
        self._was_silent = False
        problems = [
            central.problem or "no connection" for central in status.central if central.state == control.FAILING
        ]
        return "".join(
            sign for sign in "; ".join([*problems, *status.warnings])[:_PROBLEM_LENGTH] if sign.isprintable()
        )

    def _has_open_quote(self) -> bool:
        """Return whether a quote is open, so that Enter begins a new line of the same command."""
        try:
            shlex.split(self._session.default_buffer.text)
        except ValueError:
            return True
        return False

    def _history(self, is_private: bool) -> History:
        home = os.fsdecode(self._invocation.environment.get(b"HOME", b""))
        if is_private or not home or self._is_on("ALIENPY_NO_HISTORY"):
            return InMemoryHistory()
        return SharedHistory(f"{home}/.alienpy_history")

    def _is_on(self, name: str) -> bool:
        return os.fsdecode(self._invocation.environment.get(name.encode(), b"")).strip().lower() not in _OFF


def _local_directory() -> str:
    try:
        return os.getcwd()
    except OSError:
        return "?"
