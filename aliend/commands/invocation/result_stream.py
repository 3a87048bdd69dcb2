"""Prints the results of a long reply while they arrive, as text or as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from aliend.commands.invocation.call import Call, encode, json_text
from aliend.core.protocol.replies import Result, names_text


class Printer:
    """The results of one reply, a name each, then its end. JSON is the usual document with `results` first."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._begun = False

    async def results(self, results: Sequence[Result]) -> None:
        """Print some results."""
        if not self._call.as_json:
            await self._call.print(names_text(results))
            return
        if self._call.by_line:
            await self._call.print_json_lines(map(dict, results))
            return
        texts = ",\n    ".join(json_text(dict(result)) for result in results)
        opening = ",\n    " if self._begun else '{\n  "results": [\n    '
        self._begun = True
        await self._call.output.stdout(encode(opening + texts))

    async def end(self, code: int, error: str, user: str, directory: str) -> None:
        """Print what belongs to the whole."""
        if not self._call.as_json or self._call.by_line:
            return
        metadata = {"exitcode": str(code), "error": error, "user": user, "currentdir": directory}
        opening = "\n  ],\n" if self._begun else '{\n  "results": [],\n'
        document = f'{opening}  "metadata": {json_text(metadata)}\n}}\n'
        await self._call.output.stdout(encode(document))
