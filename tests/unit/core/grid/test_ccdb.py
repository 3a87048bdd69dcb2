"""Queries to the conditions database and its answers."""

from __future__ import annotations

from typing import Any

import pytest

from aliend.core.grid import ccdb
from aliend.core.grid.ccdb import Query
from aliend.errors import UsageError, WebError

BASE = "http://ccdb.example/"
OBJECT: dict[str, Any] = {
    "path": "TPC/Calib/Gain",
    "createTime": 1,
    "Created": 1,
    "id": "e-1",
    "ETag": '"e-1"',
    "Valid-From": 1700000000000,
    "Valid-Until": 1700000060000,
    "fileName": "gain.root",
    "Content-Length": 5,
    "Content-MD5": "ABC",
    "ObjectType": "o2::Gain",
    "Comment": "two\nlines",
    "replicas": ["alien:///alice/data/CCDB/gain", "/download/e-1"],
}


def test_f167_a_time_and_constraints_are_found_anywhere_in_the_query() -> None:
    query = ccdb.parse(["TPC/1700000000000/Calib/key=v/.*"])
    assert query == Query("TPC/Calib", time="1700000000000", constraints=("key=v",))
    assert ccdb.url_of(query, BASE, query.time) == f"{BASE}latest/TPC/Calib/1700000000000/key=v"


def test_f167_history_and_report_browse() -> None:
    assert ccdb.url_of(ccdb.parse(["-history", "TPC"]), BASE, "") == f"{BASE}browse/TPC"
    assert ccdb.url_of(ccdb.parse(["-report", "TPC"]), BASE, "") == f"{BASE}browse/TPC?report=true"


def test_a_name_cannot_leave_the_path_of_the_url() -> None:
    assert ccdb.url_of(Query("a b?x#y%2f"), BASE, "") == f"{BASE}latest/a%20b%3Fx%23y%252f"


def test_f167_a_time_in_the_query_wins_over_the_run() -> None:
    query = ccdb.parse(["-run", "529397", "TPC/1700000000000"])
    assert (query.time, query.run) == ("1700000000000", "")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["-get", "-mirror", "TPC"], "cannot be combined"),
        (["-run", "1", "-objtime", "1700000000000", "TPC"], "cannot be combined"),
        (["-objtime", "12", "TPC"], "13 digits"),
        (["-run", "x", "TPC"], "run number"),
        (["-limit", "0", "TPC"], "at least 1"),
        (["-histroy", "TPC"], "did you mean -history?"),
        (["-header", "nonsense", "TPC"], "NAME: VALUE"),
        (["-host", "ftp://x", "TPC"], "invalid host"),
        (["-limit"], "followed by a value"),
        ([], "usage: ccdb"),
        (["TPC", "ITS"], "usage: ccdb"),
        (["TPC/1700000000000/1700000000001"], "more than one time"),
    ],
)
def test_invalid_arguments_are_refused(words: list[str], part: str) -> None:
    with pytest.raises(UsageError, match=part):
        ccdb.parse(words)


def test_f168_files_have_readable_names_or_those_of_a_server() -> None:
    (one,) = ccdb.objects_of({"objects": [OBJECT]}, BASE)
    (two,) = ccdb.objects_of({"objects": [{**OBJECT, "ETag": '"e-2"'}]}, BASE)
    assert ccdb.targets_of([one], "get") == ["TPC/Calib/Gain/gain.root"]
    assert ccdb.targets_of([one, two], "get") == ["TPC/Calib/Gain/gain_e-1.root", "TPC/Calib/Gain/gain_e-2.root"]
    assert ccdb.targets_of([one], "mirror") == ["TPC/Calib/Gain/1700000000000/e-1"]
    assert one.replicas == ("alien:///alice/data/CCDB/gain", f"{BASE}download/e-1")


def test_f168_properties_are_the_fields_that_the_name_does_not_have() -> None:
    (one,) = ccdb.objects_of({"objects": [OBJECT]}, BASE)
    assert ccdb.properties_of(one) == (
        "CreateTime=1\nValidUntil=1700000060000\nContent-MD5=ABC\nObjectType=o2::Gain\n"
        "Comment=two\\nlines\nOriginalFileName=gain.root\n"
    )


def test_folders_may_have_counts() -> None:
    counted = {"name": "a", "ownFiles": 1, "ownSize": 2, "filesInSubfolders": 3, "sizeOfSubfolders": 4}
    found = ccdb.folders_of({"subfolders": ["b", counted]})
    assert [(folder.name, folder.counted) for folder in found] == [("b", None), ("a", (1, 2, 3, 4))]


@pytest.mark.parametrize("answer", [[], "text", {"objects": 3}, {"objects": [{"id": 1}]}])
def test_an_unexpected_answer_is_an_error(answer: object) -> None:
    with pytest.raises(WebError):
        ccdb.objects_of(answer, BASE)
