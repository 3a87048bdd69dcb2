"""`alienctl transfers top`: a live view of the transfer queue. Textual is imported only when it is shown."""

import os

from alienctl import ClientError
from alienctl.daemon.start import start
from alienctl.invocation import Invocation


def run(invocation: Invocation, operands: list[str]) -> int:
    """Show the view until the user leaves it. Raises ClientError without a terminal."""
    if operands != ["top"]:
        raise ClientError(f"transfers top takes no further arguments, not {' '.join(operands[1:])!r}", 22)
    if not (os.isatty(0) and os.isatty(1)):
        raise ClientError("transfers top needs a terminal; elsewhere use `alienctl transfers list`", 22)
    start(invocation)
    from alienctl.top.app import TopApp
    from alienctl.top.source import DaemonSource

    TopApp(DaemonSource(invocation.profile), f"profile {invocation.profile}").run()
    return 0
