"""The text of requests, and which of them change something."""

from __future__ import annotations

import json

import pytest

from aliend.core.protocol.requests import (
    Request,
    batches,
    changes_state,
    encode,
    fits,
    refuse_misread_names,
    session_change,
)
from aliend.errors import UsageError


def words(line: str) -> Request:
    command, *options = line.split(" ")
    return Request(command, tuple(options))


def test_a_request_is_one_object_with_unsplit_arguments() -> None:
    text = encode(Request("ls", ("-l", "/a b/é")))
    assert json.loads(text) == {"command": "ls", "options": ["-l", "/a b/é"]}
    assert "é" in text


def test_a_request_carries_the_directory_of_the_session() -> None:
    assert json.loads(encode(Request("ls", ("x",)), "/alice/"))["options"] == ["-pwd=/alice/", "x"]


def test_a_name_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(UsageError, match="UTF-8"):
        encode(Request("ls", ("\udcff",)))


@pytest.mark.parametrize(
    "line",
    [
        "ls -la /x", "find /x *", "find -x - /x *", "stat /x", "whereis -r /x", "pwd", "access read /x", "du /x",
        "toXml /x", "toXml -x - /x", "fquota list", "cat /x", "token -v 3", "rm -h", "version", "ps -F l",
        "find",
    ],
)  # fmt: skip
def test_read_only_commands_change_nothing(line: str) -> None:
    assert not changes_state(words(line))


@pytest.mark.parametrize(
    "line",
    [
        "rm /x", "mv /x /y", "mkdir /x", "touch /x", "commit e 1 /x", "access write /x", "access -s 5 write-once /x",
        "access write /x read", "find -x /c /x *", "find -fx /c /x *", "find -x=/c /x *", "toXml -x /c /x", "submit /j",
        "kill 1", "fquota set alice maxNbFiles 3", "mirror /x SE", "chmod 755 /x", "nosuchcommand", "token -u bob",
        "cat -o /f /x", "resubmit 1", "find -x",
    ],
)  # fmt: skip
def test_commands_that_may_change_something_are_recognised(line: str) -> None:
    assert changes_state(words(line))


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("cd /x", "cd"), ("user bob", "user"), ("setSite CERN", "setSite"), ("timing on", "timing"),
        ("ls -pwd=/x", "-pwd"), ("ls -silent", "-silent"), ("token -u bob", "token -u"), ("token -fu bob", "token -u"),
        ("token --u=bob", "token -u"), ("token -v 3 -ubob", "token -u"),
        ("ls -l /x", ""), ("token -v 3", ""), ("echo user", ""), ("ls /x-pwd=", ""),
    ],
)  # fmt: skip
def test_arguments_that_change_the_session_are_found(line: str, word: str) -> None:
    assert session_change(words(line)) == word


def test_the_limit_counts_utf_16_units() -> None:
    assert fits("x" * 8192)
    assert not fits("x" * 8193)
    assert fits("é" * 8192)
    assert not fits("\N{GRINNING FACE}" * 4097)


def test_operands_are_split_into_requests_of_fifty() -> None:
    lfns = [f"/alice/{n}" for n in range(120)]
    requests = batches("stat", ("-nomsg",), lfns)
    assert [len(request.options) - 1 for request in requests] == [50, 50, 20]
    assert [lfn for request in requests for lfn in request.options[1:]] == lfns
    assert batches("stat", (), []) == []


def test_long_operands_are_split_until_they_fit() -> None:
    lfns = [f"/{n}" + 1000 * "x" for n in range(30)]
    requests = batches("rm", ("-r",), lfns, "/alice/")
    assert all(fits(encode(request, "/alice/")) for request in requests)
    assert [lfn for request in requests for lfn in request.options[1:]] == lfns
    assert len(requests) == 4


def test_an_operand_that_is_too_long_gets_its_own_request() -> None:
    requests = batches("ls", (), ["/a", "/" + 9000 * "x", "/b"])
    assert [len(request.options) for request in requests] == [1, 1, 1]


@pytest.mark.parametrize(
    "line",
    ["rm ..x", "rm -r /a /a/..x/", "mv /a/b /a/..b", "mkdir -p ..x/y", "find -x ..x /a *", "submit ..x.jdl",
     "nosuch ..x", "access write /a/..x"],
)  # fmt: skip
def test_a_change_of_names_that_the_service_misreads_is_refused(line: str) -> None:
    with pytest.raises(UsageError, match=r"begin with `\.\.` for the parent directory; nothing was done"):
        refuse_misread_names(words(line))


@pytest.mark.parametrize(
    "line", ["rm ../x", "rm ..", "mv ../../a/b ../c", "ls ..x", "submit /j.jdl ..x", "chmod 755 x..y", "rm -h ..x"]
)
def test_parent_directories_and_requests_that_change_nothing_are_sent(line: str) -> None:
    refuse_misread_names(words(line))
