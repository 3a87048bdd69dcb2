"""The Python API on a sandbox grid, with a real daemon."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from alienctl import api
from alienctl.api import errors
from aliend.v1 import catalogue_pb2, daemon_pb2, transfers_pb2
from tests.harness import ROOT, Grid, User, alive, eventually, make_user

pytestmark = pytest.mark.xdist_group("python-api")
DATA = os.urandom(600_000)


@pytest.fixture(scope="module")
def owner(grid: Grid) -> Iterator[User]:
    """Create the user in whose environment this process runs."""
    with contextmanager(make_user)(grid.exports) as user, pytest.MonkeyPatch.context() as patch:
        for name in ("ALIEN_SESSION", "ALIEN_PROFILE", "ALIEND_SOCKET"):
            patch.delenv(name, raising=False)
        for name, value in user.environment.items():
            if name != "ALIEN_SESSION":
                patch.setenv(name, value)
        yield user


@pytest.fixture(scope="module")
def alien(owner: User) -> Iterator[api.Grid]:
    """Connect, in a directory of this module with the file F; the daemon does not run before."""
    with api.connect() as connected:
        home = connected.pwd()
        connected.mkdir(f"{owner.home.name}/d", parents=True)
        assert connected.cd(owner.home.name) == f"{home}{owner.home.name}/"
        (owner.home / "F").write_bytes(DATA)
        connected.copy(owner.home / "F", "F").wait(300)
        yield connected


def test_the_catalogue(alien: api.Grid) -> None:
    here = alien.pwd()
    entry = alien.stat("F")
    assert (entry.lfn, entry.size, entry.type) == (f"{here}F", len(DATA), "file")
    assert entry.md5 == hashlib.md5(DATA).hexdigest()
    assert {one.name: one.is_directory for one in alien.ls()} == {"F": False, "d": True}
    assert [one.name for one in alien.find(pattern="*F")] == ["F"]
    assert len({replica.se for replica in alien.whereis("F")}) == 2
    assert (alien.exists("F"), alien.exists("none")) == (True, False)


def test_changes_of_the_catalogue(alien: api.Grid) -> None:
    alien.mkdir("old/deep", parents=True)
    alien.mkdir("old")
    alien.mv("old", "new")
    assert [one.name for one in alien.ls("new")] == ["deep"]
    alien.rm("new", recursive=True)
    assert not alien.exists("new")


def test_each_connection_has_a_working_directory(alien: api.Grid) -> None:
    with api.connect() as other, api.connect(session="named") as named, api.connect(session="named") as again:
        assert other.pwd() != alien.pwd()
        assert other.cd(f"{alien.pwd()}d") == f"{alien.pwd()}d/"
        assert other.cd("-") != alien.pwd()
        named.cd(alien.pwd())
        assert again.pwd() == alien.pwd()


def test_an_error_has_its_facts(alien: api.Grid) -> None:
    with pytest.raises(FileNotFoundError) as failed:
        list(alien.ls("none"))
    assert isinstance(failed.value, errors.NotFoundError)
    assert (failed.value.errno, failed.value.reason, failed.value.lfn) == (2, "NOT_FOUND", "none")
    with pytest.raises(NotADirectoryError):
        alien.cd("F")
    with pytest.raises(IsADirectoryError):
        alien.read_bytes("d")


def test_the_content_of_a_file(alien: api.Grid) -> None:
    assert alien.read_bytes("F") == DATA
    assert alien.read_ranges("F", [(0, 5), (599_990, 100)]) == [DATA[:5], DATA[-10:]]
    with alien.open("F") as file:
        assert (file.content.size, file.name) == (len(DATA), f"{alien.pwd()}F")
        file.seek(-1000, os.SEEK_END)
        assert file.read(500) == DATA[-1000:-500]
        assert file.read() == DATA[-500:]
        file.seek(0)
        assert file.read() == DATA


def test_a_copy(alien: api.Grid, tmp_path: Path) -> None:
    copy = alien.copy(["F"], tmp_path / "F")
    states = [job.state for job in copy.watch()]
    assert states[-1] == "done"
    job = copy.wait(300)
    assert (job.files_done, job.bytes_done, job.has_ended, copy.why()) == (1, len(DATA), True, [])
    assert (tmp_path / "F").read_bytes() == DATA
    assert copy.id in [one.id for one in alien.jobs()]
    assert alien.job(copy.id).progress() == job


def test_a_failed_copy(alien: api.Grid, tmp_path: Path) -> None:
    (tmp_path / "F").write_bytes(b"other")
    with pytest.raises(errors.CopyFailedError, match="1 of 1 files were not copied") as failed:
        alien.copy("F", tmp_path / "F").wait(300)
    assert failed.value.failures[0].source == f"{alien.pwd()}F"


def test_a_failed_copy_is_the_exception_of_its_reason(alien: api.Grid, tmp_path: Path) -> None:
    for source, target in (("alien:none", tmp_path / "x"), (tmp_path / "none", "x")):
        with pytest.raises(FileNotFoundError) as missing:
            alien.copy(source, target).wait(300)
        assert isinstance(missing.value, errors.CopyFailedError)
        assert (missing.value.errno, missing.value.reason) == (2, "NOT_FOUND")
        assert missing.value.lfn in (f"{alien.pwd()}none", str(tmp_path / "none"))
    (tmp_path / "F").write_bytes(b"other")
    with pytest.raises(FileExistsError) as exists:
        alien.copy("F", tmp_path / "F").wait(300)
    assert 'overwrite="always" replaces it' in str(exists.value)


def test_an_empty_file_is_copied_on_request(alien: api.Grid, tmp_path: Path) -> None:
    (tmp_path / "E").write_bytes(b"")
    with pytest.raises(errors.CopyFailedError) as refused:
        alien.copy(tmp_path / "E", "E").wait(300)
    assert "touch_empty=True creates an entry" in str(refused.value)
    with pytest.raises(PermissionError):
        alien.copy(tmp_path / "E", "/alice/E", touch_empty=True).wait(300)
    job = alien.copy(tmp_path / "E", "E", touch_empty=True, label="empty").wait(300)
    assert (job.label, alien.stat("E").size) == ("empty", 0)
    alien.rm("E")


def test_a_refused_change_says_why(alien: api.Grid) -> None:
    alien.mkdir("full/d", parents=True)
    with pytest.raises(OSError, match="full is not empty") as full:
        alien.rm("full")
    assert full.value.errno == errno.ENOTEMPTY
    with pytest.raises(FileNotFoundError, match="none does not exist in the catalogue"):
        alien.mv("full", "none/full")
    with pytest.raises(FileNotFoundError, match="none does not exist in the catalogue"):
        alien.mkdir("none/d")
    with pytest.raises(FileExistsError):
        alien.mkdir("F")
    with pytest.raises(PermissionError):
        alien.mkdir("/alice/d")
    alien.mkdir("/alice")
    touch = alien.services().catalogue.TouchEntries
    with pytest.raises(grpc.RpcError) as untouched:
        touch(catalogue_pb2.TouchEntriesRequest(lfns=["/alice/f"]))
    assert untouched.value.code() == grpc.StatusCode.PERMISSION_DENIED
    alien.rm("full", recursive=True)


def test_a_plan_with_a_single_missing_source_is_an_error(alien: api.Grid, tmp_path: Path) -> None:
    def plan(*sources: str) -> list[int]:
        wanted = transfers_pb2.SubmitJobRequest(sources=sources, target=f"file:{tmp_path}/")
        answers = alien.services().transfers.PlanJob(transfers_pb2.PlanJobRequest(job=wanted))
        return [file.action for answer in answers for file in answer.files]

    here = alien.pwd()
    with pytest.raises(grpc.RpcError) as failed:
        plan(f"{here}none")
    assert failed.value.code() == grpc.StatusCode.NOT_FOUND
    assert sorted(plan(f"{here}F", f"{here}none")) == [1, 4]


def test_a_cancelled_copy(alien: api.Grid, owner: User, tmp_path: Path) -> None:
    owner.must("transfers", "limit", "down.rate=1K")  # ten minutes for the file
    try:
        copy = alien.copy("F", tmp_path / "F")
        with pytest.raises(TimeoutError):
            copy.wait(0.1)
        assert not copy.progress().has_ended
        assert copy.id in [one.id for one in alien.jobs(active=True)]
        copy.cancel()
        with pytest.raises(errors.CopyFailedError, match="is cancelled"):
            copy.wait(300)
        assert not (tmp_path / "F").exists()
    finally:
        owner.must("transfers", "limit", "down.rate=default")


def test_the_daemon_is_started_again(alien: api.Grid, owner: User) -> None:
    with alien.open("F") as file:
        here, before = alien.pwd(), owner.kill_daemon()
        assert file.read(10) == DATA[:10]
        assert (alien.pwd(), owner.pid() != before) == (here, True)
        before = owner.kill_daemon()
        alien.mkdir("later")
        alien.rm("later", recursive=True)
        assert not alive(before)


@pytest.mark.parametrize("bar", [False, True])
def test_a_wait_continues_with_the_next_daemon(
    alien: api.Grid, owner: User, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, bar: bool
) -> None:
    owner.must("transfers", "limit", "down.rate=1K")  # ten minutes for the file
    try:
        copy = alien.copy("F", tmp_path / "F")
        owner.must("transfers", "pause", str(copy.id))
    finally:
        owner.must("transfers", "limit", "down.rate=default")
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(copy.wait, 300, bar=bar)
        status = alien.services().daemon.Status
        if bar:
            eventually(lambda: "0/1 files" in capsys.readouterr().err)
        else:
            eventually(lambda: status(daemon_pb2.StatusRequest()).running_calls)
        owner.must("daemon", "restart")
        owner.must("transfers", "resume", str(copy.id))
        assert waiting.result(300).state == "done"
    assert ("1/1 files" in capsys.readouterr().err) == bar


def test_a_wait_shows_a_bar(alien: api.Grid, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = alien.copy("F", tmp_path / "F")
    copy.wait(300, bar=True)
    shown = capsys.readouterr().err
    assert f"job {copy.id}: 100%" in shown
    assert "1/1 files" in shown
    alien.copy("F", tmp_path / "G").wait(300, bar=False)
    assert capsys.readouterr().err == ""


def test_the_environment_selects_the_daemon(
    alien: api.Grid, owner: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pid(grid: api.Grid) -> int:
        return int(grid.services().daemon.Status(daemon_pb2.StatusRequest()).pid)

    alien.pwd()  # the daemon runs
    default = owner.json("daemon", "status")
    with monkeypatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
        patch.setenv("ALIEND_SOCKET", default["socket"])
        with api.connect() as by_socket:
            assert pid(by_socket) == default["pid"]
    with monkeypatch.context() as patch:
        patch.setenv("ALIEN_PROFILE", "second")
        with api.connect() as by_profile, api.connect("default") as named:
            try:
                assert (pid(by_profile), pid(named)) == (
                    owner.json("--profile", "second", "daemon", "status")["pid"],
                    default["pid"],
                )
                assert pid(by_profile) != default["pid"]
            finally:
                owner.must("--profile", "second", "daemon", "stop")


async def test_the_asynchronous_api(alien: api.Grid, owner: User, tmp_path: Path) -> None:
    async with api.connect_async() as grid:
        assert await grid.cd(alien.pwd()) == await grid.pwd() == alien.pwd()
        await grid.mkdir("async/deep", parents=True)
        await grid.mv("async", "moved")
        assert [one.name async for one in grid.ls("moved")] == ["deep"]
        await grid.rm("moved", recursive=True)
        assert [await grid.exists("moved"), (await grid.stat("F")).size] == [False, len(DATA)]
        assert [one.name async for one in grid.find(pattern="*F")] == ["F"]
        assert await grid.whereis("F") == alien.whereis("F")
        assert await asyncio.gather(*[grid.read_bytes("F") for _ in range(3)]) == [DATA] * 3
        async with await grid.open("F") as file:
            file.seek(-5, os.SEEK_END)
            assert (await file.read(2), await file.read(), file.tell()) == (DATA[-5:-3], DATA[-3:], len(DATA))
        copy = await grid.copy("F", tmp_path / "F")
        assert [job.state async for job in copy.watch()][-1] == "done"
        assert await copy.wait() == await (await grid.job(copy.id)).progress()
        assert (await copy.why(), (await copy.cancel()).state) == ([], "done")
        assert copy.id in [one.id async for one in grid.jobs()]
        with pytest.raises(FileNotFoundError):
            await grid.stat("none")
        with pytest.raises(errors.CopyFailedError):
            await (await grid.copy("none", tmp_path / "N")).wait()
        await asyncio.to_thread(owner.kill_daemon)
        assert await grid.pwd() == alien.pwd()


FORKS = """
import asyncio, os, sys
from alienctl import api

