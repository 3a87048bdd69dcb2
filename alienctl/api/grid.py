"""The synchronous API: `Grid` performs the table of `calls` on one `Connection`, for any number of threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Concatenate, Literal, ParamSpec, Self, TypeVar

import grpc

from alienctl.api import calls
from alienctl.api.call_kinds import Attempts, Call, Stream, name_method
from alienctl.api.connection import Connection, check_iterator
from alienctl.api.copy_progress import progress_bar, show
from alienctl.api.errors import DeadlineError, copy_failed, copy_unfinished, is_daemon_lost
from alienctl.api.open_file import GridFile
from alienctl.api.results import Job, Transfer, WaitReason
from alienctl.api.services import Services

P = ParamSpec("P")
T = TypeVar("T")


class Performer:
    """Makes calls; repeats those that can be repeated when the daemon ends meanwhile."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def perform(self, call: Call[T]) -> T:
        """Return the result of a call. Raises GridError."""
        if not call.is_repeatable:
            self.perform(calls.hello())  # a daemon that ended before cannot leave the outcome unknown
        attempts = Attempts(is_repeatable=call.is_repeatable, timeout=call.timeout)
        while True:
            services = self.connection.services()
            stub = getattr(getattr(services, call.service), call.method)
            try:
                answer = stub(call.request, timeout=attempts.timeout())
                return call.convert(list(answer) if call.is_streamed else answer)
            except grpc.RpcError as error:
                self._next(attempts, services, error)

    def stream(self, call: Stream[T]) -> Iterator[T]:
        """Yield the results of a call. Raises GridError, and in a forked process ForkedProcessError.

        There, answers that are snapshots come from a call of its own.
        """
        attempts = Attempts(has_snapshots=call.has_snapshots, timeout=call.timeout)
        while True:
            process, services = os.getpid(), self.connection.services()
            answers = getattr(getattr(services, call.service), call.method)(call.request, timeout=attempts.timeout())
            try:
                for answer in answers:
                    attempts.note_answer()
                    yield from call.convert(answer)
                    if process != os.getpid():
                        break
                else:
                    return
            except grpc.RpcError as error:
                self._next(attempts, services, error)
            finally:
                if process == os.getpid():
                    answers.cancel()
                else:
                    self.connection.keep_inherited(answers)
            if not call.has_snapshots:
                check_iterator(process)

    def _next(self, attempts: Attempts, services: Services, error: grpc.RpcError) -> None:
        """Prepare the next attempt. Raises GridError if none follows."""
        if is_daemon_lost(error):
            self.connection.forget(services)
        attempts.check(error)


def _method(build: Callable[Concatenate[str, P], Call[T]]) -> Callable[Concatenate[Grid, P], T]:
    def method(grid: Grid, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return grid._performer.perform(build(grid._session, *args, **kwargs))

    name_method(method, build)
    return method


def _iterator(build: Callable[Concatenate[str, P], Stream[T]]) -> Callable[Concatenate[Grid, P], Iterator[T]]:
    def method(grid: Grid, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        return grid._performer.stream(build(grid._session, *args, **kwargs))

    name_method(method, build)
    return method


def _job(build: Callable[Concatenate[str, P], Call[Job]]) -> Callable[Concatenate[Grid, P], Copy]:
    def method(grid: Grid, /, *args: P.args, **kwargs: P.kwargs) -> Copy:
        return Copy(grid._performer, grid._performer.perform(build(grid._session, *args, **kwargs)))

    name_method(method, build)
    return method


class Grid:
    """The Grid as `alienctl` sees it. Safe for threads; closes its channel at the end of its `with` block.

    A program starts in the home directory; its `cd` moves no terminal and no other program. Methods raise a
    `GridError`, which has the LFN, errno, reason and advice. A forked process gets a channel of its own.
    """

    def __init__(self, profile: str = "", session: str = "") -> None:
        self._performer = Performer(Connection(profile))
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

    def cd(self, lfn: str = "") -> str:
        """Change the working directory and return it; `-` is the previous one, empty the home.

        Raises NotFoundError, NotDirectoryError.
        """
        session = calls.own_session(self._session)
        directory = self._performer.perform(calls.change_directory(session, lfn))
        self._session = session
        return directory

    def open(self, lfn: str, mode: Literal["rb"] = "rb") -> GridFile:
        """Open a file to read; each read is a call. `io.BufferedReader(file, 1 << 20)` makes small reads quick.

        Raises NotFoundError, DirectoryError, InvalidRequestError.
        """
        calls.check_mode(lfn, mode)
        session = self._session
        content = self._performer.perform(calls.describe(session, lfn))
        lfn, guid = content.lfn, content.guid

        def read(offset: int, length: int) -> bytes:
            return self._performer.perform(calls.read_ranges(session, lfn, [(offset, length)], guid=guid))[0]

        return GridFile(content, read)

    def job(self, number: int) -> Copy:
        """Return a job of the daemon by its number. Raises NotFoundError."""
        return Copy(self._performer, self._performer.perform(calls.job(number)))

    def jobs(self, *, active: bool = False) -> Iterator[Job]:
        """Yield the jobs of the daemon, the newest first; with `active` those that have not ended."""
        token = ""
        while True:
            page = self._performer.perform(calls.job_page(token, active=active))
            yield from page.jobs
            if not (token := page.next_token):
                return

    def services(self) -> Services:
        """Return the stubs of the contract `aliend.v1`, for calls without a method. They raise `grpc.RpcError`."""
        return self._performer.connection.services()

    def close(self) -> None:
        """Close the channel; running calls end."""
        self._performer.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Copy:
    """A job of the daemon. It continues after the end of this program."""

    def __init__(self, performer: Performer, job: Job) -> None:
        self._performer = performer
        self.id = job.id
        """The number of the job, as in `alienctl transfers show`."""

    def progress(self) -> Job:
        """Return the job as it is now."""
        return self._performer.perform(calls.job(self.id))

    def watch(self) -> Iterator[Job]:
        """Yield the job as it is now, and after each change until it has ended."""
        return self._performer.stream(calls.watch(self.id))

    def wait(self, timeout: float | None = None, *, bar: bool | None = None) -> Job:
        """Return the job when all of its files have arrived.

        timeout: seconds; None: no limit. The job continues after a DeadlineError.
        bar: show a progress bar; None: if tqdm is installed, and the program runs on a terminal or in a notebook
        Raises CopyFailedError, DeadlineError.
        """
        try:
            with progress_bar(self.id, bar) as shown:
                if shown is not None:
                    for one in self._performer.stream(calls.watch(self.id, timeout)):
                        show(shown, one)
                job = self._performer.perform(calls.wait(self.id, timeout))
        except DeadlineError:
            raise copy_unfinished(self.progress(), timeout or 0.0) from None
        if job.state != "done":
            raise copy_failed(job, self.failures())
        return job

    def cancel(self) -> Job:
        """Cancel the transfers that have not ended; return the job. Files that have arrived stay."""
        return self._performer.perform(calls.cancel(self.id))

    def why(self) -> list[WaitReason]:
        """Return why files wait; empty if none waits."""
        return self._performer.perform(calls.why(self.id))

    def failures(self) -> list[Transfer]:
        """Return the failed transfers, at most 1000."""
        return self._performer.perform(calls.failures(self.id))

    def __repr__(self) -> str:
        return f"<Copy {self.id}>"
