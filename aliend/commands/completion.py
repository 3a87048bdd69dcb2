"""Completes an unfinished command line from the catalogue, the local disk, and the daemon's own lists.

A completion takes at most 250 ms. Replies of the service that arrive later are cached for the next one.
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

from aliend.central.credentials.certificates import stamp_of
from aliend.commands import command_names
from aliend.commands.copying.job_selection import APPLICABLE
from aliend.core.catalogue import paths
from aliend.core.cli import command_line, completion
from aliend.core.cli.completion import (
    CatalogueName,
    Choice,
    CommandName,
    CompletionKind,
    GridJob,
    LocalPath,
    Option,
    StorageElement,
    TransferJob,
)
from aliend.core.cli.escaping import visible
from aliend.core.connection.context import Context
from aliend.core.protocol.requests import Request
from aliend.core.transfers.job import JobFilter
from aliend.engine.views import JobView
from aliend.errors import AliendError
from aliend.runtime import Runtime

TIMEOUT = 0.25
"""Seconds until a completion returns without candidates."""
_MAX_CANDIDATES = 1000
_SHORT_TTL, _LONG_TTL, _FAILURE_TTL = 10.0, 600.0, 2.0
"""Seconds for which directory listings, lists that rarely change, and failures are cached."""
_MAX_CACHED = 64
_OPTION = re.compile(r"(?:^\s+|[\[,|(]\s*)(-{1,2}[A-Za-z][\w-]*)", re.MULTILINE)

Names = Sequence[str]
Results = Sequence[Mapping[str, Any]]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Typed:
    """The arguments up to the cursor and where they were typed; see `RunStart` of the contract."""

    words: tuple[str, ...]
    local: str
    session: str
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Candidates, sorted unless they are in an order of their own, and their descriptions (none: without)."""

    names: tuple[str, ...]
    descriptions: tuple[str, ...] = ()
    is_ordered: bool = False