def in_child(work):
    pid = os.fork()
    if not pid:
        try:
            os._exit(work())
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

grid = api.connect()
here = grid.pwd()
print(in_child(lambda: 40 + (grid.pwd() == here)), grid.pwd() == here)

async def use():
    async with api.connect_async() as one:
        await one.pwd()

def refused():
    try:
        asyncio.run(use())
    except api.ForkedProcessError as error:
        return 40 + ("connect()" in str(error))

asyncio.run(use())
print(in_child(refused), in_child(lambda: 40 + (grid.pwd() == here)))

listing, watch = grid.ls(), grid.job(int(sys.argv[1])).watch()
next(listing), next(watch)

def continued():
    try:
        next(listing)
        list(listing)
    except api.ForkedProcessError as error:
        return 40 + ("create a new one" in str(error)) + 2 * (next(watch).id == int(sys.argv[1]))

print(in_child(continued))
grid.job(int(sys.argv[1])).cancel()
print([job.state for job in watch][-1], len(list(listing)) > 0)

async def begin():
    one = api.connect_async()
    listing = one.ls()
    await anext(listing)
    return one, listing

loop = asyncio.new_event_loop()
kept = loop.run_until_complete(begin())

async def rest():
    return [one async for one in kept[1]]

def continued_async():
    try:
        asyncio.new_event_loop().run_until_complete(rest())
    except api.ForkedProcessError as error:
        return 40 + ("create a new one" in str(error))

def in_sound_child(work):
    # gRPC cannot prepare for a fork during an asynchronous call, and may abort the child
    return next((code for code in (in_child(work) for _ in range(3)) if code >= 0), -1)

print(in_sound_child(continued_async), len(loop.run_until_complete(rest())) > 0)
"""


def test_a_forked_process_has_a_channel_of_its_own(alien: api.Grid, owner: User, tmp_path: Path) -> None:
    owner.must("transfers", "limit", "down.rate=1K")  # ten minutes for the file
    copy = alien.copy("F", tmp_path / "F")
    done = subprocess.run(
        [sys.executable, "-c", FORKS, str(copy.id)],
        env={**owner.environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    owner.must("transfers", "limit", "down.rate=default")
    assert done.stdout.splitlines() == ["41 True", "41 41", "43", "cancelled True", "41 True"], done.stderr


def test_a_missing_daemon_socket_is_reported(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALIEND_SOCKET", "/" + "x" * 200)
    with api.connect() as other, pytest.raises(errors.GridError) as failed:
        other.pwd()
    assert "107" in str(failed.value)
