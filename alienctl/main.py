"""The fast path of `alienctl`: words -> `Console.Run` -> bytes. The cheap part of the standard library only.

The daemon knows the commands; here are only the streams, the signals and the end. Whatever else has to happen in the
user's own process is in `alienctl/local/`, imported only when used.
"""

import os
import sys

from alienctl import CONTRACT, VERSION, ClientError, NoDaemonError, UnsafeSocketError, wire_messages
from alienctl.grpc_call import FAILED_PRECONDITION, UNAVAILABLE, UNIMPLEMENTED, Call
from alienctl.invocation import Invocation
from alienctl.transport import Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable
    from types import FrameType
    from typing import NoReturn

    from alienctl.local.child_process import Program
    from alienctl.local.debug_log import DebugLog
    from alienctl.local.progress_bars import Display
    from alienctl.local.stdin_forwarder import StandardInput
    from alienctl.recovery import Recovery
else:
    import _signal

_ENOTCONN, _TEMPORARY_FAILURE, _SIGPIPE_EXIT = 107, 75, 141
_LOCAL_COMMANDS = (
    *("daemon", "version", "help", "?", "sandbox", "-h", "--help", "-V", "--version", "logout", ""),
    *("install-names", "completion", "shell", "term", "terminal", "console"),
)
_REMEMBERED = 1 << 20
"""Bytes of standard output that are kept for the case that the command is run again."""
_SILENT, _SILENT_LONG = 8, 60
"""Quarters of a second after which a silent daemon is asked whether it responds, and must."""
_END_WAIT = 1.0
"""Seconds that we wait for the end of the stream after `exit`, so that the daemon does not see a cancelled call."""


