"""The asynchronous API: `AsyncGrid` performs the table of `calls` on one `AsyncConnection`, in one event loop."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Concatenate, Literal, ParamSpec, Self, TypeVar

import grpc

from alienctl.api import calls
from alienctl.api.call_kinds import Attempts, Call, Stream, name_method
from alienctl.api.connection import AsyncConnection, check_iterator
from alienctl.api.copy_progress import progress_bar, show
from alienctl.api.errors import DeadlineError, copy_failed, copy_unfinished, is_daemon_lost
from alienctl.api.open_file import new_position
from alienctl.api.results import Content, Job, Transfer, WaitReason
from alienctl.api.services import Services

P = ParamSpec("P")
T = TypeVar("T")


class AsyncPerformer:
    """Makes calls; repeats those that can be repeated when the daemon ends meanwhile."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    async def perform(self, call: Call[T]) -> T:
        """Return the result of a call. Raises GridError, ForkedProcessError."""
        if not call.is_repeatable:
            await self.perform(calls.hello())  # a daemon that ended before cannot leave the outcome unknown
        attempts = Attempts(is_repeatable=call.is_repeatable, timeout=call.timeout)
        while True:
            services = await self.connection.services()
            stub = getattr(getattr(services, call.service), call.method)
            try:
                answer = stub(call.request, timeout=attempts.timeout())
                return call.convert([one async for one in answer] if call.is_streamed else await answer)
            except grpc.RpcError as error:
                self._next(attempts, services, error)

    async def stream(self, call: Stream[T]) -> AsyncGenerator[T, None]:
        """Yield the results of a call. Raises GridError, ForkedProcessError."""
        attempts = Attempts(has_snapshots=call.has_snapshots, timeout=call.timeout)
        while True:
            process, services = os.getpid(), await self.connection.services()
            answers = getattr(getattr(services, call.service), call.method)(call.request, timeout=attempts.timeout())
            try:
                async for answer in answers:
                    attempts.note_answer()
                    for one in call.convert(answer):
                        yield one
                    check_iterator(process)
                return
            except grpc.RpcError as error:
                self._next(attempts, services, error)
            finally:
                if process == os.getpid():
                    answers.cancel()
                else:
                    self.connection.keep_inherited(answers)

    def _next(self, attempts: Attempts, services: Services, error: grpc.RpcError) -> None:
        """Prepare the next attempt. Raises GridError if none follows."""
        if is_daemon_lost(error):
            self.connection.forget(services)
        attempts.check(error)


