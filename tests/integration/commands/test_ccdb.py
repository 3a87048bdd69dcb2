"""The conditions database: a small stand-in answers over HTTP on loopback; files lie on the sandbox grid and there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ccdb_server import ON_WEB, Ccdb, ccdb_server, version
from tests.harness import User


@pytest.fixture
def ccdb() -> Iterator[Ccdb]:
    with ccdb_server() as stand_in:
        yield stand_in


def test_f167_objects_and_folders_are_listed(user: User, ccdb: Ccdb) -> None:
    gain = version("Gain", "e-1", b"12345", [])
    ccdb.answers["/latest/TPC/Calib"] = {"objects": [gain], "subfolders": ["TPC/Calib/More"]}
    lines = user.must("ccdb", "-host", ccdb.address, "-unixtime", "TPC/Calib/.*").splitlines()
    assert lines[0] == "TPC/Calib/More/"
    assert lines[1].split() == ["Filename", "Type", "ValidFrom", "ValidUntil", "Lifetime(ms)"]
    assert lines[2] == 'Gain.root  o2::Gain  "1700000000000"  "1700000060000"  60000'
    path, headers = ccdb.asked[-1]
    assert path == "/latest/TPC/Calib"
    assert headers["Accept"] == "application/json"
    assert headers["Browse-Limit"] == "10"


def test_f167_history_limit_headers_and_json(user: User, ccdb: Ccdb) -> None:
    ccdb.answers["/browse/TPC/Calib"] = {"objects": [version("Gain", "e-1", b"12345", [])], "subfolders": []}
    words = ("ccdb", "-host", ccdb.address, "-history", "-limit", "3", "-header", "If-Not-After: 17", "TPC/Calib")
    (one,) = user.json(*words)["objects"]
    assert (one["ETag"], one["Lifetime"], one["filename"]) == ('"e-1"', 60000, "Gain.root")
    assert "fileName" not in one
    assert one["Last-Modified-nice"].startswith("2023-11-1")
    assert "validFrom" not in one
    headers = ccdb.asked[-1][1]
    assert (headers["Browse-Limit"], headers["If-Not-After"]) == ("3", "17")


def test_f167_a_run_gives_the_time(user: User, ccdb: Ccdb) -> None:
    start = "1699999999999"
    ccdb.answers["/latest/RCT/Info/RunInformation/529397"] = {"objects": [{"path": "RCT", "SOR": start}]}
    ccdb.answers[f"/latest/TPC/{start}"] = {"objects": [version("Gain", "e-1", b"1", [])]}
    configuration = user.home / ".config" / "aliend" / "config.toml"
    configuration.parent.mkdir(parents=True)
    configuration.write_text(f'[ccdb]\nhost = "{ccdb.address}"\n')
    assert "Gain.root" in user.must("ccdb", "-run", "529397", "TPC")


def test_f167_report_adds_up(user: User, ccdb: Ccdb) -> None:
    folder = {"ownFiles": 1, "ownSize": 1024, "filesInSubfolders": 2, "sizeOfSubfolders": 2048}
    ccdb.answers["/browse/TPC?report=true"] = {"subfolders": [{"name": "a", **folder}, {"name": "b", **folder}]}
    last = user.must("ccdb", "-host", ccdb.address, "-report", "TPC").splitlines()[-1]
    assert last.split() == ["TOTAL", "-", "-", "6", "6.000", "KiB"]


def test_f168_files_come_from_the_grid(user: User, ccdb: Ccdb) -> None:
    (user.home / "gain.root").write_bytes(b"from the grid")
    user.must("cp", "file:gain.root", "ccdb-gain")
    lfn = f"{user.must('home')}ccdb-gain"
    ccdb.answers["/latest/TPC/Calib"] = {
        "objects": [version("Gain", "e-1", b"from the grid", [f"alien://{lfn}", "/download/e-1"])]
    }
    printed = user.must("ccdb", "-host", ccdb.address, "-get", "-dst", "here", "TPC/Calib")
    target = user.home / "here/TPC/Calib/Gain/Gain.root"
    assert printed.splitlines()[-1] == "Successful jobs (1st try): 1/1"
    assert target.read_bytes() == b"from the grid"
    again = user.must("ccdb", "-host", ccdb.address, "-get", "-dst", "here", "TPC/Calib").splitlines()
    assert again == [f"{target} --> TARGET VALID (size match, md5 match)", "No copy jobs to be done!"]


def test_f168_a_mirror_has_properties_and_takes_files_from_the_web(user: User, ccdb: Ccdb) -> None:
    ccdb.answers["/latest/TPC/Calib"] = {"objects": [version("Gain", "e-1", ON_WEB, ["/download/e-1"])]}
    user.must("ccdb", "-host", ccdb.address, "-mirror", "-http", "TPC/Calib")
    kept = user.home / "TPC/Calib/Gain/1700000000000"
    assert (kept / "e-1").read_bytes() == ON_WEB
    assert "ObjectType=o2::Gain" in (kept / "e-1.properties").read_text().splitlines()
    assert sorted(path.name for path in kept.iterdir()) == ["e-1", "e-1.properties"]


def test_a_file_that_is_not_the_object_is_not_kept(user: User, ccdb: Ccdb) -> None:
    ccdb.answers["/latest/TPC"] = {"objects": [version("Gain", "e-1", ON_WEB, ["/download/e-1"])]}
    ccdb.download = ON_WEB[::-1]
    done = user.run("ccdb", "-host", ccdb.address, "-get", "TPC")
    assert done.returncode == 4
    assert "md5" in done.stderr or "checksum" in done.stderr
    assert not [path for path in (user.home / "TPC").rglob("*") if path.is_file()]


def test_a_hostile_answer_writes_nothing_outside(user: User, ccdb: Ccdb) -> None:
    evil = {**version("Gain", "e-1", ON_WEB, ["/download/e-1"]), "path": "../../outside"}
    ccdb.answers["/latest/TPC"] = {"objects": [evil]}
    done = user.run("ccdb", "-host", ccdb.address, "-get", "-dst", "a/b", "TPC")
    assert done.returncode == 4
    assert "cannot write the name" in done.stderr
    assert not (Path(user.home) / "outside").exists()


def test_f090_a_refusal_of_the_server_is_reported(user: User, ccdb: Ccdb) -> None:
    done = user.run("ccdb", "-host", ccdb.address, "nowhere")
    assert done.returncode == 1
    assert "404" in done.stderr
    ccdb.answers["/latest/empty"] = {"objects": [], "subfolders": []}
    assert user.run("ccdb", "-host", ccdb.address, "empty").returncode == 2
    assert user.run("ccdb", "-host", "127.0.0.1:1", "x").returncode == 1


def test_the_conditions_database_needs_no_certificate(stranger: User, ccdb: Ccdb) -> None:
    ccdb.answers["/latest/TPC"] = {"objects": [version("Gain", "e-1", b"1", [])]}
    assert "Gain.root" in stranger.must("ccdb", "-host", ccdb.address, "TPC")