class Run:
    """One command line in the daemon: its streams, its signals, its end. Without words it comes by standard input."""

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        self.before_leaving: Callable[[], None] | None = None
        """Puts the terminal right when a signal ends us."""
        self.end = b""
        """The RunExit."""
        self._request_id = os.urandom(16).hex().encode()
        self._connection: Connection | None = None
        self._code = -1
        self.jobs: list[int] = []
        """The transfer jobs that the command goes on as."""
        self._go_on: list[bytes] = []
        self._progressed = self._is_settled = False
        self.interrupted = False
        """The user has pressed Ctrl-C."""
        self.said_unresponsive = False
        self._waiting = False
        self._notes: list[bytes] = []
        self._display: Display | None = None
        self._input: StandardInput | None = None
        self._log: DebugLog | None = None
        self._program: Program | None = None
        self._unread = False
        """What standard output was for has ended, and nobody wants the rest."""
        self._recovery: Recovery | None = None
        self._printed: list[bytes] | None = []
        """Standard output so far, to be compared when the command is run again; None: too much, or not only that."""
        self._printed_bytes = 0

    def to_the_end(self) -> int:
        """Run the words; return the command's exit code. Raises ClientError."""
        self._watch_signals()
        if self.invocation.debug:
            from alienctl.local.debug_log import DebugLog

            self._log = DebugLog(self.invocation)
        words = [os.fsencode(word) for word in self.invocation.words]
        while True:
            call = self._exchange(words)
            if self._code >= 0:
                self._look_at_version()
                return self._code_of_all(words)
            if self._was_other_contract(call):
                continue
            if not call.lost:
                raise ClientError(call.message, _ENOTCONN if call.status == UNAVAILABLE else 1)
            if not self._recovery:
                from alienctl.recovery import Recovery

                self._recovery = Recovery(words)
            words = self._recovery.next_words(call, self._go_on, self.jobs, self._printed, progressed=self._progressed)

    def _look_at_version(self) -> None:
        """Have an older daemon replaced; the command has ended, and its output is written."""
        version = wire_messages.exit_version(self.end)
        if version != VERSION.encode():
            from alienctl.daemon.upgrade import after_command

            after_command(self.invocation, version.decode("utf-8", "replace"))

    def _was_other_contract(self, call: Call) -> bool:
        """Whether a daemon of another contract refused the command and was replaced; once. Raises ClientError."""
        if call.status not in (FAILED_PRECONDITION, UNIMPLEMENTED) or self._is_settled:
            return False
        from alienctl.daemon.upgrade import settle_contract

        self._is_settled = True
        return settle_contract(self.invocation)

    def _code_of_all(self, last_words: list[bytes]) -> int:
        """The exit code; commands behind one that was taken up again may be missing."""
        words = self.invocation.words
        has_more = not self.invocation.command or any(sign in words[-1] for sign in ";\n")
        if not has_more or last_words == list(map(os.fsencode, words)):
            return self._code
        complain("the commands that followed the one that was taken up again were not carried out")
        return self._code or _TEMPORARY_FAILURE

    def send(self, message: bytes) -> None:
        """Send a RunInput."""
        if self._connection and not self._connection.call.ended:
            self._connection.call.send_message(message)
            self._connection.flush()

    def resize(self) -> None:
        """Tell the daemon the terminal's new size, as soon as possible."""
        self._note(wire_messages.resize(*terminal_size()))

    def _exchange(self, words: list[bytes]) -> Call:
        """Run words on a connection of their own, to its end or loss."""
        self._connection = connection = self._connect()
        connection.on_silence = self._on_silence
        call = connection.call
        self._progressed = False
        takes_commands = not self.invocation.command and len(words) == len(self.invocation.words)
        self.send(self._start(words, takes_commands))
        # `cd -` is the directory before this one, `cp LFN -` wants standard output
        wanted = b"-" in (words[:-1] if self.invocation.command == "cp" else words)
        if takes_commands or (wanted and self.invocation.command != "cd"):
            from alienctl.local.stdin_forwarder import StandardInput

            self._input = StandardInput(connection)
        try:
            while not call.ended:
                for message in connection.feed(self._wait(connection)):
                    self._handle(*wire_messages.event(message))
                    self._go_on = wire_messages.go_on(message) or self._go_on
        except wire_messages.MessageError as error:
            raise ClientError(f"what answers on {connection.path} is not our daemon: {error}", 71) from None
        finally:
            self._connection = None
            connection.close()
            self._close_display()
            self._end_program()
        return call

    def _connect(self) -> Connection:
        invocation = self.invocation
        try:
            return Connection(invocation.socket, Call(b"/aliend.v1.Console/Run"))
        except (NoDaemonError, UnsafeSocketError) as error:
            from alienctl.daemon.start import attach, start

            if invocation.autostart:
                from alienctl.daemon.profiles import check_typed

                check_typed(invocation)
                start(invocation)
            elif not attach(invocation):
                sentence = f"{error}, and --no-autostart was given; start one with: alienctl daemon start"
                raise ClientError(sentence, _ENOTCONN) from None
        return self._connect()  # it may have ended again

    def _start(self, words: list[bytes], takes_commands: bool) -> bytes:
        umask = os.umask(0o077)
        os.umask(umask)
        try:
            cwd = os.getcwdb()
        except OSError:
            cwd = b""  # a deleted directory hinders only the commands that need it
        streams = (os.isatty(0), os.isatty(1), os.isatty(2))
        size = terminal_size() if any(streams) else (0, 0)
        session = self.invocation.session.encode()
        header = wire_messages.start_header(CONTRACT, VERSION.encode(), cwd, umask, session)
        invocation = self.invocation
        flags = (takes_commands, invocation.strict, invocation.raw, invocation.interactive, invocation.debug)
        header += wire_messages.wishes(*flags) + wire_messages.request_id(self._request_id)
        return wire_messages.start(header, words, wire_messages.terminal(streams, *size), self.invocation.variables())

    def _wait(self, connection: Connection) -> bytes:
        """Wait for bytes of the daemon; standard input that comes meanwhile is sent on."""
        while self._input and (message := self._while_waiting(self._input.next_message)):
            self.send(message)
        return self._while_waiting(connection.read)

    def _while_waiting(self, wait: "Callable[[], bytes]") -> bytes:
        """Wait; what signals have to say is sent before, or by their handlers, never beside other sending."""
        while True:
            self._send_notes()
            self._waiting = True
            if not self._notes:
                break
            self._waiting = False  # a signal came between the two
        try:
            return wait()
        finally:
            self._waiting = False

    def _handle(self, kind: int, content: bytes) -> None:
        self._progressed = True
        if kind in (wire_messages.STDOUT, wire_messages.STDERR):
            self._close_display()
            self._write(kind, content)
        elif kind == wire_messages.EXIT:
            self._code = self._end_program() or wire_messages.exit_code(content) & 255
            self.end = content
            if self._log:
                self._log.write(f"exit code {self._code}")
            if self._connection:
                self._connection.limit_waiting(_END_WAIT)
        elif kind == wire_messages.LOG and self._log:
            self._log.write(content.decode("utf-8", "replace"))
        elif kind == wire_messages.OUTPUT_END:
            self._end_program()
            self._unread = False
        elif kind == wire_messages.JOB:
            self.jobs += [job for job in wire_messages.jobs(content) if job not in self.jobs]
        elif kind == wire_messages.PROGRESS and os.isatty(1):
            self._show(content)
        elif kind == wire_messages.QUESTION:
            from alienctl.local.prompt import ask

            self._close_display()
            self.send(ask(content, self))
        elif kind == wire_messages.HANDOFF:
            from alienctl.local.child_process import Program

            self._close_display()
            self._printed = None
            self._program, self._unread = Program(content, self.invocation, has_terminal=not self._input), False
            if not self._program.takes_input:
                self._end_program()

    def _end_program(self) -> int:
        """Wait for the end of the program that was handed over, and tell it; its status."""
        status = 0
        if self._program:
            program, self._program = self._program, None
            status, self._unread = program.finish(), program.is_output
            self.send(wire_messages.handoff_result(status))
        return status

    def _on_silence(self, quarters: int) -> None:
        """Find out whether the daemon responds, where it was silent for long or the user interrupted the command."""
        if self._connection and (quarters == _SILENT or quarters % _SILENT_LONG == 0 or self.interrupted):
            from alienctl.local.silence import check

            check(self, self._connection, is_late=quarters >= _SILENT_LONG)

    def _write(self, descriptor: int, content: bytes) -> None:
        if descriptor == wire_messages.STDOUT:
            content = self._recovery.fresh(content) if self._recovery else content
            self._remember(content)
        if descriptor == wire_messages.STDOUT and (self._program or self._unread):
            if self._program and not self._program.write(content):
                self._end_program()
            return
        try:
            write_all(descriptor, content)
        except OSError as error:
            if descriptor == 2:
                return
            self._cancel()
            if isinstance(error, BrokenPipeError):
                os._exit(_SIGPIPE_EXIT)
            sentence = f"standard output cannot be written: {error.strerror}"
            raise ClientError(sentence, error.errno or 1) from None

    def _remember(self, content: bytes) -> None:
        self._printed_bytes += len(content)
        if self._printed_bytes > _REMEMBERED:
            self._printed = None
        if self._printed is not None:
            self._printed.append(content)

    def _cancel(self) -> None:
        if self._connection:
            self._connection.call.cancel()
            self._connection.flush()

    def _show(self, content: bytes) -> None:
        if not self._display:
            from alienctl.local.progress_bars import Display

            self._display = Display()
            self.before_leaving = self._display.close
            _signal.signal(_signal.SIGWINCH, lambda *_: self.resize())
        self._display.show(content)

    def _close_display(self) -> None:
        if self._display:
            self._display.close()
            self._display = self.before_leaving = None

    def _watch_signals(self) -> None:
        """Serve the signals that would end us; those that our parent has set to be ignored stay ignored."""
        for number in (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP):
            if _signal.getsignal(number) != _signal.SIG_IGN:
                _signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _frame: "FrameType | None") -> None:
        if number == _signal.SIGINT and self._connection and not self.interrupted:
            self.interrupted = True
            self._note(wire_messages.signal(number))
            return
        if number == _signal.SIGINT and self._program:
            return  # the program has it as well, and the terminal
        if self._waiting:
            self._cancel()
        if self.before_leaving:
            self.before_leaving()
        self.leave(number)

    def leave(self, number: int) -> None:
        """End, or stop waiting, because of a signal."""
        os._exit(128 + number)

    def _note(self, message: bytes) -> None:
        """Send from a signal handler: now if the main flow only waits, else before it waits again."""
        self._notes.append(message)
        while self._waiting and self._notes:
            self._waiting = False
            self._send_notes()
            self._waiting = True

    def _send_notes(self) -> None:
        while self._notes:
            self.send(self._notes.pop(0))


