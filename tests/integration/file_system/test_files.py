"""Reading and writing through `alien://`: ranges, replicas, archives, failures, processes."""

from __future__ import annotations

import asyncio
import errno
import gzip
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest

from alienctl.api.errors import DeniedError, GridError
from alienctl.fsspec import AlienFileSystem
from tests.harness import Grid, User, eventually

pytestmark = pytest.mark.xdist_group("fsspec-files")
CONTENT = os.urandom(3_000_000)


@pytest.fixture(scope="module")
def stored(files: AlienFileSystem, base: str) -> str:
    """Return the name of a file with CONTENT on two storage elements."""
    name = f"{base}/stored"
    with files.open(name, "wb", storage="disk:2") as file:
        file.write(CONTENT[:7])
        file.write(CONTENT[7:])
    return name


@pytest.fixture(scope="module")
def tree(files: AlienFileSystem, base: str) -> str:
    """Return a directory with the files a, b/c.txt and b/d/e.txt."""
    for name in ("a", "b/c.txt", "b/d/e.txt"):
        files.pipe(f"{base}/tree/{name}", name.encode())
    return f"{base}/tree"


def replicas(user: User, grid: Grid, lfn: str) -> list[Path]:
    """Return the files of all replicas, in the order of the service."""
    found = []
    for one in user.json("lfn2uri", lfn)["results"]:
        path = str(one["uri"]).partition("?")[0].partition("#")[0].rpartition("//")[2]
        found.append(grid.directory / "storage" / str(one["se"]).rpartition("::")[2].lower() / "data" / path)
    return found


def test_a_url_opens_the_file(stored: str) -> None:
    with fsspec.open(f"alien://{stored}") as file:
        assert file.read() == CONTENT


def test_seek_and_read_return_parts(files: AlienFileSystem, stored: str) -> None:
    with files.open(stored, block_size=1000) as file:
        file.seek(2_000_000)
        assert file.read(10) == CONTENT[2_000_000:2_000_010]
        file.seek(-5, 2)
        assert file.read() == CONTENT[-5:]


@pytest.mark.parametrize("limits", [(None, 9), (5, 9), (-9, None), (-9, -5), (2_999_990, 4_000_000), (9, 9), (9, 5)])
def test_limits_are_those_of_slices(files: AlienFileSystem, stored: str, limits: tuple[int | None, int | None]) -> None:
    assert files.cat_file(stored, *limits) == CONTENT[slice(*limits)]


def test_many_ranges_of_several_files_arrive_in_order(files: AlienFileSystem, stored: str, tree: str) -> None:
    starts = [0, *range(0, 2_900_000, 29_000)]
    names = [f"{tree}/b/c.txt", *[stored] * 100]
    got = files.cat_ranges([*names, f"{tree}/none"], [*starts, 0], [*(start + 7 for start in starts), 1])
    assert got[:101] == [b"b/c.txt", *(CONTENT[start : start + 7] for start in starts[1:])]
    assert isinstance(got[101], FileNotFoundError)


def test_directories_are_listed(files: AlienFileSystem, tree: str) -> None:
    assert files.ls(tree, detail=False) == [f"{tree}/a", f"{tree}/b"]
    assert files.find(tree) == [f"{tree}/a", f"{tree}/b/c.txt", f"{tree}/b/d/e.txt"]
    assert files.find(tree, maxdepth=1, withdirs=True) == [tree, f"{tree}/a", f"{tree}/b"]
    assert files.glob(f"{tree}/**/*.txt") == [f"{tree}/b/c.txt", f"{tree}/b/d/e.txt"]
    walked = list(files.walk(tree))
    assert walked == [(tree, ["b"], ["a"]), (f"{tree}/b", ["d"], ["c.txt"]), (f"{tree}/b/d", [], ["e.txt"])]
    assert (files.du(tree), files.isdir(tree), files.isfile(tree)) == (17, True, False)


