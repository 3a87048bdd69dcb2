"""One invocation of a command: its arguments, the caller's environment, and where the output goes."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from aliend.core.cli.environment import is_on
from aliend.core.cli.escaping import escape_names, readable
from aliend.core.connection.context import Context
from aliend.core.copying import locations

JSON_OPTIONS = frozenset({"--json", "-json", "--jsonl"})
JSON_LINES_OPTION = "--jsonl"
"""JSON as one document, or with --jsonl as one object a line."""
_ANSWER_TIMEOUT = 300.0
_STDIN_QUEUE_SIZE = 16
"""Pieces of standard input read ahead."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """Which of the caller's streams are terminals, and the terminal size in characters (0: not a terminal)."""

    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    columns: int = 0
    rows: int = 0


@dataclass(frozen=True, slots=True)
class FileProgress:
    """One file that is being copied; sizes in bytes."""

    id: int
    name: str
    bytes_done: int
    bytes_total: int


@dataclass(frozen=True, slots=True)
class Progress:
    """A job and its running copies; sizes in bytes, `bytes_total` 0 while unknown."""

    bytes_done: int
    bytes_total: int
    files_done: int
    files_failed: int
    files_total: int
    files: tuple[FileProgress, ...] = ()
    bytes_per_second: int = 0
    seconds_left: int = 0


class Output(Protocol):
    """The output of a command; each method returns once the caller can accept more."""

    async def stdout(self, data: bytes) -> None:
        """Write bytes to standard output."""

    async def stdout_resumable(self, data: bytes, resume_args: Sequence[str]) -> None:
        """Write bytes to standard output; a client that then loses the daemon runs `resume_args`."""

    async def stderr(self, data: bytes) -> None:
        """Write bytes to standard error."""

    async def progress(self, progress: Progress) -> None:
        """Show the progress of the job that the command follows."""

    async def announce_jobs(self, *jobs: int) -> None:
        """Announce that the command continues as these transfer jobs."""

    async def ask(self, prompt: str, *, echo: bool) -> None:
        """Ask the user; the answer arrives in `Call.answers`."""

    async def stdout_coloured(self, data: bytes) -> None:
        """Write bytes with colour codes to standard output; a terminal receives them unescaped."""

    async def end_output(self) -> None:
        """Close the output of the program started by `handoff`."""

    async def handoff(
        self, argv: Sequence[str], *, takes_output: bool, may_be_missing: bool, text: EditedText | None = None
    ) -> None:
        """Have the client run a program, which edits `text`; its exit status arrives in `Call.statuses`."""


@dataclass(frozen=True, slots=True)
class EditedText:
    """A local text that a program edits, for an LFN."""

    path: str
    lfn: str


