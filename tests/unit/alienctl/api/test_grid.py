"""The synchronous API on a connection whose calls are answered by the test."""

from __future__ import annotations

import inspect
import pickle
from pathlib import Path
from types import SimpleNamespace

import grpc
import pytest
from google.rpc import status_pb2

from alienctl.api import calls, copy_progress, errors, results
from alienctl.api.grid import Copy, Grid, Performer
from aliend.v1 import catalogue_pb2, errors_pb2, session_pb2, transfers_pb2
from tests.unit.alienctl.api.fake_channel import LOST, Answers, Failure, FakeConnection

MISSING = catalogue_pb2.StatEntriesResponse(missing=["x"])
FOUND = catalogue_pb2.StatEntriesResponse(
    entries=[catalogue_pb2.Entry(lfn="/a/x", size=3, type=catalogue_pb2.ENTRY_TYPE_FILE)]
)
REMOVED = catalogue_pb2.RemoveEntriesResponse()


def grid_on(connection: FakeConnection) -> Grid:
    grid = Grid()
    grid._performer = Performer(connection.as_connection())
    return grid


def page(*names: str) -> catalogue_pb2.ListEntriesResponse:
    return catalogue_pb2.ListEntriesResponse(entries=[catalogue_pb2.Entry(lfn=name) for name in names])


def job(state: int, **fields: int) -> transfers_pb2.Job:
    return transfers_pb2.Job(id=7, state=state, files=transfers_pb2.Counters(**fields))  # type: ignore[arg-type]


def failed_with(reason: int) -> Failure:
    status = status_pb2.Status(code=5, message="the text")
    status.details.add().Pack(errors_pb2.ErrorInfo(reason=reason, lfn="/a/x", remedy="look"))  # type: ignore[arg-type]
    return Failure(grpc.StatusCode.NOT_FOUND, (("grpc-status-details-bin", status.SerializeToString()),))


def test_a_call_that_changes_nothing_is_made_again_when_the_daemon_ends() -> None:
    connection = FakeConnection(StatEntries=[LOST, LOST, FOUND])
    assert grid_on(connection).stat("x").size == 3
    assert connection.forgotten == 2


def test_repetitions_end() -> None:
    connection = FakeConnection(StatEntries=[LOST] * 20)
    with pytest.raises(errors.NoDaemonError):
        grid_on(connection).exists("x")
    assert connection.names() == ["StatEntries"] * 6


def test_a_change_is_made_once_on_a_daemon_that_answers() -> None:
    connection = FakeConnection(Hello=[LOST, None], RemoveEntries=[REMOVED])
    grid_on(connection).rm("x")
    assert connection.names() == ["Hello", "Hello", "RemoveEntries"]


def test_the_outcome_of_a_change_is_unknown_when_the_daemon_ends() -> None:
    connection = FakeConnection(RemoveEntries=[LOST, REMOVED])
    with pytest.raises(errors.OutcomeUnknownError, match="may or may not have happened"):
        grid_on(connection).rm("x")
    assert connection.names() == ["Hello", "RemoveEntries"]


def test_a_copy_is_submitted_again_under_the_same_request_id() -> None:
    connection = FakeConnection(SubmitJob=[LOST, transfers_pb2.SubmitJobResponse(job=job(1))])
    assert grid_on(connection).copy("x", Path("y")).id == 7
    assert len({request.request_id for _, request in connection.requests}) == 1


def test_an_error_has_its_facts() -> None:
    connection = FakeConnection(ListReplicas=[failed_with(errors_pb2.ERROR_REASON_NOT_FOUND)])
    with pytest.raises(FileNotFoundError) as failed:
        grid_on(connection).whereis("x")
    error = failed.value
    assert isinstance(error, errors.GridError)
    assert (error.lfn, error.errno, error.reason, error.advice) == ("/a/x", 2, "NOT_FOUND", "look")
    assert (error.filename, str(error)) == ("/a/x", "the text\nlook")


def test_a_name_that_does_not_exist_is_an_error_of_stat_only() -> None:
    grid = grid_on(FakeConnection(StatEntries=[MISSING, MISSING, FOUND]))
    with pytest.raises(errors.NotFoundError, match="x does not exist"):
        grid.stat("x")
    assert [grid.exists("x"), grid.exists("x")] == [False, True]


def test_a_listing_begins_again_only_before_its_first_answer() -> None:
    grid = grid_on(FakeConnection(ListEntries=[Answers(LOST), Answers(page("a", "b"), page("c"))]))
    assert [entry.name for entry in grid.ls()] == ["a", "b", "c"]
    broken = grid_on(FakeConnection(ListEntries=[Answers(page("a"), LOST), Answers(page("a"))])).ls()
    assert next(broken).name == "a"
    with pytest.raises(errors.NoDaemonError):
        next(broken)


