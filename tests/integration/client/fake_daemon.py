"""A daemon for the client's tests: grpcio's aio server with the generated servicers, and commands that do odd things.

`fake_daemon.py --profile P SOCKET LOG [--fail SENTENCE] [--late SECONDS]` serves until a request stops it. Each start,
argument and cancellation is a line of LOG.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from alienctl import CONTRACT, VERSION
from aliend.v1 import console_pb2, console_pb2_grpc, daemon_pb2, daemon_pb2_grpc

MIB = b"0123456789abcdef" * 65536


class Console(console_pb2_grpc.ConsoleServiceServicer):
    def __init__(self, log: Path) -> None:
        self.log = log

    def note(self, line: str) -> None:
        with self.log.open("a", errors="surrogateescape") as log:
            log.write(line + "\n")

    async def Run(self, _requests: object, context: Any) -> None:  # noqa: ANN401
        first = await context.read()
        words = [os.fsdecode(word) for word in first.start.argv]
        self.note(f"run {' '.join(words)}")
        try:
            code = await getattr(self, f"do_{words[0].replace('-', '_')}")(context, first.start, words[1:])
        except asyncio.CancelledError:
            self.note(f"cancelled {words[0]}")
            raise
        await context.write(console_pb2.RunResponse(exit=console_pb2.RunExit(code=code, version=VERSION)))

    async def do_pwd(self, context: Any, _start: Any, _words: list[str]) -> int:  # noqa: ANN401
        await context.write(console_pb2.RunResponse(stdout=b"/alice/cern.ch/user/t/test/\n"))
        return 0

    async def do_start(self, context: Any, start: Any, _words: list[str]) -> int:  # noqa: ANN401
        await context.write(console_pb2.RunResponse(stdout=str(start).encode()))
        return 0

    async def do_both(self, context: Any, _start: Any, words: list[str]) -> int:  # noqa: ANN401
        await context.write(console_pb2.RunResponse(stdout=b"to stdout\n"))
        await context.write(console_pb2.RunResponse(stderr=b"to stderr\n"))
        return int(words[0])

    async def do_flood(self, context: Any, _start: Any, words: list[str]) -> int:  # noqa: ANN401
        for _ in range(int(words[0])):
            await context.write(console_pb2.RunResponse(stdout=MIB))
        return 0

    async def do_cat(self, context: Any, _start: Any, _words: list[str]) -> int:  # noqa: ANN401
        while (received := await context.read()).WhichOneof("input") != "eof":
            await context.write(console_pb2.RunResponse(stdout=received.stdin))
        return 0

    async def do_wait(self, context: Any, _start: Any, _words: list[str]) -> int:  # noqa: ANN401
        await context.write(console_pb2.RunResponse(stdout=b"waiting\n"))
        while (received := await context.read()) is not grpc.aio.EOF:
            self.note(f"signal {received.signal.number}")
            await context.write(console_pb2.RunResponse(stdout=b"signal\n"))
        await asyncio.Event().wait()
        return 0

    async def do_hang(self, context: Any, _start: Any, _words: list[str]) -> int:  # noqa: ANN401
        """Block the event loop."""
        await context.write(console_pb2.RunResponse(stdout=b"hanging\n"))
        await asyncio.sleep(0.05)
        time.sleep(60)  # noqa: ASYNC251
        return 0

    async def do_interrupted(self, context: Any, _start: Any, _words: list[str]) -> int:  # noqa: ANN401
        await context.write(console_pb2.RunResponse(stdout=b"waiting\n"))
        return 128 + int((await context.read()).signal.number)

    async def do_fail(self, context: Any, _start: Any, words: list[str]) -> int:  # noqa: ANN401
        if "after" in words:
            await context.write(console_pb2.RunResponse(stdout=b"some\n"))
        await context.abort(grpc.StatusCode[words[0]], "Das geht nicht: größer als 100 % \u2192 " + "x" * int(words[1]))
        return 0

    async def do_die(self, context: Any, _start: Any, _words: list[str]) -> int:  # noqa: ANN401
        await context.write(console_pb2.RunResponse(stdout=b"last words\n"))
        await asyncio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    async def do_copy(self, context: Any, _start: Any, _words: list[str]) -> int:  # noqa: ANN401
        await context.write(console_pb2.RunResponse(job=console_pb2.AttachedJob(id=7)))
        return await self.do_die(context, None, [])

    async def do_follow(self, context: Any, _start: Any, words: list[str]) -> int:  # noqa: ANN401
        """Count up, and exit after each number below `words[1]`."""
        number = int(words[0])
        if number == int(words[1]):
            return 0
        go_on = [b"follow", b"%d" % (number + 1), words[1].encode()]
        await context.write(console_pb2.RunResponse(stdout=f"{number}\n".encode(), go_on=go_on))
        await asyncio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    async def do_transfers(self, context: Any, _start: Any, words: list[str]) -> int:  # noqa: ANN401
        await context.write(console_pb2.RunResponse(stdout=f"attached {' '.join(words)}\n".encode()))
        return 3

    async def do_handoff(self, context: Any, _start: Any, words: list[str]) -> int:  # noqa: ANN401
        argv = [os.fsencode(word) for word in words]
        await context.write(console_pb2.RunResponse(handoff=console_pb2.Handoff(argv=argv, stdin=b"a page\n")))
        return int((await context.read()).handoff_result.status)

    async def do_page(self, context: Any, _start: Any, words: list[str]) -> int:  # noqa: ANN401
        """Send lines to a program until it has ended, at most a million."""
        argv = [os.fsencode(word) for word in words]
        program = console_pb2.Handoff(argv=argv, takes_output=True, may_be_missing=True)
        await context.write(console_pb2.RunResponse(handoff=program))
        ended = asyncio.create_task(context.read())
        for number in range(1_000_000):
            await context.write(console_pb2.RunResponse(stdout=b"line %d\n" % number))
            if ended.done() or "few" in words:
                break
        return 0

    async def do_ask(self, context: Any, _start: Any, _words: list[str]) -> int:  # noqa: ANN401
        await context.write(console_pb2.RunResponse(question=console_pb2.Question(prompt="Passphrase: ")))
        answer = (await context.read()).answer
        await context.write(console_pb2.RunResponse(stdout=f"answer {answer.text!r} {answer.refused}\n".encode()))
        return 0

    async def do_progress(self, context: Any, _start: Any, _words: list[str]) -> int:  # noqa: ANN401
        for done in (1, 50, 100):
            file = console_pb2.FileProgress(id=1, name="a.root", bytes_done=done, bytes_total=100)
            progress = console_pb2.RunProgress(bytes_done=done, bytes_total=100, files_total=1, files=[file])
            await context.write(console_pb2.RunResponse(progress=progress))
        await context.write(console_pb2.RunResponse(stdout=b"done\n"))
        return 0

    async def do_resize(self, context: Any, _start: Any, _words: list[str]) -> int:  # noqa: ANN401
        file = console_pb2.FileProgress(id=1, name="a.root", bytes_done=1, bytes_total=100)
        await context.write(console_pb2.RunResponse(progress=console_pb2.RunProgress(bytes_total=100, files=[file])))
        size = (await context.read()).resize
        await context.write(console_pb2.RunResponse(stdout=f"now {size.columns}x{size.rows}\n".encode()))
        return 0


class Daemon(daemon_pb2_grpc.DaemonServiceServicer):
    def __init__(self, ending: asyncio.Event, profile: str, socket: str) -> None:
        self.ending, self.profile, self.socket = ending, profile, socket

    async def Hello(self, _request: object, _context: object) -> daemon_pb2.HelloResponse:
        return daemon_pb2.HelloResponse(version="9.9", contract=CONTRACT, pid=os.getpid())

    async def Status(self, _request: object, _context: object) -> daemon_pb2.StatusResponse:
        central = daemon_pb2.CentralStatus(endpoint="central:8097", connections=1, user="test", subject="/CN=Test")
        return daemon_pb2.StatusResponse(
            version="9.9", pid=os.getpid(), profile=self.profile, socket=self.socket, central=[central]
        )

    async def Stop(self, _request: object, _context: object) -> daemon_pb2.StopResponse:
        self.ending.set()
        return daemon_pb2.StopResponse(pid=os.getpid())


def told_of_itself() -> str:
    descriptors = [str(Path(f"/proc/self/fd/{number}").readlink()) for number in (0, 1)]
    started = f"started {os.getpid()} sid {os.getsid(0)} cwd {Path.cwd()}"
    return f"{started}\ndescriptors {' '.join(descriptors)}"


async def serve(socket: str, log: Path, profile: str) -> None:
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    server = grpc.aio.server()
    console = Console(log)
    console_pb2_grpc.add_ConsoleServiceServicer_to_server(console, server)
    daemon_pb2_grpc.add_DaemonServiceServicer_to_server(Daemon(ending, profile, socket), server)
    Path(socket).parent.mkdir(mode=0o700, exist_ok=True)
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    console.note(told_of_itself())
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 2)
    os.close(null)
    await ending.wait()
    await server.stop(0.2)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("socket")
    parser.add_argument("log", type=Path)
    parser.add_argument("--profile", default="default")
    parser.add_argument("--fail", default="")
    parser.add_argument("--late", type=float, default=0)
    parser.add_argument("--check", default="")
    options = parser.parse_args()
    if options.check:
        return
    if options.fail:
        sys.stderr.write(f"aliend: {options.fail}\n")
        raise SystemExit(22)
    with Path(f"{options.log}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(0) from None
        time.sleep(options.late)
        asyncio.run(serve(options.socket, options.log, options.profile))


if __name__ == "__main__":
    main()
