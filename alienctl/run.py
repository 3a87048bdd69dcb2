"""Runs one command line in the daemon: `Console.Run`, standard streams, signals and the exit code.

Part of the fast path: imports only the cheap part of the standard library. Rarely used parts are in `alienctl/local/`
and `alienctl/daemon/`, and are imported where they are used.
"""

import os

from alienctl import CONTRACT, VERSION, ClientError, NoDaemonError, UnsafeSocketError, wire_messages
from alienctl.grpc_call import FAILED_PRECONDITION, INTERNAL, UNAVAILABLE, UNIMPLEMENTED, Call
from alienctl.invocation import Invocation
from alienctl.terminal import print_error, terminal_size, write_all
from alienctl.transport import Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable, Mapping
    from types import FrameType

    from alienctl.local.child_process import Program
    from alienctl.local.debug_log import DebugLog
    from alienctl.local.progress_bars import Display
    from alienctl.local.stdin_forwarder import StandardInput
    from alienctl.recovery import Recovery
else:
    import _signal

_ENOTCONN, _TEMPORARY_FAILURE, _SIGPIPE_EXIT = 107, 75, 141
_EXIT_CODES = {UNAVAILABLE: _ENOTCONN, INTERNAL: 70}
"""Exit codes for a call that failed as a whole; 1 for other statuses."""
_OUTPUT_MEMORY = 1 << 20
"""Bytes of standard output that are kept for a second run of the command."""
_SILENT, _SILENT_LONG = 8, 60
"""Quarters of a second without a reply: the daemon is probed after `_SILENT`, then after each `_SILENT_LONG`."""
_END_WAIT = 1.0
"""Seconds to wait for the end of the stream after `exit`, so that the daemon does not see a cancelled call."""