def test_the_facts_of_a_file_are_those_of_the_catalogue(files: AlienFileSystem, stored: str, analyst: User) -> None:
    facts = files.info(f"alien://{stored}")
    assert (facts["name"], facts["size"], facts["type"]) == (stored, len(CONTENT), "file")
    assert facts["guid"].lower() in analyst.must("lfn2guid", stored).lower()
    assert files.checksum(stored) == facts["md5"] != ""
    with pytest.raises(FileNotFoundError, match="/none does not exist in the catalogue"):
        files.info(f"{stored}/none")


def test_a_replica_without_its_file_is_replaced_by_the_next(
    files: AlienFileSystem, base: str, analyst: User, grid: Grid
) -> None:
    name = f"{base}/two"
    files.pipe(name, CONTENT, storage="disk:2")
    first, _ = replicas(analyst, grid, name)
    with files.open(name, block_size=1000) as file:
        assert file.read(10) == CONTENT[:10]
        os.truncate(first, 1_000_000)
        file.seek(2_000_000)
        assert file.read(10) == CONTENT[2_000_000:2_000_010]
    first.unlink()
    assert files.cat_file(name) == CONTENT


def test_a_file_without_a_working_replica_is_an_error(
    files: AlienFileSystem, base: str, analyst: User, grid: Grid
) -> None:
    name = f"{base}/lost"
    files.pipe(name, CONTENT, storage="disk:2")
    for one in replicas(analyst, grid, name):
        one.unlink()
    with pytest.raises(GridError):
        files.cat_file(name)


def test_a_member_of_an_archive_is_a_file(files: AlienFileSystem, analyst: User) -> None:
    eventually(lambda: analyst.run("ls", "archive").returncode == 0)
    name = "/alice/cern.ch/user/a/alice/archive/first.dat"
    whole = files.cat_file(name)
    with files.open(name) as file:
        file.seek(3)
        assert whole
        assert file.read(4) == whole[3:7]


def test_a_file_is_stored_on_all_storage_elements_when_it_is_closed(
    files: AlienFileSystem, base: str, analyst: User
) -> None:
    name = f"{base}/new/two"
    with files.open(name, "wb", storage="disk:2") as file:
        file.write(b"x" * 100)
        assert not files.exists(name)
    assert len(analyst.json("whereis", name)["results"]) == 2
    with files.open(name, "w") as text:
        text.write("other")
    assert files.cat_file(name) == b"other"


def test_a_file_that_cannot_be_stored_raises_at_close(files: AlienFileSystem, base: str) -> None:
    file = files.open(f"{base}/never", "wb", storage="ALICE::No::SE")
    file.write(b"x")
    with pytest.raises(GridError):
        file.close()
    assert not files.exists(f"{base}/never")