@dataclass(slots=True)
class Call:
    """One invocation. `args` includes the command's name; `directory` is the caller's local working directory.

    `environment` holds the variables that the client passes on (see its `Invocation.variables`).
    """

    args: tuple[str, ...]
    directory: str
    umask: int
    session: str
    terminal: Terminal
    context: Context
    restore_directory: bool
    output: Output
    catalogue_directories: set[str] = field(default_factory=set, repr=False)
    """Working directories of the session so far, which messages may quote."""
    as_json: bool = False
    by_line: bool = False
    """Print JSON as one object a line instead of one document."""
    raw: bool = False
    """Do not escape control characters on a terminal."""
    stop_on_error: bool = False
    commands_on_stdin: bool = False
    trace: Callable[[str], None] | None = field(default=None, repr=False)
    """Writes a line to the debug log that the caller requested; None: not requested."""
    stdin: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(_STDIN_QUEUE_SIZE), repr=False)
    """Pieces of the caller's standard input; an empty one at its end."""
    interrupted: asyncio.Event = field(default_factory=asyncio.Event)
    detached: asyncio.Event = field(default_factory=asyncio.Event)
    """The user wants the command to end and its transfer jobs to continue."""
    answers: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue, repr=False)
    """Answers of the user to questions; None: refused, or no terminal."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    request_id: str = ""
    """The caller's name for this command line, see `new_request_id`."""
    submissions: Iterator[int] = field(default_factory=itertools.count, repr=False)
    """Numbers the jobs of this command line."""
    statuses: asyncio.Queue[int] = field(default_factory=asyncio.Queue, repr=False)
    """Exit statuses of programs run by the client, as a shell reports them."""

    def local_path(self, word: str) -> str:
        """Return the absolute path of a local file, given with or without `file:`. Raises UsageError."""
        return locations.local_name(
            word, locations.PathContext("/", "/", self.directory, self.environment.get("HOME", ""))
        )

    def new_request_id(self) -> str:
        """Return the request id of the next job; a client that repeats its command line gets the same ids."""
        number = next(self.submissions)
        return f"{self.request_id}.{number}" if self.request_id else os.urandom(16).hex()

    async def run_on_client(
        self, argv: Sequence[str], *, may_be_missing: bool = False, text: EditedText | None = None
    ) -> int:
        """Have the client run a program, without a time limit, and return its exit status; 127 if it does not exist.

        With `may_be_missing` the client does not report a missing program. `text` is what the program edits.
        """
        await self.output.handoff(argv, takes_output=False, may_be_missing=may_be_missing, text=text)
        return await self.statuses.get()

    async def ask(self, prompt: str, *, echo: bool = False) -> str | None:
        """Ask the user; return None if they refuse or do not answer within five minutes."""
        await self.output.ask(self._escaped(prompt), echo=echo)
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT):
                return await self.answers.get()
        except TimeoutError:
            return None

    @property
    def uses_colours(self) -> bool:
        """Return whether standard output is a terminal that shows colours and the user allows them."""
        plain = self.environment.get("TERM", "") in ("", "dumb") or "NO_COLOR" in self.environment
        return self.terminal.stdout and not plain and not self.as_json and not self.raw

    async def print_coloured(self, text: str, colours: Callable[[str], str]) -> None:
        """Print like `print`, with colours if the terminal shows them; see `aliend.core.cli.colours`."""
        if text and self.uses_colours:
            await self.output.stdout_coloured(encode(colours(text) + "\n"))
        else:
            await self.print(text)

    async def print(self, text: str) -> None:
        """Write a text and a newline to standard output; nothing for an empty text. Arguments in it become one line."""
        if text:
            await self.output.stdout(encode(self._escaped(text) + "\n"))

    async def print_error(self, text: str) -> None:
        """Write a text and a newline to standard error; nothing for an empty text. Arguments in it become one line."""
        if text:
            shown = self._escaped(text.rstrip("\n"))
            await self.output.stderr(encode(readable(shown) + "\n"))

    def _escaped(self, text: str) -> str:
        """Return a text with the newlines escaped in arguments and in names of working directories."""
        if self.args[:1] in (("echo",), ("exit",)):  # their arguments are the text
            return text
        return escape_names(text, (*self.args[1:], self.directory, *self.catalogue_directories))

    async def print_json(self, value: dict[str, Any] | list[Any]) -> None:
        """Write one JSON document, or with --jsonl its items, one a line."""
        if self.by_line:
            await self.print_json_lines(_items_of(value))
        else:
            indent = None if is_on(self.environment, "ALIENPY_JSONRAW") else 2
            is_sorted = isinstance(value, dict) and bool(value.keys() & {"results", "objects"})  # as in alien.py
            await self.output.stdout(encode(json_text(value, indent=indent, is_sorted=is_sorted) + "\n"))

    async def print_json_lines(self, values: Iterable[object]) -> None:
        """Write JSON, one value a line."""
        await self.output.stdout(encode("".join(json_text(value, separators=(",", ":")) + "\n" for value in values)))


def _items_of(value: dict[str, Any] | list[Any]) -> list[Any]:
    """Return the items of a document: its results, its only list, or the document itself."""
    if isinstance(value, list):
        return value
    if isinstance(results := value.get("results"), list):
        return results
    lists = [one for one in value.values() if isinstance(one, list)]
    return lists[0] if len(lists) == 1 else [value]


def json_text(
    value: object,
    *,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    is_sorted: bool = False,
) -> str:
    """Return a value as JSON; bytes of local names that are not UTF-8 become `\\udcNN`, which Python reads back."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators, sort_keys=is_sorted)
    return text.encode("utf-8", "backslashreplace").decode()


def encode(text: str) -> bytes:
    """Return text as bytes; names that are not UTF-8 are restored unchanged."""
    return text.encode("utf-8", "surrogateescape")
