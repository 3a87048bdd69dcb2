"""Collects the lines of a followed job, so that many lines cost one message to the client."""

from __future__ import annotations

from itertools import groupby

from aliend.commands.invocation.call import Call


class OutputLines:
    """Lines for standard output and standard error that are not printed yet."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._pending: list[tuple[bool, str]] = []
        """Whether a text is for standard error, and the text; in the order of printing."""

    def add(self, text: str) -> None:
        """Add a text of one or more lines for standard output; nothing for an empty text."""
        if text:
            self._pending.append((False, text))

    def add_notice(self, text: str) -> None:
        """Add a text of one or more lines for standard error; nothing for an empty text."""
        if text:
            self._pending.append((True, text.rstrip("\n")))

    async def flush(self) -> None:
        """Print everything that was added, in its order; texts for the same stream in a row are printed together."""
        pending, self._pending = self._pending, []
        for is_notice, group in groupby(pending, lambda one: one[0]):
            text = "\n".join(text for _, text in group)
            await (self._call.print_error(text) if is_notice else self._call.print(text))