def test_a_file_that_was_not_written_to_its_end_is_not_stored(files: AlienFileSystem, base: str) -> None:
    def write_half() -> None:
        with files.open(f"{base}/half", "wb") as file:
            file.write(CONTENT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert not files.exists(f"{base}/half")


def gzipped(files: AlienFileSystem, name: str) -> Any:  # noqa: ANN401 - fsspec has no types
    return files.open(name, "wb", compression="gzip")


def url(_: AlienFileSystem, name: str) -> Any:  # noqa: ANN401 - fsspec has no types
    return fsspec.open(f"alien://{name}", "wb")


def zipped_url(_: AlienFileSystem, name: str) -> Any:  # noqa: ANN401 - fsspec has no types
    return fsspec.open(f"alien://{name}.gz", "wb", compression="infer")


@pytest.mark.parametrize("opened", [gzipped, url, zipped_url])
def test_a_layer_above_a_file_stores_it_only_without_an_exception(
    files: AlienFileSystem, base: str, opened: Callable[[AlienFileSystem, str], Any]
) -> None:
    def write(name: str, *, ends_early: bool) -> None:
        with opened(files, name) as file:
            file.write(CONTENT)
            if ends_early:
                raise ZeroDivisionError

    ended = "was not stored: its with block ended with ZeroDivisionError"
    with pytest.warns(RuntimeWarning, match=ended), pytest.raises(ZeroDivisionError):
        write(f"{base}/layer-half", ends_early=True)
    assert files.glob(f"{base}/layer-half*") == []
    write(f"{base}/{opened.__name__}-whole", ends_early=False)
    (stored,) = files.glob(f"{base}/{opened.__name__}-whole*")
    data = files.cat_file(stored)
    assert (data if opened is url else gzip.decompress(data)) == CONTENT


def test_a_text_file_is_stored_only_without_an_exception(files: AlienFileSystem, base: str) -> None:
    def write(*, ends_early: bool) -> None:
        with files.open(f"{base}/text", "w", encoding="latin-1") as file:
            file.write("é")
            if ends_early:
                raise ZeroDivisionError

    with pytest.warns(RuntimeWarning, match="was not stored"), pytest.raises(ZeroDivisionError):
        write(ends_early=True)
    assert not files.exists(f"{base}/text")
    write(ends_early=False)
    assert files.cat_file(f"{base}/text") == b"\xe9"


def test_a_file_that_is_written_while_an_exception_is_handled_is_stored(files: AlienFileSystem, base: str) -> None:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        with files.open(f"{base}/report", "w") as file:
            file.write("failed")
    file = files.open(f"{base}/closed", "wb")
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        file.write(b"x")
        file.close()
    assert (files.cat_file(f"{base}/report"), files.cat_file(f"{base}/closed")) == (b"failed", b"x")


def test_a_file_without_a_close_is_not_stored(files: AlienFileSystem, base: str) -> None:
    file = files.open(f"{base}/forgotten", "wb")
    file.write(CONTENT)
    with pytest.warns(ResourceWarning, match="forgotten was not closed, so it was not stored"):
        del file
    assert not files.exists(f"{base}/forgotten")


def test_files_of_a_transaction_are_stored_at_its_end(files: AlienFileSystem, base: str) -> None:
    name = f"{base}/together"
    with files.transaction:
        with files.open(name, "wb") as file:
            file.write(b"x")
        assert not files.exists(name)
    assert files.cat_file(name) == b"x"


def test_a_file_is_emptied_by_touch_and_by_writing_nothing(files: AlienFileSystem, base: str) -> None:
    for number, empty in enumerate((files.touch, lambda name: files.open(name, "wb").close())):
        name = f"{base}/emptied{number}"
        files.pipe(name, b"x")
        empty(name)
        assert (files.size(name), files.cat_file(name)) == (0, b"")


def test_appending_is_refused(files: AlienFileSystem, stored: str) -> None:
    with pytest.raises(ValueError, match="files of the grid cannot be changed"):
        files.open(stored, "ab")


def test_a_file_that_was_replaced_while_it_is_open_does_not_mix(files: AlienFileSystem, base: str) -> None:
    name = f"{base}/replaced"
    files.pipe(name, b"a" * 100_000)
    with files.open(name, block_size=1000) as file:
        assert file.read(1) == b"a"
        files.pipe(name, b"b" * 100_000)
        file.seek(90_000)
        try:
            assert file.read(1) == b"a"
        except GridError as error:
            assert error.reason == "FILE_REPLACED"  # noqa: PT017 - both are right
    assert files.cat_file(name, 5, 7) == b"bb"


def test_a_refused_put_is_a_permission_error(files: AlienFileSystem, tmp_path: Path) -> None:
    (tmp_path / "local").write_bytes(b"abc")
    with pytest.raises(DeniedError) as raised:
        files.put(str(tmp_path / "local"), "/alice/refused")
    assert (raised.value.errno, raised.value.reason) == (errno.EACCES, "PERMISSION_DENIED")


def test_a_file_that_the_account_may_not_use_is_a_permission_error(
    files: AlienFileSystem, base: str, analyst: User
) -> None:
    foreign = f"{base}/foreign/secret"
    files.pipe(foreign, b"secret")
    analyst.run("chmod", "000", foreign)
    analyst.run("chmod", "500", f"{base}/foreign")
    try:
        with pytest.raises(DeniedError, match="may not read") as raised:
            files.cat(foreign)
        assert (raised.value.errno, raised.value.lfn) == (errno.EACCES, foreign)
        with pytest.raises(DeniedError, match="may not remove") as raised:
            files.mv(foreign, f"{base}/taken")
        assert (raised.value.errno, raised.value.lfn) == (errno.EACCES, foreign)
    finally:
        analyst.run("chmod", "755", f"{base}/foreign")


def test_get_and_put_are_jobs(files: AlienFileSystem, base: str, analyst: User, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.dat").write_bytes(CONTENT[:number])
    before = len(analyst.json("transfers", "list", "--all")["jobs"])
    files.put([str(tmp_path / f"{number}.dat") for number in range(3)], f"{base}/put/")
    files.get(f"{base}/put/", f"{tmp_path}/got/", recursive=True)
    assert [(tmp_path / f"got/{number}.dat").read_bytes() for number in range(3)] == [CONTENT[:n] for n in range(3)]
    jobs = analyst.json("transfers", "list", "--all")["jobs"]
    assert {job["direction"] for job in jobs[: len(jobs) - before]} == {"upload", "download"}
    with pytest.raises(FileNotFoundError):
        files.get(f"{base}/put/none", f"{tmp_path}/none")


def test_names_are_moved_and_removed(files: AlienFileSystem, base: str) -> None:
    files.pipe(f"{base}/moving/a", b"a")
    files.mv(f"{base}/moving/a", f"{base}/moving/b")
    assert files.ls(f"{base}/moving", detail=False) == [f"{base}/moving/b"]
    for refused in (files.rmdir, files.rm):
        with pytest.raises(OSError, match="moving is not empty") as full:
            refused(f"{base}/moving")
        assert full.value.errno == errno.ENOTEMPTY
    with pytest.raises(FileNotFoundError, match="none does not exist"):
        files.mv(f"{base}/moving/b", f"{base}/none/b")
    with pytest.raises(FileNotFoundError):
        files.cp_file(f"{base}/none", f"{base}/copied")
    with pytest.raises(PermissionError):
        files.touch("/alice/touched")
    files.rm(f"{base}/moving", recursive=True)
    assert not files.exists(f"{base}/moving")


def test_it_continues_after_a_restart_of_the_daemon(files: AlienFileSystem, stored: str, analyst: User) -> None:
    with files.open(stored, block_size=1000) as file:
        assert file.read(1) == CONTENT[:1]
        analyst.kill_daemon()
        file.seek(1_000_000)
        assert file.read(9) == CONTENT[1_000_000:1_000_009]


def test_pickled_it_is_the_same_file_system(files: AlienFileSystem, stored: str) -> None:
    assert pickle.loads(pickle.dumps(AlienFileSystem(storage="disk:2"))).storage_options == {"storage": "disk:2"}
    with files.open(stored) as file:
        file.seek(100)
        copy = pickle.loads(pickle.dumps(file))
    assert copy.read(5) == CONTENT[100:105]


async def test_it_works_in_an_event_loop(analyst: User, stored: str) -> None:
    own = AlienFileSystem(asynchronous=True, skip_instance_cache=True)
    parts = await asyncio.gather(*(own._cat_file(stored, start, start + 9) for start in range(0, 900, 100)))
    assert parts == [CONTENT[start : start + 9] for start in range(0, 900, 100)]
    assert await own._exists(stored)


FORKING = """
import os, sys, fsspec
fs = fsspec.filesystem("alien")
assert len(fs.cat_file(sys.argv[1], 0, 9)) == 9
child = os.fork()
if not child:
    os._exit(0 if len(fs.cat_file(sys.argv[1], 9, 20)) == 11 else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_process_reads_too(analyst: User, stored: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKING, stored],
        env=analyst.environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
