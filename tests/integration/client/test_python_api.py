"""The Python API on a sandbox grid, with a real daemon."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from alienctl import api
from alienctl.api import errors
from tests.harness import Grid, User, alive, make_user

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


def test_a_missing_daemon_socket_is_reported(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALIEND_SOCKET", "/" + "x" * 200)
    with api.connect() as other, pytest.raises(errors.GridError) as failed:
        other.pwd()
    assert "107" in str(failed.value)