def _method(build: Callable[Concatenate[str, P], Call[T]]) -> Callable[Concatenate[AsyncGrid, P], Awaitable[T]]:
    async def method(grid: AsyncGrid, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await grid._performer.perform(build(grid._session, *args, **kwargs))

    name_method(method, build)
    return method


def _iterator(
    build: Callable[Concatenate[str, P], Stream[T]],
) -> Callable[Concatenate[AsyncGrid, P], AsyncGenerator[T, None]]:
    def method(grid: AsyncGrid, /, *args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[T, None]:
        return grid._performer.stream(build(grid._session, *args, **kwargs))

    name_method(method, build)
    return method


def _job(build: Callable[Concatenate[str, P], Call[Job]]) -> Callable[Concatenate[AsyncGrid, P], Awaitable[AsyncCopy]]:
    async def method(grid: AsyncGrid, /, *args: P.args, **kwargs: P.kwargs) -> AsyncCopy:
        return AsyncCopy(grid._performer, await grid._performer.perform(build(grid._session, *args, **kwargs)))

    name_method(method, build)
    return method


class AsyncGrid:
    """The Grid for the event loop that uses it first: the methods of `Grid`, as coroutines and asynchronous iterators.

    Calls of several tasks run at the same time. A forked process raises a ForkedProcessError.
    """

    def __init__(self, profile: str = "", session: str = "") -> None:
        self._performer = AsyncPerformer(AsyncConnection(profile))
        self._session = calls.initial_session(session)

    pwd = _method(calls.pwd)
    stat = _method(calls.stat)
    exists = _method(calls.exists)
    whereis = _method(calls.whereis)
    mkdir = _method(calls.mkdir)
    rm = _method(calls.rm)
    mv = _method(calls.mv)
    read_bytes = _method(calls.read_bytes)
    read_ranges = _method(calls.read_ranges)
    ls = _iterator(calls.ls)
    find = _iterator(calls.find)
    copy = _job(calls.copy)

    async def cd(self, lfn: str = "") -> str:
        """Change the working directory and return it; `-` is the previous one, empty the home.

        Raises NotFoundError, NotDirectoryError.
        """
        session = calls.own_session(self._session)
        directory = await self._performer.perform(calls.change_directory(session, lfn))
        self._session = session
        return directory

    async def open(self, lfn: str, mode: Literal["rb"] = "rb") -> AsyncGridFile:
        """Open a file to read; each read is a call. Raises NotFoundError, DirectoryError, InvalidRequestError."""
        calls.check_mode(lfn, mode)
        session = self._session
        return AsyncGridFile(self._performer, session, await self._performer.perform(calls.describe(session, lfn)))

    async def job(self, number: int) -> AsyncCopy:
        """Return a job of the daemon by its number. Raises NotFoundError."""
        return AsyncCopy(self._performer, await self._performer.perform(calls.job(number)))

    async def jobs(self, *, active: bool = False) -> AsyncIterator[Job]:
        """Yield the jobs of the daemon, the newest first; with `active` those that have not ended."""
        token = ""
        while True:
            page = await self._performer.perform(calls.job_page(token, active=active))
            for one in page.jobs:
                yield one
            if not (token := page.next_token):
                return

    async def services(self) -> Services:
        """Return the stubs of the contract `aliend.v1`, for calls without a method. They raise `grpc.RpcError`."""
        return await self._performer.connection.services()

    async def close(self) -> None:
        """Close the channel; running calls end."""
        await self._performer.connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class AsyncCopy:
    """A job of the daemon. It continues after the end of this program."""

    def __init__(self, performer: AsyncPerformer, job: Job) -> None:
        self._performer = performer
        self.id = job.id
        """The number of the job, as in `alienctl transfers show`."""

    async def progress(self) -> Job:
        """Return the job as it is now."""
        return await self._performer.perform(calls.job(self.id))

    def watch(self) -> AsyncGenerator[Job, None]:
        """Yield the job as it is now, and after each change until it has ended."""
        return self._performer.stream(calls.watch(self.id))

    async def wait(self, timeout: float | None = None, *, bar: bool | None = None) -> Job:
        """Return the job when all of its files have arrived.

        timeout: seconds; None: no limit. The job continues after a DeadlineError.
        bar: show a progress bar; None: if tqdm is installed, and the program runs on a terminal or in a notebook
        Raises CopyFailedError, DeadlineError.
        """
        try:
            with progress_bar(self.id, bar) as shown:
                if shown is not None:
                    async with aclosing(self._performer.stream(calls.watch(self.id, timeout))) as changes:
                        async for one in changes:
                            show(shown, one)
                job = await self._performer.perform(calls.wait(self.id, timeout))
        except DeadlineError:
            raise copy_unfinished(await self.progress(), timeout or 0.0) from None
        if job.state != "done":
            raise copy_failed(job, await self.failures())
        return job

    async def cancel(self) -> Job:
        """Cancel the transfers that have not ended; return the job. Files that have arrived stay."""
        return await self._performer.perform(calls.cancel(self.id))

    async def why(self) -> list[WaitReason]:
        """Return why files wait; empty if none waits."""
        return await self._performer.perform(calls.why(self.id))

    async def failures(self) -> list[Transfer]:
        """Return the failed transfers, at most 1000."""
        return await self._performer.perform(calls.failures(self.id))

    def __repr__(self) -> str:
        return f"<AsyncCopy {self.id}>"


class AsyncGridFile:
    """A file to read, for asyncio. `content` describes it: LFN, size in bytes, md5, GUID and storage elements."""

    def __init__(self, performer: AsyncPerformer, session: str, content: Content) -> None:
        self._performer, self._session = performer, session
        self.content = content
        self._position = 0

    async def read(self, size: int = -1) -> bytes:
        """Return the next bytes, at most `size`; negative: the rest of the file. Raises GridError."""
        left = max(0, self.content.size - self._position)
        length = left if size < 0 else min(size, left)
        if not length:
            return b""
        start = self._position
        self._position += length
        ranges = [(start, length)]
        call = calls.read_ranges(self._session, self.content.lfn, ranges, guid=self.content.guid)
        return (await self._performer.perform(call))[0]

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position in bytes, and return it."""
        self._position = new_position(self._position, self.content.size, offset, whence)
        return self._position

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: an open file holds nothing in the daemon."""
