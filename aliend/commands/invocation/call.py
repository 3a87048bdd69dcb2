"""One call of a command: the words, where and as whom they were typed, and where the output goes."""

from __future__ import annotations

import asyncio
import itertools
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from aliend.core.cli.environment import is_on
from aliend.core.cli.escaping import readable
from aliend.core.connection.context import Context
from aliend.core.copying import locations

JSON_OPTIONS = frozenset({"--json", "-json", "--jsonl"})
JSON_LINES_OPTION = "--jsonl"
"""One document; one object a line."""
_ANSWER_TIMEOUT = 300.0
_STDIN_QUEUE_SIZE = 16
"""Pieces of standard input that are taken before they are needed."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """Which of the caller's streams are terminals, and the terminal's size in characters (0: none)."""

    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    columns: int = 0
    rows: int = 0


@dataclass(frozen=True, slots=True)
class FileProgress:
    """One file that moves; sizes in bytes."""

    id: int
    name: str
    bytes_done: int
    bytes_total: int


@dataclass(frozen=True, slots=True)
class Progress:
    """A job and the files of it that move now; sizes in bytes, `bytes_total` 0 while it is not known."""

    bytes_done: int
    bytes_total: int
    files_done: int
    files_failed: int
    files_total: int
    files: tuple[FileProgress, ...] = ()


class Output(Protocol):
    """Where a command's output goes; each call returns when the caller can take more."""

    async def stdout(self, data: bytes) -> None:
        """Bytes for standard output."""

    async def stdout_resumable(self, data: bytes, resume_args: Sequence[str]) -> None:
        """Bytes for standard output; a client that loses the daemon after them runs the words `go_on`."""

    async def stderr(self, data: bytes) -> None:
        """Bytes for standard error."""

    async def progress(self, progress: Progress) -> None:
        """The state of the job that the command follows."""

    async def announce_jobs(self, *jobs: int) -> None:
        """The command continues as these transfer jobs."""

    async def ask(self, prompt: str, *, echo: bool) -> None:
        """A question to the user; the answer comes by `Call.answers`."""

    async def stdout_coloured(self, data: bytes) -> None:
        """Bytes for standard output with colours of ours: a terminal gets them as they are."""

    async def end_output(self) -> None:
        """What the handed-over program that takes the output was to get is complete."""

    async def handoff(self, argv: Sequence[str], *, takes_output: bool, may_be_missing: bool) -> None:
        """A program that the client runs for the user; how it ended comes by `Call.statuses`."""


@dataclass(slots=True)
class Call:
    """One call. `words` include the command's name; `local` is the caller's directory; `as_json` was asked for.

    `environment` holds the caller's variables that matter here (see `main.Invocation.variables` of the client).
    """

    args: tuple[str, ...]
    directory: str
    umask: int
    session: str
    terminal: Terminal
    context: Context
    restore_directory: bool
    output: Output
    as_json: bool = False
    by_line: bool = False
    """JSON as one object a line rather than as one document."""
    raw: bool = False
    """A terminal gets names and messages as they are."""
    stop_on_error: bool = False
    commands_on_stdin: bool = False
    trace: Callable[[str], None] | None = field(default=None, repr=False)
    """Where lines for the log go that the caller asked for; None: there is none."""
    stdin: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(_STDIN_QUEUE_SIZE), repr=False)
    """The caller's standard input as it comes; empty at its end."""
    interrupted: asyncio.Event = field(default_factory=asyncio.Event)
    answers: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue, repr=False)
    """What the user said to questions; None: refused, or nobody is there."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    request_id: str = ""
    """The caller's name for this command line, see `new_request_id`."""
    submissions: Iterator[int] = field(default_factory=itertools.count, repr=False)
    """Numbers the jobs of this command line."""
    statuses: asyncio.Queue[int] = field(default_factory=asyncio.Queue, repr=False)
    """Exit statuses of programs that were handed over, as a shell counts them."""

    def local_path(self, word: str) -> str:
        """Return the absolute name of a local file, given with or without `file:` before it. Raises UsageError."""
        return locations.local_name(
            word, locations.PathContext("/", "/", self.directory, self.environment.get("HOME", ""))
        )

    def new_request_id(self) -> str:
        """The request id of the next job: the same ones where a client runs the same command line again."""
        number = next(self.submissions)
        return f"{self.request_id}.{number}" if self.request_id else uuid.uuid4().hex

    async def run_on_client(self, argv: Sequence[str], *, may_be_missing: bool = False) -> int:
        """Have the client run a program for the user; its exit status, 127 where there is none of that name.

        With `may_be_missing` that is not told to the user. It takes as long as the user likes.
        """
        await self.output.handoff(argv, takes_output=False, may_be_missing=may_be_missing)
        return await self.statuses.get()

    async def ask(self, prompt: str, *, echo: bool = False) -> str | None:
        """Ask the user; None where the answer is refused, or nothing is said for five minutes."""
        await self.output.ask(prompt, echo=echo)
        try:
            return await asyncio.wait_for(self.answers.get(), _ANSWER_TIMEOUT)
        except TimeoutError:
            return None

    @property
    def uses_colours(self) -> bool:
        """Whether standard output is a terminal on which the user wants to see more than the plain text."""
        plain = self.environment.get("TERM", "") in ("", "dumb") or "NO_COLOR" in self.environment
        return self.terminal.stdout and not plain and not self.as_json and not self.raw

    async def print_coloured(self, text: str, colours: Callable[[str], str]) -> None:
        """The same as `say`, with colours where they are seen; see `core.colours`."""
        if text and self.uses_colours:
            await self.output.stdout_coloured(encode(colours(text) + "\n"))
        else:
            await self.print(text)

    async def print(self, text: str) -> None:
        """Write a text and a newline to standard output; nothing if the text is empty."""
        if text:
            await self.output.stdout(encode(text + "\n"))

    async def print_error(self, text: str) -> None:
        """Write a text and a newline to standard error; nothing if the text is empty."""
        if text:
            await self.output.stderr(encode(readable(text.rstrip("\n")) + "\n"))

    async def print_json(self, value: dict[str, Any] | list[Any]) -> None:
        """Write one JSON document, or what it lists as one object a line."""
        if self.by_line:
            await self.print_json_lines(_items_of(value))
        else:
            indent = None if is_on(self.environment, "ALIENPY_JSONRAW") else 2
            await self.output.stdout(encode(json_text(value, indent=indent) + "\n"))

    async def print_json_lines(self, values: Iterable[object]) -> None:
        """Write JSON, one value a line."""
        await self.output.stdout(encode("".join(json_text(value, separators=(",", ":")) + "\n" for value in values)))


def _items_of(value: dict[str, Any] | list[Any]) -> list[Any]:
    """What a document lists: its results, or its only list, or the document itself."""
    if isinstance(value, list):
        return value
    if isinstance(results := value.get("results"), list):
        return results
    lists = [one for one in value.values() if isinstance(one, list)]
    return lists[0] if len(lists) == 1 else [value]


def json_text(value: object, *, indent: int | None = None, separators: tuple[str, str] | None = None) -> str:
    """Write a value as JSON; bytes of local names that are not UTF-8 become `\\udcNN`, which Python reads back."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    return text.encode("utf-8", "backslashreplace").decode()


def encode(text: str) -> bytes:
    """Text as bytes; names that are not UTF-8 come out as they went in."""
    return text.encode("utf-8", "surrogateescape")