class CommandRun:
    """One command line that runs in the daemon. Without arguments, the commands come from standard input."""

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        self.restore_terminal: Callable[[], None] | None = None
        """Called before a signal ends the process."""
        self.exit_message = b""
        """The RunExit message; empty before the command has ended."""
        self._request_id = os.urandom(16).hex().encode()
        self._connection: Connection | None = None
        self._code = -1
        self.jobs: list[int] = []
        """Numbers of the transfer jobs that continue the command."""
        self._continuation: list[bytes] = []
        self._progressed = self._has_replaced_daemon = self._has_detached = False
        self.interrupted = False
        """The user has pressed Ctrl-C."""
        self.reported_unresponsive = False
        self._waiting = False  # true while a signal handler may send
        self._pending: list[bytes] = []
        self._display: Display | None = None
        self._input: StandardInput | None = None
        self._log: DebugLog | None = None
        self._program: Program | None = None
        self._rescue = ""
        """Where the text is that the last program has changed."""
        self._discards_output = False
        """The program that read standard output has ended; the rest is discarded."""
        self._recovery: Recovery | None = None
        self._printed: list[bytes] | None = []
        """Standard output so far, to compare with that of a second run; None if too long or not comparable."""
        self._printed_bytes = 0

    def run(self) -> int:
        """Run the command line; return its exit code. Raises ClientError."""
        self._watch_signals()
        if self.invocation.debug:
            from alienctl.local.debug_log import DebugLog

            self._log = DebugLog(self.invocation)
        args = [os.fsencode(arg) for arg in self.invocation.args]
        while True:
            call = self._run_once(args)
            if self._code >= 0:
                self._upgrade_daemon()
                return self._final_code(args)
            if self._replaced_daemon(call):
                continue
            if not call.lost:
                advice = "\nfor the details, run `alienctl daemon logs`" if call.status == INTERNAL else ""
                raise ClientError(call.message + advice, _EXIT_CODES.get(call.status, 1))
            if not self._recovery:
                from alienctl.recovery import Recovery

                self._recovery = Recovery(args)
            try:
                args = self._recovery.next_args(
                    call, self._continuation, self.jobs, self._printed, progressed=self._progressed
                )
            except ClientError as error:
                raise (ClientError(f"{error}\n{self._rescue}", error.code) if self._rescue else error) from None

    def _upgrade_daemon(self) -> None:
        """Replace an older daemon, after the command has ended and its output is written."""
        version = wire_messages.exit_version(self.exit_message)
        if version != VERSION.encode():
            from alienctl.daemon.upgrade import after_command

            after_command(self.invocation, version.decode("utf-8", "replace"))

    def _replaced_daemon(self, call: Call) -> bool:
        """Replace, at most once, a daemon of another contract that refused the command. Raises ClientError."""
        if call.status not in (FAILED_PRECONDITION, UNIMPLEMENTED) or self._has_replaced_daemon:
            return False
        from alienctl.daemon.upgrade import settle_contract

        self._has_replaced_daemon = True
        return settle_contract(self.invocation)

    def _final_code(self, last_args: list[bytes]) -> int:
        """Return the exit code; report commands that did not run because an earlier one was continued after a loss."""
        args = self.invocation.args
        has_more = not self.invocation.command or any(separator in args[-1] for separator in ";\n")
        if not has_more or last_args == list(map(os.fsencode, args)):
            return self._code
        print_error("the connection to the daemon was lost; the remaining commands of the line were not run")
        return self._code or _TEMPORARY_FAILURE

    @property
    def environment(self) -> "Mapping[bytes, bytes]":
        """Return the environment of the command."""
        return self.invocation.environment

    @property
    def args(self) -> list[str]:
        """Return the arguments of the command line."""
        return self.invocation.args

    def send(self, message: bytes) -> None:
        """Send a RunRequest."""
        if self._connection and not self._connection.call.ended:
            self._connection.call.send_message(message)
            self._connection.flush()

    def resize(self) -> None:
        """Send the terminal's new size to the daemon as soon as possible."""
        self._send_from_handler(wire_messages.resize(*terminal_size()))

    def _run_once(self, args: list[bytes]) -> Call:
        """Run `args` on a new connection until the call ends or the connection is lost."""
        self._connection = connection = self._connect()
        connection.on_silence = self._on_silence
        call = connection.call
        self._progressed = False
        takes_commands = not self.invocation.command and len(args) == len(self.invocation.args)
        self.send(self._start_message(args, takes_commands))
        # `cd -` names the previous directory, and `cp LFN -` writes to standard output
        reads_input = b"-" in (args[:-1] if self.invocation.command == "cp" else args)
        if takes_commands or (reads_input and self.invocation.command != "cd"):
            from alienctl.local.stdin_forwarder import StandardInput

            self._input = StandardInput(connection)
        try:
            while not call.ended:
                for message in connection.feed(self._wait(connection)):
                    self._handle(*wire_messages.event(message))
                    self._continuation = wire_messages.go_on(message) or self._continuation
        except wire_messages.MessageError as error:
            raise ClientError(f"the process that listens on {connection.path} is not aliend: {error}", 71) from None
        finally:
            self._connection = None
            connection.close()
            self._close_display()
            self._end_program()
        return call

    def _connect(self) -> Connection:
        try:
            return Connection(self.invocation.socket, Call(b"/aliend.v1.ConsoleService/Run"))
        except (NoDaemonError, UnsafeSocketError) as error:
            self._start_daemon(error)
        return self._connect()  # the daemon may have ended again

    def _start_daemon(self, error: ClientError) -> None:
        """Start the daemon, or find one at another socket. Raises ClientError."""
        from alienctl.daemon.start import attach, start

        if self.invocation.autostart:
            from alienctl.daemon.profiles import check_typed

            check_typed(self.invocation)
            start(self.invocation)
        elif not attach(self.invocation):
            sentence = f"{error}, and --no-autostart was given; start one with: `alienctl daemon start`"
            raise ClientError(sentence, _ENOTCONN) from None

    def _start_message(self, args: list[bytes], takes_commands: bool) -> bytes:
        umask = os.umask(0o077)
        os.umask(umask)
        try:
            cwd = os.getcwdb()
        except OSError:
            cwd = b""  # deleted: only commands that need a directory fail
        streams = self._terminals()
        size = terminal_size() if any(streams) else (0, 0)
        session = self.invocation.session.encode()
        header = wire_messages.start_header(CONTRACT, VERSION.encode(), cwd, umask, session)
        invocation = self.invocation
        flags = (takes_commands, invocation.strict, invocation.raw, invocation.interactive, invocation.debug)
        header += wire_messages.run_flags(*flags) + wire_messages.request_id(self._request_id)
        return wire_messages.start(header, args, wire_messages.terminal(streams, *size), self.invocation.variables())

    def _terminals(self) -> tuple[bool, bool, bool]:
        """Return which of the standard streams are terminals; the Python library overrides this."""
        return os.isatty(0), os.isatty(1), os.isatty(2)

    def _wait(self, connection: Connection) -> bytes:
        """Wait for bytes from the daemon; send standard input to it in the meantime."""
        while self._input and (message := self._call_interruptibly(self._input.next_message)):
            self.send(message)
        return self._call_interruptibly(connection.read)

    def _call_interruptibly(self, wait: "Callable[[], bytes]") -> bytes:
        """Call `wait` so that signal handlers may send meanwhile; they never interrupt another message."""
        while True:
            self._send_pending()
            self._waiting = True
            if not self._pending:
                break
            self._waiting = False  # a signal arrived between the two lines above
        try:
            return wait()
        finally:
            self._waiting = False  # true while a signal handler may send

    def _handle(self, kind: int, content: bytes) -> None:
        self._progressed = True
        if kind in (wire_messages.STDOUT, wire_messages.STDERR):
            self._close_display()
            self._write(kind, content)
        elif kind == wire_messages.EXIT:
            self._code = self._end_program() or wire_messages.exit_code(content) & 255
            self.exit_message = content
            if self._log:
                self._log.write(f"exit code {self._code}")
            if self._connection:
                self._connection.limit_waiting(_END_WAIT)
        elif kind == wire_messages.LOG and self._log:
            self._log.write(content.decode("utf-8", "replace"))
        elif kind == wire_messages.OUTPUT_END:
            self._end_program()
            self._discards_output = False
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
            self._discards_output = False
            self._program = Program(
                content, self.invocation, has_terminal=not self._input, output=self._pipeline_output()
            )
            if not self._program.takes_input:
                self._end_program()

    def _pipeline_output(self) -> "int | None":
        """Return the file that gets the output of a pipeline; None: standard output."""
        return None

    def _end_program(self) -> int:
        """Wait for the handed-off program, report its exit status to the daemon and return it; 0 without a program."""
        status = 0
        if self._program:
            program, self._program = self._program, None
            status, self._discards_output = program.finish(), program.is_output
            self._rescue = program.rescue
            self.send(wire_messages.handoff_result(status))
        return status

    def _on_silence(self, quarters: int) -> None:
        """Probe the daemon after a long silence, or at once after Ctrl-C."""
        if self._connection and (quarters == _SILENT or quarters % _SILENT_LONG == 0 or self.interrupted):
            from alienctl.daemon.silence import check

            check(self, self._connection, is_late=quarters >= _SILENT_LONG)

    def _write(self, descriptor: int, content: bytes) -> None:
        if descriptor == wire_messages.STDOUT:
            content = self._recovery.new_output(content) if self._recovery else content
            self._record_output(content)
        if descriptor == wire_messages.STDOUT and (self._program or self._discards_output):
            if self._program and not self._program.write(content):
                self._end_program()
            return
        self._print(descriptor, content)

    def _print(self, descriptor: int, content: bytes) -> None:
        """Write to a standard stream; the Python library overrides this."""
        try:
            write_all(descriptor, content)
        except OSError as error:
            if descriptor == 2:
                return
            self._cancel()
            if isinstance(error, BrokenPipeError):
                os._exit(_SIGPIPE_EXIT)
            sentence = f"cannot write to standard output: {error.strerror}"
            raise ClientError(sentence, error.errno or 1) from None

    def _record_output(self, content: bytes) -> None:
        self._printed_bytes += len(content)
        if self._printed_bytes > _OUTPUT_MEMORY:
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
            self.restore_terminal = self._display.close
            _signal.signal(_signal.SIGWINCH, lambda *_: self.resize())
        self._display.show(content)

    def _close_display(self) -> None:
        if self._display:
            self._display.close()
            self._display = self.restore_terminal = None

    def _watch_signals(self) -> None:
        """Handle SIGINT, SIGTERM and SIGHUP, except those that the parent process set to be ignored."""
        for number in (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP, _signal.SIGQUIT):
            if _signal.getsignal(number) != _signal.SIG_IGN:
                _signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _frame: "FrameType | None") -> None:
        if number == _signal.SIGINT and self._connection and not self.interrupted:
            self.interrupted = True
            self._send_from_handler(wire_messages.signal(number))
            return
        if number == _signal.SIGQUIT and self._connection and self.jobs and not self._has_detached:
            self._has_detached = True  # the jobs continue; a second Ctrl-\ ends the client at once
            self._send_from_handler(wire_messages.signal(number))
            return
        if number == _signal.SIGINT and self._program:
            return  # the program owns the terminal and gets the signal too
        if self._waiting:
            self._cancel()
        if self.restore_terminal:
            self.restore_terminal()
        self.leave(number)

    def leave(self, number: int) -> None:
        """End the process because of a signal; the shell overrides this to stop waiting only."""
        os._exit(128 + number)

    def _send_from_handler(self, message: bytes) -> None:
        """Send from a signal handler: now if the main flow only waits, else before its next wait."""
        self._pending.append(message)
        while self._waiting and self._pending:
            self._waiting = False  # true while a signal handler may send
            self._send_pending()
            self._waiting = True

    def _send_pending(self) -> None:
        while self._pending:
            self.send(self._pending.pop(0))
