"""`alienctl daemon socket [--start]`: the socket's path, for programs that speak only gRPC."""

import json

from alienctl import ClientError, NoDaemonError
from alienctl.daemon import control
from alienctl.daemon.start import answers, start
from alienctl.invocation import Invocation

_EINVAL = 22


def show(invocation: Invocation, options: list[str], as_json: bool) -> tuple[str, int]:
    """Return the socket's path and the exit code; `--start`: and have a daemon listen there. Raises ClientError."""
    if options not in ([], ["--start"]):
        raise ClientError(f"daemon socket takes --start, not {' '.join(options)!r}", _EINVAL)
    if options and not answers(invocation.socket):
        start(invocation)
    try:
        path, is_running = control.status_of(invocation).socket, True
    except NoDaemonError:
        path, is_running = invocation.socket, False
    return json.dumps({"socket": path, "running": is_running}) if as_json else path, 0
