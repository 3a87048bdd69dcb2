"""Prints the results of a command: lines of text, or with --json one document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aliend.commands.invocation.call import Call
from aliend.errors import UsageError

NOT_FOUND = 1


async def print_results(call: Call, lines: Iterable[str], results: Sequence[Mapping[str, Any]], **metadata: str) -> int:
    """Print the lines, or the results as JSON, some with `user` and `currentdir` as `metadata`; return 0."""
    if call.as_json:
        await call.print_json({"metadata": {"exitcode": "0", "error": "", **metadata}, "results": list(results)})
    else:
        await call.print("\n".join(lines))
    return 0


async def print_not_found(call: Call, error: str) -> int:
    """Print the error and return the exit code for an empty result."""
    if call.as_json:
        await call.print_json({"metadata": {"exitcode": str(NOT_FOUND), "error": error}, "results": []})
    await call.print_error(error)
    return NOT_FOUND


def refuse_arguments(call: Call) -> None:
    """Raise UsageError if a command that takes no arguments was given some."""
    if len(call.args) > 1:
        raise UsageError(f"{call.args[0]} takes no arguments")