def terminal_size() -> tuple[int, int]:
    """Columns and rows of the terminal; 0, 0 when none of the standard streams is one."""
    for descriptor in (1, 2, 0):
        try:
            columns, rows = os.get_terminal_size(descriptor)
        except OSError:
            continue
        return columns, rows
    return 0, 0


def write_all(descriptor: int, content: bytes) -> None:
    """Write everything, also to a pipe that somebody has made non-blocking. Raises OSError."""
    while content:
        try:
            content = content[os.write(descriptor, content) :]
        except BlockingIOError:
            from select import select

            select([], [descriptor], [])


def complain(sentence: str) -> None:
    """Say a sentence on stderr; nobody can be told when that fails."""
    try:
        write_all(2, f"alienctl: {sentence}\n".encode("utf-8", "backslashreplace"))
    except OSError:
        return


def _open_standard_streams() -> None:
    """Give /dev/null to standard streams that are closed, so that the socket does not take their numbers."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open("/dev/null", os.O_RDWR)


def run(words: list[str]) -> int:
    """Run the words of one `alienctl`; return the exit code."""
    try:
        invocation = Invocation(words, os.environb)
        if invocation.command == "__complete":
            from alienctl.shell.completion import answer

            return answer(invocation)
        if invocation.command in _LOCAL_COMMANDS or invocation.words[-1] in ("-h", "--help"):
            from alienctl.local_commands import perform

            return perform(invocation)
        return Run(invocation).to_the_end()
    except ClientError as error:
        complain(str(error))
        return error.code
    except BrokenPipeError:
        return _SIGPIPE_EXIT  # whoever read the output has gone


def _words(argv: list[str]) -> list[str]:
    """The words of the command line; called as `alien_ls` or `alien-token-init`, the rest of the name is the first."""
    name = argv[0].rpartition("/")[2]
    is_command = name.startswith(("alien_", "alien-")) and name != "alien_cmd"
    return [name[6:], *argv[1:]] if is_command else argv[1:]


def entry() -> "NoReturn":
    """The command `alienctl`. Ends the process at once: everything has been written by then."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _open_standard_streams()
    os._exit(run(_words(sys.argv)))
