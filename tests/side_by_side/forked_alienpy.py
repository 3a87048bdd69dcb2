"""Runs alien.py many times: imports the libraries that it uses once, then forks one process for each run.

Executed by the interpreter of alien.py, with the descriptors of two pipes: for requests (a JSON object in each line:
`argv`, `environment`, `directory`, `stdin`, and the files `stdout` and `stderr`) and for exit codes, one in each line.
Each run imports all modules of alien.py itself, and the XRootD library, because they read the environment; it runs
the script as the main program, and ends as any process does. Only the imports of other libraries are shared: they take
two thirds of the time of most runs.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import signal
import sys
import time
from typing import Any

LIBRARIES = (
    *("asyncio", "multiprocessing", "statistics", "tempfile", "uuid", "xml.dom.minidom", "xml.etree.ElementTree"),
    *("zipfile", "urllib.request", "difflib", "ctypes", "platform"),
    *("requests", "rich.pretty", "rich.console", "rich.text", "xmltodict", "async_stagger"),
    *("websockets.asyncio.client", "websockets.client", "websockets.exceptions", "websockets.legacy.client"),
    *("cryptography.x509", "OpenSSL"),
)
TIMEOUT = 300
"""Seconds until a run is killed by SIGALRM."""


def main() -> None:
    """Serve requests until their pipe is closed."""
    for name in LIBRARIES:
        importlib.import_module(name)
    if request := in_a_new_process(int(sys.argv[1]), int(sys.argv[2])):
        run(request)


def in_a_new_process(requests: int, answers: int) -> dict[str, Any]:
    """Return each request in a process of its own, and an empty one in this process after the last request."""
    with os.fdopen(requests, "rb") as lines, os.fdopen(answers, "wb", buffering=0) as codes:
        for line in lines:
            child = os.fork()
            if not child:
                request: dict[str, Any] = json.loads(line)
                return request
            _, status = os.waitpid(child, 0)
            codes.write(b"%d\n" % os.waitstatus_to_exitcode(status))
    return {}


def run(request: dict[str, Any]) -> None:
    """Become the process of one run. Raises SystemExit at its end."""
    signal.alarm(TIMEOUT)
    # Python sets this variable where the locale is C; programs that alien.py starts inherit it
    coerced = {name: value for name, value in os.environ.items() if name == "LC_CTYPE"}
    os.environ.clear()
    os.environ.update({**coerced, **request["environment"]})
    time.tzset()
    os.chdir(request["directory"])
    reader, writer = os.pipe()
    os.write(writer, request["stdin"].encode())
    os.close(writer)
    _replace(reader, 0)
    for number, name in ((1, request["stdout"]), (2, request["stderr"])):
        _replace(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600), number)
    sys.argv = request["argv"]
    sys.path[0] = os.path.dirname(sys.argv[0])  # noqa: PTH120 - as Python sets it
    runpy.run_path(sys.argv[0], run_name="__main__")


def _replace(descriptor: int, number: int) -> None:
    os.dup2(descriptor, number)
    os.close(descriptor)


if __name__ == "__main__":
    main()
