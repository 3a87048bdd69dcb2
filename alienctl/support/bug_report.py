"""`alienctl bug-report [-o FILE]`: writes an archive for a support request, without keys, tokens and passphrases."""

import json
import os
import time

from alienctl import ClientError
from alienctl.invocation import Invocation
from alienctl.support.doctor import run_program
from alienctl.terminal import printable, write_output

_EINVAL = 22


def run(invocation: Invocation, operands: list[str], *, as_json: bool) -> int:
    """Write the archive, and print where it is. Raises ClientError."""
    if operands and (len(operands) != 2 or operands[0] != "-o"):
        raise ClientError(f"bug-report takes only -o FILE and --json, not {' '.join(operands)!r}", _EINVAL)
    usual = time.strftime("aliend-bug-report-%Y%m%dT%H%M%S.tar.gz")
    try:
        path = os.path.abspath(operands[1] if operands else usual)
    except FileNotFoundError:
        raise ClientError(
            "the working directory does not exist; run `cd`, then `alienctl bug-report` again", _EINVAL
        ) from None
    done = run_program(invocation, ["--bug-report", path])
    if as_json:
        write_output(done.stdout)
        return 0
    names = ", ".join(json.loads(done.stdout)["files"])
    lines = (
        f"the report is in {printable(path)}",
        f"it contains {names}",
        "keys, tokens and passphrases were removed, names of files and hosts were kept; review it before you send it",
    )
    write_output("".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))
    return 0
