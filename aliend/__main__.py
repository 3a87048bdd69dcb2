"""The program `aliend`: parses options, loads the configuration, sets up logging and runs the daemon."""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import gc
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from aliend import VERSION
from aliend.errors import AliendError
from aliend.lifecycle.process_limits import raise_soft_limits
from aliend.process_privacy import close_to_others

if TYPE_CHECKING:
    from aliend.config import Settings
    from aliend.lifecycle.log_file import LogFile

_EXISTS = 17
"""Exit code of a second daemon that systemd starts (EEXIST)."""
_NO_LIBRARY = 127


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the daemon; return an exit code. Ends the process itself after the daemon has stopped."""
    close_to_others(os.environ)
    flags = _flags(arguments)
    umask = os.umask(0o077)
    raise_soft_limits()
    # grpcio's fork handlers slow down the start; the daemon never forks
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
    try:
        if flags.check:
            return _check(flags.profile, others=flags.check == "all")
        # imported late: a library of ALIEND_LIBRARY_PATH that does not fit must end in the message below
        from aliend.config import load

        settings = load(flags.profile, os.environ)
        return _run(settings, flags.foreground, umask)
    except AliendError as error:
        sys.stderr.write(f"aliend: {error}\n")
        return error.exit_code
    except ImportError as error:
        sys.stderr.write(f"aliend: cannot load a library: {error}; check ALIEND_LIBRARY_PATH, or reinstall aliend\n")
        return _NO_LIBRARY


def _check(profile: str, *, others: bool) -> int:
    """Print the problems that would stop a daemon from starting; return 22 if any exist."""
    from aliend.lifecycle.configuration_check import problems

    found = problems(profile, os.environ, others=others)
    sys.stderr.write("".join(f"aliend: {problem}\n" for problem in found))
    return 22 if found else 0


def _run(settings: Settings, foreground: bool, umask: int) -> int:
    # imports create many objects but no garbage: do not collect meanwhile
    gc.disable()
    # imported late: `--help` is fast, and grpcio reads its environment at import
    from aliend import daemon

    lock = daemon.acquire(settings)
    if lock is None:
        sys.stderr.write(f"aliend: already running for profile {settings.profile}; see `alienctl daemon status`\n")
        # Success for a client that starts a daemon; systemd would take it for the end of its daemon.
        return _EXISTS if "NOTIFY_SOCKET" in os.environ else 0
    log_file = _log_to(settings, foreground)
    if log_file.problem:
        sys.stderr.write(f"aliend: {log_file.problem}\n")

    def ready() -> None:
        gc.freeze()
        gc.enable()
        if not foreground:  # from now on, the log gets what libraries write
            log_file.take_stderr()
        faulthandler.enable()  # a crash in a library leaves the Python calls of all threads in the log

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(daemon.serve(settings, lock, ready, umask))
        logging.shutdown()
        # interpreter shutdown may wait for foreign threads; all state is closed and saved
        os._exit(0)


def _flags(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="aliend",
        description="The ALICE Grid daemon of this user. alienctl starts it when needed; you rarely do.",
    )
    parser.add_argument(
        "--profile", default=os.environ.get("ALIEN_PROFILE") or "default", help="name of the profile (default: default)"
    )
    parser.add_argument("--foreground", action="store_true", help="log to standard error too (as under systemd)")
    parser.add_argument(
        "--check",
        choices=("profile", "all"),
        help="check the configuration (of all profiles) and the database, then exit",
    )
    parser.add_argument("--version", action="version", version=f"aliend {VERSION}")
    return parser.parse_args(arguments)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _log_to(settings: Settings, foreground: bool) -> LogFile:
    from aliend.lifecycle.journal import journal_handler
    from aliend.lifecycle.log_file import LogFile, configure

    log_file = LogFile(settings.log_file)
    handlers: list[logging.Handler] = [log_file]
    if foreground:
        handlers.append(journal_handler(os.environ) or logging.StreamHandler())
    logging.basicConfig(handlers=handlers)
    configure(settings.log)
    return log_file


if __name__ == "__main__":
    sys.exit(main())
