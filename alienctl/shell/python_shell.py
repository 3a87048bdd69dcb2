"""`alienctl term`: a Python prompt with a client of the daemon's services."""

import code
import importlib.util
import readline
import rlcompleter
import sys
from typing import Any

from alienctl import ClientError
from alienctl.daemon.start import start
from alienctl.invocation import Invocation

_BANNER = """\
grid is the Python API: grid.pwd(), list(grid.ls("data/")), grid.copy("data/", "file:data/").wait(), help(grid)
alien has the services of the daemon: alien.session, alien.catalogue, alien.contents, alien.transfers and others.
    alien.session.GetSession(session_pb2.GetSessionRequest()).session.directory"""


def run(invocation: Invocation, operands: list[str]) -> int:
    """Show the prompt until Ctrl-D. Raises ClientError."""
    if operands:
        raise ClientError(f"term takes no arguments, but got {' '.join(operands)!r}", 22)
    start(invocation)
    from alienctl import api

    with api.connect(invocation.profile) as grid:
        _prompt({"grid": grid, "alien": grid.services(), **api.messages()})
    return 0


def _prompt(names: dict[str, Any]) -> None:
    if importlib.util.find_spec("IPython"):
        from IPython import start_ipython  # type: ignore[import-not-found]  # not ours to install

        print(_BANNER)  # noqa: T201
        start_ipython(argv=["--no-banner"], user_ns=names)
        return
    readline.set_completer(rlcompleter.Completer(names).complete)
    readline.parse_and_bind("tab: complete")
    code.interact(f"Python {sys.version.split()[0]}\n{_BANNER}", local=names, exitmsg="")
