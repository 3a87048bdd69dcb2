"""Prints results while they arrive: names as text, or the items of one array of a JSON document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aliend.commands.invocation.call import Call, encode, json_text
from aliend.core.protocol.replies import Result, names_text


class JsonArray:
    """Writes a JSON document page by page: the members of `head`, the array `name`, then the members of `tail`.

    With --jsonl only the items of the array are written, one a line.
    """

    def __init__(self, call: Call, name: str, head: Mapping[str, Any] | None = None) -> None:
        self._call = call
        before = json_text(dict(head), indent=2).removesuffix("\n}") + "," if head else "{"
        self._opening = f'{before}\n  "{name}": ['
        self._is_open = False

    async def add(self, items: Iterable[object]) -> None:
        """Write some items, at least one."""
        if self._call.by_line:
            await self._call.print_json_lines(items)
            return
        texts = ",\n    ".join(map(json_text, items))
        before = "," if self._is_open else self._opening
        self._is_open = True
        await self._call.output.stdout(encode(f"{before}\n    {texts}"))

    async def end(self, tail: Mapping[str, Any] | None = None) -> None:
        """Close the array and write the end of the document."""
        if self._call.by_line:
            return
        closing = "\n  ]" if self._is_open else f"{self._opening}]"
        members = "".join(f",\n  {json_text(name)}: {json_text(value)}" for name, value in (tail or {}).items())
        await self._call.output.stdout(encode(f"{closing}{members}\n}}\n"))


class Printer:
    """Prints the results of one reply: one name a line, or the usual JSON document with `results` first."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._array = JsonArray(call, "results")

    async def results(self, results: Sequence[Result]) -> None:
        """Print some results."""
        if self._call.as_json:
            await self._array.add(dict(sorted(result.items())) for result in results)
        else:
            await self._call.print(names_text(results))

    async def end(self, code: int, error: str, user: str, directory: str) -> None:
        """Print the end of the document: exit code, error text, user and current directory."""
        if self._call.as_json:
            metadata = {"currentdir": directory, "error": error, "exitcode": str(code), "user": user}
            await self._array.end({"metadata": metadata})