def test_a_listing_that_is_not_read_to_its_end_is_cancelled() -> None:
    answers = Answers(page("a", "b"), page("c"))
    listing = grid_on(FakeConnection(ListEntries=[answers])).ls()
    assert next(listing).name == "a"
    listing.close()  # type: ignore[attr-defined]
    assert answers.is_cancelled


def test_a_watch_continues_with_the_next_daemon() -> None:
    running, ended = (transfers_pb2.WatchJobsResponse(jobs=[job(state)]) for state in (2, 4))
    connection = FakeConnection(WatchJobs=[Answers(running, LOST), Answers(running, ended)])
    states = [one.state for one in Copy(grid_on(connection)._performer, calls._job(job_answer(1))).watch()]
    assert states == ["active", "active", "done"]


def job_answer(state: int, **fields: int) -> transfers_pb2.GetJobResponse:
    return transfers_pb2.GetJobResponse(job=job(state, **fields))


def test_wait_raises_for_files_that_were_not_copied() -> None:
    failure = transfers_pb2.TransferFailure(error_number=13, reason=errors_pb2.ERROR_REASON_PERMISSION_DENIED)
    transfer = transfers_pb2.Transfer(id=1, source="/a/x", message="not allowed", failure=failure)
    connection = FakeConnection(
        GetJob=[job_answer(2)],
        WaitJob=[LOST, transfers_pb2.WaitJobResponse(job=job(5, total=3, done=2, failed=1))],
        ListTransfers=[transfers_pb2.ListTransfersResponse(transfers=[transfer])],
    )
    with pytest.raises(errors.CopyFailedError) as failed:
        grid_on(connection).job(7).wait(timeout=60)
    again = pickle.loads(pickle.dumps(failed.value))
    for error in (failed.value, again):
        assert error.message == "job 7 is partial: 1 of 3 files were not copied; /a/x: not allowed"
        assert (error.lfn, error.errno, error.reason) == ("/a/x", 13, "PERMISSION_DENIED")
        assert "`alienctl transfers show 7`" in error.advice
        assert (error.job.files_done, error.failures[0].source) == (2, "/a/x")
    waits = [limit for (name, _), limit in zip(connection.requests, connection.timeouts, strict=True) if "Wait" in name]
    assert all(limit is not None and 0 < limit <= 60 for limit in waits)


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        ((errors_pb2.ERROR_REASON_NOT_FOUND,), FileNotFoundError),
        ((errors_pb2.ERROR_REASON_PERMISSION_DENIED,) * 2, PermissionError),
        ((errors_pb2.ERROR_REASON_NOT_FOUND, errors_pb2.ERROR_REASON_PERMISSION_DENIED), errors.CopyFailedError),
    ],
)
def test_a_failed_copy_is_the_exception_of_its_reason(reasons: tuple[int, ...], expected: type[OSError]) -> None:
    failed = [results.transfer_of(failed_transfer(one, "x")) for one in reasons]
    error = errors.copy_failed(results.job_of(job(6, total=2, failed=2)), failed)
    for one in (error, pickle.loads(pickle.dumps(error))):
        assert isinstance(one, expected)
        assert isinstance(one, errors.CopyFailedError)
        assert isinstance(one, FileNotFoundError | PermissionError) == (expected is not errors.CopyFailedError)


def failed_transfer(reason: int, message: str) -> transfers_pb2.Transfer:
    failure = transfers_pb2.TransferFailure(reason=reason)  # type: ignore[arg-type]
    return transfers_pb2.Transfer(id=1, source="/a/x", message=message, failure=failure)


@pytest.mark.parametrize(
    ("message", "happened", "advice"),
    [
        ("/a/x exists; use -f to replace it", "/a/x exists", 'overwrite="always" replaces it'),
        ("/a/x exists; remove it or overwrite it with -f", "/a/x exists", 'overwrite="always" replaces it'),
        (
            "/a/x is empty; use --touch-empty to create an entry without content",
            "/a/x is empty",
            "touch_empty=True creates an entry without content",
        ),
        ("no room; see `alienctl quota`", "/a/x: no room", "see `alienctl quota`"),
    ],
)
def test_advice_names_arguments_of_copy(message: str, happened: str, advice: str) -> None:
    failed = results.transfer_of(failed_transfer(errors_pb2.ERROR_REASON_COPY_FAILED, message))
    error = errors.copy_failed(results.job_of(job(6, total=1, failed=1)), [failed])
    assert error.message == f"job 7 is failed: 1 of 1 files were not copied; {happened}"
    assert error.advice.startswith(f"{advice}; `alienctl transfers show 7`")


def test_a_job_without_files_is_not_reported_as_no_files_of_none() -> None:
    assert "0 of 0" not in str(errors.copy_failed(results.job_of(job(6)), []))


