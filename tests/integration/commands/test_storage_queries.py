"""Queries about storage: elements, servers, replicas, quotas, URLs, collections; on a sandbox grid."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.harness import Grid, User
from tests.integration.storage.conftest import free_port


@pytest.fixture
def folder(user: User) -> str:
    """Create a separate directory of the catalogue with the file `a` on two elements; make it the current directory."""
    name = f"{user.must('pwd')}{user.home.name}/"
    user.must("mkdir", "-p", name)
    user.must("cd", name)
    (user.home / "a").write_text("content\n" * 1000)
    user.must("cp", "file:a", "a@disk:2")
    return name


def xrdcp(user: User, *words: str) -> str:
    """Run the system's xrdcp, which must succeed; what it copied to `copy`."""
    done = subprocess.run(
        ["xrdcp", "-f", "-N", *words, "copy"], cwd=user.home, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return (user.home / "copy").read_text()


def test_storage_elements_by_label(user: User) -> None:
    """F161: the lines of the incumbent client; a number means that number."""
    lines = user.must("getSE").splitlines()
    assert re.fullmatch(r"1     ALICE::SANDBOX::SE1 {13}localhost:\d+", lines[0])
    assert len(lines) == 2
    assert user.must("getSE", "1") == lines[0][6:]
    assert user.must("getSE", "se2") == lines[1]
    assert [user.must("getSE", column, "Se2") for column in ("-id", "-name", "-srv")] == lines[1].split()
    assert user.json("getSE", "se2")["results"][0]["seNumber"] == "2"
    missing = user.run("getSE", "11")
    assert (missing.returncode, missing.stderr) == (1, ">11< label(s) not found in SE list\n")
    assert user.run("getSE", "-id", "-name", "1").returncode == 22


def test_the_quality_of_service_of_elements(user: User) -> None:
    """F161."""
    assert user.must("SEqos", "se2", "sandbox").splitlines() == [
        f"ALICE::SANDBOX::SE2{' ' * 13}disk",
        f"ALICE::SANDBOX::SE1{' ' * 13}disk",
    ]
    assert user.run("SEqos", "nowhere").returncode == 1
    assert user.run("SEqos").returncode == 22


def test_computing_elements_that_fulfil_all_filters(user: User) -> None:
    """F161: one that nothing fulfils shows nothing."""
    table = user.must("getCE").splitlines()
    assert table[0].split() == ["Name", "Host", "State", "Type", "R", "W", "TTL", "Partitions"]
    assert len(table) == 3
    assert user.must("getCE", "-name", "ce2").splitlines() == [table[0], table[2]]
    assert user.must("getCE", "-name", "ce1", "-part", "sandbox", "-host", "LOCAL").splitlines() == table[:2]
    nothing = user.run("getCE", "-name", "ce2", "-part", "sandbox")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "no computing element" in nothing.stderr


def test_quota_of_the_caller_and_of_others(user: User) -> None:
    """F154."""
    lines = user.must("quota").splitlines()
    assert lines[0] == "Quota report for user : alice"
    assert len(lines) == 7
    assert user.must("quota", "bob").startswith("Quota report for user : bob\n")
    assert float(user.json("quota")["results"][0]["maxNbFiles"]) > 0
    assert user.run("quota", "nobody-of-that-name").returncode != 0
    assert user.run("quota", "set", "x").returncode == 22


def test_the_pfns_of_files(user: User, folder: str) -> None:
    """F162."""
    lines = user.must("pfn", "a").splitlines()
    assert [line.partition("://")[0] for line in lines] == ["root", "root"]
    assert [result["pfn"] for result in user.json("pfn", f"alien://{folder}a")["results"]] == lines
    assert user.run("pfn", "missing").returncode == 2


def test_servers_report_on_replicas(user: User, folder: str) -> None:
    """F162: by LFN and by PFN, and of what is not there."""
    pfns = user.must("pfn", "a").splitlines()
    lines = user.must("pfn-status", "a").splitlines()
    assert lines[0] == f"LFN: {folder}a"
    assert lines[1] == f"{pfns[0]}\t\tSize: 8000\tR/W status:1/1"
    assert len(lines) == 4
    verbose = user.must("pfn-status", "-v", pfns[0]).splitlines()
    assert verbose[0] == lines[1]
    assert verbose[1].startswith("IS DIR/OTHER/OFFLINE: 0/0/0\tModified: 20")
    gone = user.must("pfn-status", f"{pfns[0]}.gone")
    assert re.search(r"Message: .*no such file.*\tStatus/Code/ErrNo:1/400/3011$", gone, re.IGNORECASE)
    (facts,) = user.json("pfn-status", pfns[1])["results"]
    assert (facts["ok"], facts["size"], facts["is_dir"], facts["is_readable"]) == (True, 8000, False, True)


def test_servers_answer_or_are_reported_as_dead(user: User) -> None:
    """F163: by label, by address, all of them; whatever they say the exit code is 0."""
    address = user.must("getSE", "-srv", "1")
    assert (
        user.must("xrd_ping", "-c", "2", "1", address.replace("localhost", "127.0.0.1")).count(
            "rtt min/avg/max/mdev (ms) = "
        )
        == 2
    )
    assert len(user.must("xrd_ping", "-a").splitlines()) == 3
    dead = f"localhost:{free_port()}"
    assert re.search(rf"^{dead} +\S", user.must("xrd_ping", dead), re.MULTILINE)
    assert "rtt" not in user.must("xrd_ping", dead)
    assert user.must("xrd_config", dead).startswith(f"{dead}: ")
    assert user.must("xrd_stats", dead).startswith(f"{dead}: ")
    assert [one["ok"] for one in user.json("xrd_ping", "1", dead)["results"]] == [True, False]
    for command in ("xrd_ping", "xrd_config", "xrd_stats"):
        assert user.run(command).returncode == user.run(command, "-a", "1").returncode == 22


def test_the_configuration_of_servers_is_printed(user: User) -> None:
    """F163."""
    (line,) = user.must("xrd_config", "1").splitlines()
    assert re.fullmatch(r"Site/XrdVer: \S+/v5\S+ ; TPC status: \S+ ; role: server ; CMS: \S+", line)
    lines = user.must("xrd_config", "-verbose", "-all").splitlines()
    assert len(lines) == 4
    assert lines[1].startswith("Chksum type: ")
    assert user.json("xrd_config", "1")["results"][0]["role"] == "server"


def test_statistics_of_servers_are_printed(user: User) -> None:
    """F163."""
    tree = json.loads(user.must("xrd_stats", "1"))
    assert "ops" in tree["stats"]["xrootd"]
    compact = user.must("xrd_stats", "-compact", "1")
    assert "\n" not in compact
    assert ElementTree.fromstring(user.must("xrd_stats", "-xml", "1")).tag == "statistics"
    assert user.must("xrd_stats", "-xmlraw", "1").startswith("<statistics")


def test_urls_open_a_file_with_other_programs(user: User, folder: str) -> None:
    """F164."""
    lines = user.must("lfn2uri", "a").splitlines()
    assert len(lines) == 2
    urls = [result["uri"] for result in user.json("lfn2uri", "a")["results"]]
    assert all(line == repr(line[1:-1].encode().decode("unicode_escape")) for line in lines)
    assert xrdcp(user, urls[0]) == "content\n" * 1000
    strict = user.json("lfn2uri", "a@ALICE::SANDBOX::SE2", "strict")["results"]
    assert [one["se"] for one in strict] == ["ALICE::SANDBOX::SE2"]
    done = user.run("lfn2uri", "a", "http")
    assert (done.returncode, "root://" in done.stdout) == (0, True)
    assert "supports HTTP" in done.stderr
    done = user.run("lfn2uri", "a", "http", "strict")
    assert (done.returncode, done.stdout) == (5, "")
    assert user.run("lfn2uri", "missing").returncode != 0


def test_a_metafile_is_a_source_for_xrdcp_and_private(user: User, folder: str) -> None:
    """F164, F217."""
    path = Path(user.must("lfn2uri", "a", "meta"))
    assert path.parent == user.home
    assert path.stat().st_mode & 0o777 == 0o600
    assert xrdcp(user, str(path)) == "content\n" * 1000
    member = user.must("find", "/alice/cern.ch/user/a/alice/archive", "first.dat").splitlines()[0]
    source = user.must("lfn2uri", member, "meta")
    assert source.endswith("?xrdcl.unzip=first.dat")
    user.must("cp", member, "file:member")
    done = subprocess.run(["xrdcp", "-f", "-N", source, "other"], cwd=user.home, capture_output=True, timeout=120)
    assert done.returncode == 0
    assert (user.home / "other").read_bytes() == (user.home / "member").read_bytes()


def test_urls_to_write_a_file(user: User, folder: str) -> None:
    """F164: relative names work too."""
    (url,) = (one["uri"] for one in user.json("lfn2uri", "new@disk:1", "a", "write")["results"])
    done = subprocess.run(["xrdcp", "-N", "a", url], cwd=user.home, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    for words in (("a", "write"), ("a", "b", "write", "meta"), ("a", "mata"), ("file:a",), (), ("a", "b", "c")):
        assert user.run("lfn2uri", *words).returncode == 22


def test_the_service_creates_collections_at_the_requested_place(user: User, folder: str) -> None:
    """F155."""
    user.must("cp", f"alien:{folder}a", "alien:second")
    text = user.must("toXml", "second", f"alien:{folder}a")
    assert {file.get("lfn") for file in ElementTree.fromstring(text).iter("file")} == {f"{folder}a", f"{folder}second"}
    (user.home / "names").write_text(f"a\n{folder}a\n")
    assert user.must("toXml", "-x", "file:out.xml", "-l", "file:names", "second") == ""
    assert len(list(ElementTree.parse(user.home / "out.xml").iter("file"))) == 2
    assert (user.home / "out.xml").stat().st_mode & 0o777 == 0o644
    user.must("toXml", "-x", "stored.xml", "a")
    assert user.must("cat", "stored.xml").startswith("<?xml")
    user.must("cp", "file:names", "list")
    assert len(list(ElementTree.fromstring(user.must("toXml", "-l", "list")).iter("file"))) == 1
    assert user.run("toXml", "missing").returncode == user.run("toXml", "a", "missing").returncode == 2
    for words in ((), ("-a", "-x", "file:out.xml", "a"), ("-a", "a"), ("-x",), ("-y", "a")):
        assert user.run("toXml", *words).returncode == 22


def test_a_collection_of_more_names_than_one_request_takes(user: User, folder: str) -> None:
    """F155."""
    names = [row["lfn"] for row in user.json("find", "-l", "300", "/alice/data/crowded", "*")["results"]]
    text = user.must("toXml", *names)
    assert [event.get("name") for event in ElementTree.fromstring(text).iter("event")] == [
        str(n) for n in range(1, 301)
    ]


def test_a_collection_of_local_files(user: User, folder: str) -> None:
    """F156."""
    user.must("toXml", "-local", "-x", "here.xml", "a", "file:a")
    first, second = ElementTree.parse(user.home / "here.xml").iter("file")
    assert first.attrib == second.attrib
    known = user.json("stat", "a")["results"][0]
    assert (first.get("size"), first.get("md5")) == (known["size"], known["md5"])
    assert first.get("turl") == f"file://{user.home}/a"
    assert user.run("toXml", "-local", "a", "missing").returncode == 2
    assert user.must("toXml", "-local", "-i", "a", "missing").count("<file ") == 1
    assert user.run("toXml", "-local", "-x", "alien:here.xml", "a").returncode == 22


def test_the_service_looks_at_replicas(user: User, grid: Grid, folder: str) -> None:
    """F144: `xrdstat` is the service's."""
    assert user.must("xrdstat", f"{folder}a").count("\tOK") == 2
    assert user.must("xrdstat", f"{folder}a").count("\troot://") == 2


def test_file_commands_of_the_service_take_relative_names(user: User, folder: str) -> None:
    """F153."""
    user.must("mkdir", "-p", "d/e")
    user.must("touch", "d/t")
    assert user.must("type", "d").strip().endswith("directory")
    assert "Type: f" in user.must("stat", "a").splitlines()
    assert "Type: d" in user.must("stat", "alien:d").splitlines()
    user.must("chmod", "700", "a")
    assert "Permissions: 700" in user.must("stat", "a")
    user.must("chown", "alice", "a")
    assert "alice" in user.must("groups")
    assert user.must("md5sum", "a").split()[0] == user.json("stat", "a")["results"][0]["md5"]
    assert user.must("whereis", "a").count("pfn =>") == 2
    assert "one replica: 7.812 KB" in user.must("du", "a")
    user.must("mv", "a", "d/b")
    user.must("rmdir", "d/e")
    user.must("rm", "d/b")
    assert user.must("ls", "d") == "t"
