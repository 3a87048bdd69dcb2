"""alienctl against a real gRPC server: streams, exit codes, errors, signals, and what happens when the server dies."""

from __future__ import annotations

import hashlib
import os
import pty
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.client.fake_daemon import MIB
from tests.integration.client.runner import Stage, a_stage, eventually

CHEAP = {
    "alienctl",
    "alienctl.invocation",
    "alienctl.main",
    "alienctl.run",
    "alienctl.terminal",
    "alienctl.wire_messages",
    "alienctl.grpc_call",
    "alienctl.transport",
    "_socket",
}
"""The modules that `alienctl pwd` may import in addition to a bare interpreter."""


@pytest.fixture(scope="module")
def shared() -> Iterator[Stage]:
    with a_stage() as stage:
        assert stage.run("daemon", "start").returncode == 0
        yield stage


@pytest.fixture
def stage() -> Iterator[Stage]:
    with a_stage() as stage:
        assert stage.run("daemon", "start").returncode == 0
        yield stage


def modules(stage: Stage, code: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", code], env=stage.environment, capture_output=True, timeout=120)
    return set(done.stderr.decode().split())


def test_the_fast_path_imports_only_cheap_modules(shared: Stage) -> None:
    tell = "sys.stderr.write(' '.join(sys.modules))"
    bare = modules(shared, f"import sys; {tell}")
    fast = modules(shared, f"import sys; from alienctl.main import run; assert run(['pwd']) == 0; {tell}")
    assert "alienctl.main" in fast
    assert fast - bare == CHEAP


def test_both_streams_and_the_exit_code_are_the_commands(shared: Stage) -> None:
    done = shared.run("both", "5")
    assert (done.stdout, done.stderr, done.returncode) == (b"to stdout\n", b"to stderr\n", 5)


def test_the_daemon_gets_directory_and_terminal_of_the_command(shared: Stage) -> None:
    done = shared.run("--session", "work", "start", os.fsdecode(b"\xff"), cwd="/usr", umask=0o27)
    for line in ('session: "work"', 'argv: "\\377"', 'cwd: "/usr"', "umask: 23", 'key: "HOME"'):
        assert line in done.stdout.decode()
    assert "PYTHONPATH" not in done.stdout.decode()


def test_a_deleted_working_directory_does_not_hinder(shared: Stage) -> None:
    words = 'mkdir "$HOME/gone" && cd "$HOME/gone" && rmdir "$HOME/gone" && exec "$@"'
    command = ["sh", "-c", words, "sh", *shared.command, "pwd"]
    done = subprocess.run(command, env=shared.environment, capture_output=True, timeout=120)
    assert (done.stdout, done.returncode) == (b"/alice/cern.ch/user/t/test/\n", 0)


def test_fifty_megabytes_arrive_unchanged(shared: Stage) -> None:
    done = shared.run("flood", "50")
    assert hashlib.md5(done.stdout).digest() == hashlib.md5(MIB * 50).digest()


def test_fifty_megabytes_of_standard_input_come_back_unchanged(shared: Stage) -> None:
    data = os.urandom(1 << 20) * 50
    done = shared.run("cat", "-", input=data)
    assert (done.returncode, done.stdout == data) == (0, True)


def test_cd_to_the_directory_before_leaves_standard_input_alone(shared: Stage) -> None:
    words = '"$@" --no-autostart cd - 2>/dev/null; cat'
    command = ["sh", "-c", words, "sh", *shared.command]
    done = subprocess.run(command, env=shared.environment, input=b"untouched", capture_output=True, timeout=120)
    assert done.stdout == b"untouched"


def test_a_slow_reader_gets_everything(shared: Stage) -> None:
    process = shared.start("flood", "64")
    assert process.stdout
    received = 0
    with process:
        while data := os.read(process.stdout.fileno(), 1 << 16):
            received += len(data)
            select.select([], [], [], 0.0005)
    assert received == 64 << 20


def test_the_end_of_the_reader_ends_the_command_quietly(shared: Stage) -> None:
    process = shared.start("flood", "500")
    assert process.stdout
    assert process.stderr
    with process:
        os.read(process.stdout.fileno(), 10)
        process.stdout.close()
        assert process.wait(60) == 141
        assert process.stderr.read() == b""
    eventually(lambda: shared.logged("cancelled flood"), "the command is cancelled")


@pytest.mark.parametrize("line", ["pwd", "help", "daemon status", "completion bash"])
def test_a_full_disk_is_reported(shared: Stage, line: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = shared.run(*line.split(), stdout=full, capture_output=False, stderr=subprocess.PIPE)
    assert done.returncode == 28
    assert done.stderr == b"alienctl: cannot write to standard output: No space left on device\n"


def test_closed_standard_streams_do_not_hinder(shared: Stage) -> None:
    command = ["sh", "-c", '"$@" pwd <&- >&- 2>&-', "sh", *shared.command]
    assert subprocess.run(command, env=shared.environment, timeout=120).returncode == 0


@pytest.mark.parametrize("when", [[], ["after"]])
def test_an_error_of_the_call_is_one_sentence(shared: Stage, when: list[str]) -> None:
    done = shared.run("fail", "FAILED_PRECONDITION", "40000", *when)
    sentence = f"alienctl: Das geht nicht: größer als 100 % \u2192 {'x' * 40000}\n"
    assert (done.returncode, done.stderr.decode()) == (1, sentence)
    assert done.stdout == (b"some\n" if when else b"")


def test_an_unreachable_service_is_exit_code_107(shared: Stage) -> None:
    assert shared.run("fail", "UNAVAILABLE", "1").returncode == 107


def test_the_first_interrupt_is_sent_to_the_command(shared: Stage) -> None:
    process = shared.start("interrupted")
    with process:
        assert process.stdout
        assert process.stdout.readline() == b"waiting\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr
        assert process.stderr.read() == b""


def test_the_second_interrupt_ends_the_client_and_the_command(stage: Stage) -> None:
    process = stage.start("wait")
    with process:
        assert process.stdout
        assert process.stdout.readline() == b"waiting\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == b"signal\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert stage.logged("signal") == ["signal 2"]
    eventually(lambda: stage.logged("cancelled wait"), "the command is cancelled")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_client_that_ends_takes_its_command_along(stage: Stage, number: signal.Signals) -> None:
    process = stage.start("wait")
    with process:
        assert process.stdout
        assert process.stdout.readline() == b"waiting\n"
        process.send_signal(number)
        assert process.wait(60) == (-9 if number == signal.SIGKILL else 128 + number)
    eventually(lambda: stage.logged("cancelled wait"), "the command is cancelled")


def test_a_handed_over_program_gets_its_input_and_returns_its_status(shared: Stage) -> None:
    done = shared.run("handoff", "cat")
    assert (done.stdout, done.returncode) == (b"a page\n", 0)
    assert shared.run("handoff", "sh", "-c", "kill -TERM $$").returncode == 143
    assert shared.run("handoff", "/nonexistent/pager").returncode == 127


def test_a_program_gets_the_output_until_the_command_ends(shared: Stage) -> None:
    done = shared.run("page", "sh", "-c", "cat; echo end; exit 3", "few")
    assert (done.stdout, done.returncode) == (b"line 0\nend\n", 3)


def test_a_program_that_wants_no_more_ends_the_command_and_the_rest_is_thrown_away(shared: Stage) -> None:
    done = shared.run("page", "head", "-n", "2")
    assert (done.stdout, done.stderr, done.returncode) == (b"line 0\nline 1\n", b"", 0)


def test_a_program_that_may_be_missing_is_reported_by_its_status_only(shared: Stage) -> None:
    done = shared.run("page", "/nonexistent/pager")
    assert (done.stdout, done.stderr, done.returncode) == (b"", b"", 0)


def at_a_terminal(
    stage: Stage, words: list[str], prompt: bytes = b"", act: Callable[[int], object] = int
) -> tuple[bytes, int]:
    """Run alienctl on a separate terminal; act on the terminal when the prompt has appeared."""
    pid, terminal = pty.fork()
    if not pid:
        os.execve(sys.executable, [*stage.command, *words], stage.environment | {"TERM": "xterm"})
    shown = b""
    try:
        while select.select([terminal], [], [], 60)[0]:
            data = os.read(terminal, 4096)
            shown += data
            if prompt and prompt in shown:
                act(terminal)
                prompt = b""
            if not data:
                break
    except OSError:
        shown += b""  # EIO: the other side of the terminal has ended
    finally:
        os.close(terminal)
    return shown, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_passphrase_is_asked_for_without_echo(shared: Stage) -> None:
    shown, code = at_a_terminal(shared, ["ask"], b"Passphrase: ", lambda terminal: os.write(terminal, b"open sesame\n"))
    assert code == 0
    assert b"answer 'open sesame' False" in shown
    assert shown.count(b"sesame") == 1


@pytest.mark.parametrize("refusal", [b"\x04", b"\x03"])
def test_a_question_can_be_refused_at_the_terminal(shared: Stage, refusal: bytes) -> None:
    shown, code = at_a_terminal(shared, ["ask"], b"Passphrase: ", lambda terminal: os.write(terminal, refusal))
    assert code == 0
    assert b"answer '' True" in shown


def test_without_a_terminal_a_question_is_refused(shared: Stage) -> None:
    assert shared.run("ask", start_new_session=True).stdout == b"answer '' True\n"


def test_progress_is_drawn_on_a_terminal_and_taken_away(shared: Stage) -> None:
    shown, code = at_a_terminal(shared, ["progress"])
    assert code == 0
    assert b"a.root" in shown
    assert b"\x1b[?25h" in shown
    assert shown.endswith(b"done\r\n")


def test_a_new_terminal_size_is_sent_while_progress_is_shown(shared: Stage) -> None:
    shown, code = at_a_terminal(
        shared, ["resize"], b"a.root", lambda terminal: termios.tcsetwinsize(terminal, (33, 111))
    )
    assert code == 0
    assert b"now 111x33" in shown


def test_an_interrupt_reaches_a_command_that_reads_standard_input(stage: Stage) -> None:
    process = stage.start("interrupted", "-", stdin=subprocess.PIPE)
    with process:
        assert process.stdout
        assert process.stdout.readline() == b"waiting\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


def test_progress_is_silent_without_a_terminal(shared: Stage) -> None:
    done = shared.run("progress")
    assert (done.stdout, done.stderr) == (b"done\n", b"")


def test_a_daemon_that_dies_leaves_a_clear_sentence(stage: Stage) -> None:
    done = stage.run("die")
    assert (done.stdout, done.returncode) == (b"last words\n", 75)
    assert done.stderr == (
        b"alienctl: the daemon ended while the command ran; its outcome is unknown: check before running it again\n"
    )
    assert len(stage.logged("run die")) == 1


def test_a_command_reports_a_hanging_daemon_and_ends(stage: Stage) -> None:
    done = stage.run("hang")
    sentence = f"aliend (pid {stage.pids()[0]}) does not respond".encode()
    assert (done.stdout, done.returncode) == (b"hanging\n", 75)
    assert done.stderr.count(sentence) == 2
    assert b"its outcome is unknown" in done.stderr


def test_the_first_interrupt_ends_a_command_of_a_hanging_daemon(stage: Stage) -> None:
    process = stage.start("hang")
    with process:
        assert process.stdout
        assert process.stdout.readline() == b"hanging\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


def test_a_lost_job_is_attached_to_again_on_a_new_daemon(stage: Stage) -> None:
    done = stage.run("copy")
    assert (done.stdout, done.returncode) == (b"last words\nattached attach 7\n", 3)
    assert done.stderr == b"alienctl: the connection to the daemon was lost; following job 7 again\n"
    assert len(stage.pids()) == 2


def test_resumable_output_is_neither_lost_nor_repeated(stage: Stage) -> None:
    done = stage.run("follow", "0", "13")
    assert (done.stdout, done.returncode) == (b"".join(b"%d\n" % number for number in range(13)), 0)
    assert len(stage.pids()) == 14


def test_a_stopping_daemon_ends_running_commands(stage: Stage) -> None:
    process = stage.start("wait")
    with process:
        assert process.stdout
        assert process.stdout.readline() == b"waiting\n"
        assert stage.run("daemon", "stop").returncode == 0
        assert process.wait(60) == 75
        assert process.stderr
        assert b"outcome is unknown" in process.stderr.read()


def test_the_python_api_speaks_to_the_same_daemon(shared: Stage) -> None:
    code = (
        "import asyncio; from alienctl.api import *; from aliend.v1 import daemon_pb2\n"
        "with connect() as grid: print(grid.services().daemon.Hello(daemon_pb2.HelloRequest()).version)\n"
        "async def main():\n"
        "    async with connect_async() as grid:\n"
        "        print((await (await grid.services()).daemon.Hello(daemon_pb2.HelloRequest())).version)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=shared.environment, capture_output=True, timeout=120)
    assert (done.stdout, done.returncode) == (b"9.9\n9.9\n", 0), done.stderr