def test_options_of_a_copy_are_those_of_the_request() -> None:
    connection = FakeConnection(SubmitJob=[transfers_pb2.SubmitJobResponse(job=job(1))])
    grid_on(connection).copy("x", Path("y"), touch_empty=True, label="mine")
    ((_, request),) = connection.requests
    assert (request.touch_empty, request.label) == (True, "mine")


@pytest.mark.parametrize("one", [(-1, 2), (0, -2)])
def test_a_negative_range_is_refused(one: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"is negative; read_ranges needs an offset and a length"):
        grid_on(FakeConnection()).read_ranges("x", [one])


def test_a_path_is_no_lfn() -> None:
    grid = grid_on(FakeConnection())
    for name in ("stat", "exists", "whereis", "mkdir", "rm", "read_bytes", "open", "cd", "ls", "find"):
        with pytest.raises(TypeError, match="an LFN is a str, not PosixPath"):
            getattr(grid, name)(Path("x"))


def test_a_time_limit_says_why_the_job_is_held() -> None:
    held = transfers_pb2.GetJobResponse(job=job(3, total=1))
    held.job.message = "the disk is full"
    late = Failure(grpc.StatusCode.DEADLINE_EXCEEDED)
    connection = FakeConnection(GetJob=[held, held], WaitJob=[late])
    with pytest.raises(TimeoutError, match="job 7 is paused after 3 s: 0 of 1 files have arrived; the disk is full"):
        grid_on(connection).job(7).wait(3)


def test_a_bar_says_why_the_job_is_held() -> None:
    texts: list[str] = []
    bar = SimpleNamespace(set_postfix_str=lambda text, refresh: texts.append(text), refresh=lambda: None)
    held = job(3, total=1)
    held.message = "the disk is full"
    copy_progress.show(bar, results.job_of(held))
    assert texts == ["0/1 files, paused: the disk is full"]


def test_a_cancelled_job_is_a_failed_copy() -> None:
    ended = transfers_pb2.WaitJobResponse(job=job(7, total=1, cancelled=1))
    lists = transfers_pb2.ListTransfersResponse()
    connection = FakeConnection(GetJob=[job_answer(2)], WaitJob=[ended], ListTransfers=[lists])
    with pytest.raises(errors.CopyFailedError, match="job 7 is cancelled") as failed:
        grid_on(connection).job(7).wait()
    assert failed.value.reason == "CANCELLED"


def test_jobs_are_read_page_by_page() -> None:
    pages = [
        transfers_pb2.ListJobsResponse(jobs=[job(2)], next_page_token="more"),
        transfers_pb2.ListJobsResponse(jobs=[job(4)]),
    ]
    connection = FakeConnection(ListJobs=pages)
    assert [one.state for one in grid_on(connection).jobs()] == ["active", "done"]
    assert [request.page_token for _, request in connection.requests] == ["", "more"]


def test_cd_uses_a_session_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALIEN_SESSION", raising=False)
    moved = session_pb2.ChangeDirectoryResponse(session=session_pb2.Session(directory="/a/"))
    connection = FakeConnection(ChangeDirectory=[moved] * 3, ListEntries=[Answers(), Answers()])
    first, second = grid_on(connection), grid_on(connection)
    assert (first.cd("/a"), first.cd("/a"), second.cd("/a")) == ("/a/",) * 3
    one, again, other = (request.session for _, request in connection.requests)
    assert one == again
    assert one != other
    assert list(first.ls()) == []
    assert connection.requests[-1][1].session == one


def test_a_session_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALIEN_SESSION", "mine")
    assert (Grid()._session, Grid(session="named")._session) == ("mine", "named")


def test_methods_have_the_docstring_and_signature_of_their_call() -> None:
    assert str(inspect.signature(Grid.mkdir)) == "(self, /, lfn: 'str', *, parents: 'bool' = False)"
    assert Grid.mkdir.__name__ == "mkdir"
    public = {name: one for name, one in vars(Grid).items() if not name.startswith("_")}
    assert [name for name, one in public.items() if not inspect.getdoc(one)] == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("data/", "alien:data/"),
        ("alien:/a/x", "alien:/a/x"),
        ("file:x", "file:x"),
        (Path("/tmp/x"), "file:/tmp/x"),
    ],
)
def test_a_path_of_a_copy_is_local_as_a_path_and_with_file(path: str | Path, expected: str) -> None:
    assert calls.location(path) == expected


def test_a_wrong_mode_and_an_empty_path_are_refused() -> None:
    with pytest.raises(ValueError, match="rb"):
        grid_on(FakeConnection()).open("x", "wb")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="empty"):
        calls.location("")


def test_a_wrong_overwrite_is_refused() -> None:
    with pytest.raises(errors.InvalidRequestError, match="not 'bogus'"):
        calls.copy("", "a", "file:b", overwrite="bogus")  # type: ignore[arg-type]
