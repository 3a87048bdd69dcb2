"""How an unfinished command line may go on: from the catalogue, the disk, and what the daemon knows.

Whoever types waits 250 ms at most. What the service tells later is remembered for the next time.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from aliend.commands import command_names
from aliend.core.catalogue import paths
from aliend.core.cli import command_line, completion
from aliend.core.cli.completion import (
    CatalogueName,
    Choice,
    CommandName,
    GridJob,
    LocalPath,
    Option,
    StorageElement,
    TransferJob,
)
from aliend.core.connection.context import Context
from aliend.core.protocol.requests import Request
from aliend.errors import AliendError
from aliend.runtime import Runtime

PATIENCE = 0.25
"""Seconds that somebody who types waits for candidates."""
_MOST = 1000
_SHORT, _LONG, _FAILED = 10.0, 600.0, 2.0
"""Seconds for which listings, lists that hardly change, and failures are remembered."""
_REMEMBERED = 64
_OPTION = re.compile(r"(?:^\s+|[\[,|(]\s*)(-{1,2}[A-Za-z][\w-]*)", re.MULTILINE)

Names = Sequence[str]
Results = Sequence[Mapping[str, Any]]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Typed:
    """The words up to the cursor and where they were typed, see `RunStart` of the contract."""

    words: tuple[str, ...]
    local: str
    session: str
    environment: Mapping[str, str]


class Completion:
    """Finds candidates; remembers what it has asked for."""

    def __init__(self, parts: Runtime) -> None:
        self._parts = parts
        self._memory = _Memory()

    async def candidates(self, typed: Typed) -> list[str]:
        """What the last word may be, sorted; empty where nothing is known in time."""
        try:
            async with asyncio.timeout(PATIENCE):
                found = await self._found(typed)
        except (TimeoutError, AliendError):
            return []
        word = typed.words[-1] if typed.words else ""
        return sorted({name for name in found if name.startswith(word)})[:_MOST]

    async def _found(self, typed: Typed) -> Names:
        context = self._parts.context(typed.environment or None)
        match completion.completion_kind(typed.words):
            case CommandName():
                return await self._commands(typed, context)
            case Choice(words):
                return words
            case Option(command):
                return await self._asked(context, Request(command, ("-h",)), _options_of, _LONG)
            case LocalPath(head, path):
                found = await asyncio.to_thread(_local_names, typed.local, path)
                return [head + name for name in found]
            case StorageElement(head):
                names = await self._asked(context, Request("listSEs", ("-nomsg",)), _values_of("seName"), _LONG)
                return [head + name for name in names]
            case TransferJob():
                return [str(job.id) for job in await self._parts.engine.jobs(_MOST)]
            case GridJob():
                return await self._asked(context, Request("ps", ("-nomsg",)), _values_of("id"), _SHORT)
            case CatalogueName() as name:
                return await self._in_the_catalogue(name, typed, context)

    async def _commands(self, typed: Typed, context: Context) -> Names:
        home = typed.environment.get("HOME", "")
        own = command_line.parse_aliases(
            await asyncio.to_thread(command_names.text_of, f"{home}/.alienpy_aliases" if home else "")
        )
        fetch = self._memory.get(("commands", context), _LONG, lambda: self._listed(context))
        try:
            listed = await asyncio.wait_for(fetch, PATIENCE / 2)
        except (TimeoutError, AliendError):
            listed = []
        return [*own, *command_names.names(frozenset(listed))]

    async def _listed(self, context: Context) -> Names:
        return sorted(await command_names.commands_of_the_service(self._parts, context))

    async def _in_the_catalogue(self, name: CatalogueName, typed: Typed, context: Context) -> Names:
        sessions = self._parts.sessions
        state = await self._memory.shielded(sessions.state(typed.session, context, restore=True))
        directory = paths.resolve(name.head or "./", state.directory, state.home)
        found = await self._asked(context, Request("ls", ("-nomsg", "-a", "-F", directory)), _values_of("name"), _SHORT)
        return [name.head + entry for entry in found if entry.endswith("/") or not name.only_directories]

    async def _asked(
        self, context: Context, request: Request, names_of: Callable[[Results], Names], ttl: float
    ) -> Names:
        async def ask() -> Names:
            reply = await self._parts.central_sessions.of(context).request(request, directory="")
            return names_of(reply.checked(request).results)

        return await self._memory.get((context, request), ttl, ask)


class _Memory:
    """Answers by what was asked; a question goes on when nobody waits for it any more."""

    def __init__(self) -> None:
        self._answers: dict[object, tuple[float, asyncio.Task[Names]]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def get(self, key: object, ttl: float, ask: Callable[[], Coroutine[Any, Any, Names]]) -> Names:
        """The answer to `key`, not older than `ttl` seconds. Raises what `ask` raises, for two seconds."""
        asked, task = self._answers.pop(key, (0.0, None))
        if task is None or (task.done() and time.monotonic() - asked > (_FAILED if _has_failed(task) else ttl)):
            asked, task = time.monotonic(), self._started(ask())
        self._answers[key] = asked, task
        while len(self._answers) > _REMEMBERED:
            self._answers.pop(next(iter(self._answers)))[1].cancel()
        return await asyncio.shield(task)

    async def shielded(self, question: Coroutine[Any, Any, Answer]) -> Answer:
        """The answer; the question is asked to its end, whatever happens to whoever waits."""
        return await asyncio.shield(self._started(question))

    def _started(self, question: Coroutine[Any, Any, Answer]) -> asyncio.Task[Answer]:
        task = asyncio.create_task(question)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        _has_failed(task)  # looked at, so that nobody complains of an exception that nobody has seen


def _has_failed(task: asyncio.Task[Any]) -> bool:
    return task.cancelled() or task.exception() is not None


def _values_of(key: str) -> Callable[[Results], Names]:
    return lambda results: [str(result[key]) for result in results if result.get(key)]


def _options_of(results: Results) -> Names:
    return _OPTION.findall("\n".join(str(result.get("message", "")) for result in results))


def _local_names(directory: str, path: str) -> Names:
    """What begins like `path`, which may be relative to `directory`; directories end in a slash."""
    head, tail = path[: path.rfind("/") + 1], path[path.rfind("/") + 1 :]
    try:
        with os.scandir(Path(directory, head)) as entries:
            found = [entry for entry in entries if entry.name.startswith(tail)]
            visible = found if tail.startswith(".") else [entry for entry in found if not entry.name.startswith(".")]
            return [f"{head}{entry.name}{'/' if entry.is_dir() else ''}" for entry in visible]
    except OSError:
        return []