class Completion:
    """Finds candidates and caches the replies of the service."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._cache = _Cache()

    async def candidates(self, typed: Typed) -> Candidates:
        """Return the candidates for the last argument; none after a timeout or an error."""
        word = typed.words[-1] if typed.words else ""
        try:
            async with asyncio.timeout(TIMEOUT):
                kind = completion.completion_kind(typed.words)
                if isinstance(kind, TransferJob):
                    return await self._jobs(kind, word)
                found = await self._complete(kind, typed)
        except (TimeoutError, AliendError):
            return Candidates(())
        return Candidates(tuple(sorted({name for name in found if name.startswith(word)})[:_MAX_CANDIDATES]))

    async def _jobs(self, kind: TransferJob, word: str) -> Candidates:
        """Return the jobs that the subcommand applies to, the newest first, with a description of each."""
        matching = JobFilter(APPLICABLE.get(kind.verb, ()))
        jobs = await self._runtime.engine.jobs(_MAX_CANDIDATES, matching=matching)
        jobs = [job for job in jobs if str(job.id).startswith(word) and str(job.id) not in kind.without]
        return Candidates(tuple(str(job.id) for job in jobs), tuple(map(_description, jobs)), is_ordered=True)

    async def _complete(self, kind: CompletionKind, typed: Typed) -> Names:
        context = self._runtime.context(typed.environment or None, typed.local)
        match kind:
            case CommandName():
                return await self._commands(typed, context)
            case Choice(words):
                return words
            case Option(command):
                return await self._query(context, Request(command, ("-h",)), _options_of, _LONG_TTL)
            case LocalPath(head, path):
                found = await asyncio.to_thread(_local_names, typed.local, path)
                return [head + name for name in found]
            case StorageElement(head):
                names = await self._query(context, Request("listSEs", ("-nomsg",)), _values_of("seName"), _LONG_TTL)
                return [head + name for name in names]
            case TransferJob():
                return (await self._jobs(kind, "")).names
            case GridJob():
                return await self._query(context, Request("ps", ("-nomsg",)), _values_of("id"), _SHORT_TTL)
            case CatalogueName() as name:
                return await self._catalogue_names(name, typed, context)

    async def _commands(self, typed: Typed, context: Context) -> Names:
        home = typed.environment.get("HOME", "")
        own = command_line.parse_aliases(
            await asyncio.to_thread(command_names.read_if_exists, f"{home}/.alienpy_aliases" if home else "")
        )
        stamp = await asyncio.to_thread(stamp_of, context)
        fetch = self._cache.get(("commands", context, stamp), _LONG_TTL, lambda: self._service_commands(context))
        try:
            async with asyncio.timeout(TIMEOUT / 2):
                listed = await fetch
        except (TimeoutError, AliendError):
            listed = []
        return [*own, *command_names.all_names(frozenset(listed))]

    async def _service_commands(self, context: Context) -> Names:
        return sorted(await command_names.service_commands(self._runtime, context))

    async def _catalogue_names(self, name: CatalogueName, typed: Typed, context: Context) -> Names:
        sessions = self._runtime.sessions
        state = await self._cache.run_to_end(sessions.state(typed.session, context, restore=True))
        directory = paths.resolve(name.head or "./", state.directory, state.home)
        found = await self._query(
            context, Request("ls", ("-nomsg", "-a", "-F", directory)), _values_of("name"), _SHORT_TTL
        )
        return [name.head + entry for entry in found if entry.endswith("/") or not name.only_directories]

    async def _query(
        self, context: Context, request: Request, names_of: Callable[[Results], Names], ttl: float
    ) -> Names:
        async def ask() -> Names:
            reply = await self._runtime.central_sessions.of(context).request(request, directory="")
            return names_of(reply.checked(request).results)

        stamp = await asyncio.to_thread(stamp_of, context)
        return await self._cache.get((context, stamp, request), ttl, ask)


class _Cache:
    """Cached answers by query; a query continues after its caller has timed out."""

    def __init__(self) -> None:
        self._answers: dict[object, tuple[float, asyncio.Task[Names]]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def get(self, key: object, ttl: float, ask: Callable[[], Coroutine[Any, Any, Names]]) -> Names:
        """Return the answer to `key`, at most `ttl` seconds old. Raises what `ask` raises, cached for two seconds."""
        asked, task = self._answers.pop(key, (0.0, None))
        if task is None or (task.done() and time.monotonic() - asked > (_FAILURE_TTL if _has_failed(task) else ttl)):
            asked, task = time.monotonic(), self._start(ask())
        self._answers[key] = asked, task
        while len(self._answers) > _MAX_CACHED:
            self._answers.pop(next(iter(self._answers)))[1].cancel()
        return await asyncio.shield(task)

    async def run_to_end(self, question: Coroutine[Any, Any, Answer]) -> Answer:
        """Return the answer; the query runs to its end even if the caller is cancelled."""
        return await asyncio.shield(self._start(question))

    def _start(self, question: Coroutine[Any, Any, Answer]) -> asyncio.Task[Answer]:
        task = asyncio.create_task(question)
        self._tasks.add(task)
        task.add_done_callback(self._on_end)
        return task

    def _on_end(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        _has_failed(task)  # retrieves the exception, so that asyncio does not log it as never retrieved


def _has_failed(task: asyncio.Task[Any]) -> bool:
    return task.cancelled() or task.exception() is not None


def _values_of(key: str) -> Callable[[Results], Names]:
    return lambda results: [str(result[key]) for result in results if result.get(key)]


def _description(job: JobView) -> str:
    label = f" [{job.label}]" if job.label else ""
    return visible(f"{job.state}, {job.files.done}/{job.files.total} files{label}, to {job.target}")


def _options_of(results: Results) -> Names:
    return _OPTION.findall("\n".join(str(result.get("message", "")) for result in results))


def _local_names(directory: str, path: str) -> Names:
    """Return the local names that begin with `path`, relative to `directory`; directories end in a slash."""
    head, tail = path[: path.rfind("/") + 1], path[path.rfind("/") + 1 :]
    try:
        with os.scandir(Path(directory, head)) as entries:
            found = [entry for entry in entries if entry.name.startswith(tail)]
            visible = found if tail.startswith(".") else [entry for entry in found if not entry.name.startswith(".")]
            return [f"{head}{entry.name}{'/' if entry.is_dir() else ''}" for entry in visible]
    except OSError:
        return []
