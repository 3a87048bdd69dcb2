"""A process that is closed to other programs of its user."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness import needs_root

PROGRAM = """
import ctypes, json, os, sys
from aliend.process_privacy import close_to_others
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # as after the start of a program
close_to_others(json.loads(sys.argv[1]))
child = os.fork()
if not child:
    refused = 0
    for name in ("environ", "mem", "io", "fd", "maps"):
        path = f"/proc/{os.getppid()}/{name}"
        try:
            os.listdir(path) if name == "fd" else open(path, "rb").read(0)
        except PermissionError:
            refused += 1
    os._exit(refused)
refused = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
memory = os.memfd_create("pem")
os.write(memory, b"text")
print(refused, open(f"/proc/self/fd/{memory}").read())
"""


@needs_root
@pytest.mark.parametrize(("variables", "refused"), [({}, 5), ({"ALIEND_DEBUGGABLE": "1"}, 0)], ids=["closed", "open"])
def test_another_process_of_the_user_reads_nothing_and_we_still_use_our_descriptors(
    variables: dict[str, str], refused: int
) -> None:
    command = [sys.executable, "-c", PROGRAM, json.dumps(variables)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60)
    assert done.stdout == f"{refused} text\n", done.stderr
