"""`aliend`: flags, configuration, logging, run."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import resource
import sys
from collections.abc import Callable, Sequence
from logging.handlers import RotatingFileHandler

from aliend import VERSION
from aliend.config import Settings, load
from aliend.errors import AliendError

_LOG_BYTES = 5_000_000
_LOG_FILES = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the daemon; returns its exit code. Ends the process itself once the daemon has served."""
    flags = _flags(arguments)
    os.umask(0o077)
    # uploads' tickets and pass phrases must never reach a core file
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # grpcio's fork handlers cost start-up and guard against forks that never happen here
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
    try:
        settings = load(flags.profile, os.environ)
        return _run(settings, flags.foreground)
    except AliendError as error:
        sys.stderr.write(f"aliend: {error}\n")
        return error.exit_code


def _run(settings: Settings, foreground: bool) -> int:
    # imported late: the flags answer at once, and grpcio reads its environment at import
    from aliend import daemon

    lock = daemon.acquire(settings)
    if lock is None:
        sys.stderr.write(f"aliend: already running for profile {settings.profile}\n")
        return 0
    _log_to(settings.log_file, foreground)

    def ready() -> None:
        if not foreground:
            _redirect_stderr(settings.log_file)

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(daemon.serve(settings, ready))
        logging.shutdown()
        # interpreter shutdown may wait for foreign threads; everything of ours is closed and saved
        os._exit(0)


def _flags(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="aliend",
        description="The ALICE Grid daemon of this user. alienctl starts it when needed; you rarely do.",
    )
    parser.add_argument(
        "--profile", default=os.environ.get("ALIEN_PROFILE") or "default", help="its name; default: default"
    )
    parser.add_argument("--foreground", action="store_true", help="log to standard error too (as under systemd)")
    parser.add_argument("--version", action="version", version=f"aliend {VERSION}")
    return parser.parse_args(arguments)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


class _Log(RotatingFileHandler):
    """Looks at its own position, and not twice at the file and the text, before each of thousands of lines."""

    def shouldRollover(self, record: logging.LogRecord) -> bool:
        return self.stream is not None and self.stream.tell() >= self.maxBytes


def _log_to(path: str, foreground: bool) -> None:
    handlers: list[logging.Handler] = [
        _Log(path, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8", errors="backslashreplace")
    ]
    if foreground:
        handlers.append(logging.StreamHandler())
    logging.basicConfig(level=logging.INFO, handlers=handlers, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


def _redirect_stderr(path: str) -> None:
    """From now on nobody reads our standard error; what libraries write there goes to the log."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    os.dup2(descriptor, 2)
    os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
