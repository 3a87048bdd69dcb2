"""`DO_XrootdCp`: copies files with the daemon's transfers, and waits for them."""

import os
import re
import shlex
import sys
import tempfile
from typing import Any

from alienctl.alienpy import commands
from alienctl.alienpy.results import RET, print_out

_SUMMARY = re.compile(r"Successful jobs|No copy jobs")
_SILENT = re.compile(r"quiet|silent")


def DO_XrootdCp(
    wb: Any,
    xrd_copy_command: "list[Any] | None" = None,
    printout: str = "",
    api_src: "list[Any] | None" = None,
    api_dst: "list[Any] | None" = None,
) -> RET:
    """Copy files like `alienctl cp`, and return the result; 0 if at least one file arrived.

    The files are the operands of `xrd_copy_command`, or `api_src` and `api_dst`, lists of the same length, with local
    names behind `file:`. With `printout` `quiet` or `silent` nothing is printed.
    """
    arguments = list(map(str, xrd_copy_command or []))
    if arguments and arguments[0] == sys.argv[0]:
        del arguments[0]  # scripts pass the whole of sys.argv
    sources, targets = api_src or [], api_dst or []
    if bool(sources) != bool(targets):
        return RET(1, "", "API _src,_dst used but only one is defined", {})
    if len(sources) != len(targets):
        return RET(1, "", f"api_src names {len(sources)} files, api_dst {len(targets)}", {})
    if not sources:
        return _copy(arguments, printout)
    with tempfile.NamedTemporaryFile("w", prefix="alienpy", suffix=".txt", delete=False) as pairs:
        pairs.writelines(f"{shlex.quote(str(one))} {shlex.quote(str(other))}\n" for one, other in zip(sources, targets))
    try:
        return _copy([*arguments, "-input", pairs.name], printout)
    finally:
        os.unlink(pairs.name)


def _copy(arguments: "list[str]", printout: str) -> RET:
    output = commands.run(["cp", "--compat-exit", *arguments])
    lines = output.out.splitlines()
    summary = [line for line in lines if _SUMMARY.match(line)]
    is_silent = bool(_SILENT.search(printout))
    if not is_silent:
        for line in lines:
            if line not in summary:
                print_out(line)
    return RET(output.code, "" if is_silent else "\n".join(summary), output.err if output.code else "", {})
