"""Parsing of replies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aliend.core.catalogue.entries import Entry, Member, Replica
from aliend.core.protocol.replies import (
    Reply,
    entries_of_listing,
    entries_of_stat,
    members_of,
    names_text,
    parse,
    replicas_of,
    tickets_of,
)
from aliend.core.protocol.requests import Request
from aliend.core.transfers.error_mapping import error_kind
from aliend.errors import BadReply, InvalidValue, ServiceError

LS = Request("ls")
METADATA = {"exitcode": "0", "error": "", "user": "alice", "currentdir": "/alice/"}


def test_a_reply_keeps_what_the_service_wrote() -> None:
    document = {"metadata": METADATA, "results": [{"message": "a", "md5": None}, {"message": "b"}, {"name": "c"}]}
    reply = parse(json.dumps(document), LS)
    assert reply.to_json() == document
    assert reply.text() == "a\nb"
    assert (reply.exit_code, reply.user, reply.directory) == (0, "alice", "/alice/")


def test_a_warning_is_not_a_failure() -> None:
    reply = Reply(0, "Reducing the validity\n", "alice", "/", ())
    assert reply.checked(LS) is reply


def test_a_failure_has_the_services_message() -> None:
    with pytest.raises(ServiceError, match="No such file or directory : /x") as caught:
        Reply(2, "No such file or directory : /x\n", "alice", "/", ()).checked(LS)
    assert (caught.value.exit_code, caught.value.command) == (2, "ls")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", 70),
        (" \n", 70),
        ("null", 42),
        ("5", 42),
        ("[]", 42),
        ("{}", 42),
        ("not json", 22),
        ('{"metadata":', 22),
        ('{"metadata":{"exitcode":"0"},"results":[]}{}', 22),
        ("[" * 100_000, 22),
        ('{"metadata":{"exitcode":"0"}}', 42),
        ('{"metadata":{"exitcode":"0"},"results":{}}', 42),
        ('{"metadata":{"exitcode":"0"},"results":[1]}', 42),
        ('{"metadata":{"exitcode":"ok"},"results":[]}', 42),
        ('{"metadata":{"exitcode":null},"results":[]}', 42),
        ('{"metadata":[],"results":[]}', 42),
        ('{"results":[]}', 42),
    ],
)
def test_every_kind_of_invalid_reply_has_its_code(text: str, code: int) -> None:
    with pytest.raises(BadReply, match="ls") as caught:
        parse(text, LS)
    assert caught.value.exit_code == code


def test_metadata_may_lack_user_and_directory() -> None:
    reply = parse('{"metadata":{"exitcode":"2","error":"x"},"results":[]}', LS)
    assert (reply.exit_code, reply.user, reply.directory) == (2, "", "")


def test_a_listing_becomes_entries() -> None:
    long = {"user": "alice", "group": "vo", "size": "11", "ctime": "1795456473000"}
    results: list[dict[str, Any]] = [
        {**long, "permissions": "drwxr-x---", "path": "/a/d//", "name": "d/"},
        {**long, "permissions": "-rw-r--r--", "path": "/a/f"},
        {**long, "permissions": "crwxrwxrwx", "path": "/a/c", "size": "", "ctime": ""},
        {"message": "total"},
    ]
    assert entries_of_listing(results) == [
        Entry("/a/d/", "directory", 11, "alice", "vo", "750", 1795456473000),
        Entry("/a/f", "file", 11, "alice", "vo", "644", 1795456473000),
        Entry("/a/c", "collection", 0, "alice", "vo", "777", 0),
    ]


def test_a_name_with_newlines_is_one_line() -> None:
    results = [{"message": "a"}, {"message": ""}, {"message": "b\n/c"}, {"message": "d\ne\nFound 3 maching entries"}]
    assert names_text(results) == "a\nb\\x0a/c\nd\\x0ae\nFound 3 maching entries"
    for text in ("\nusage: ls\n", '<?xml version="1.0"?>\n<alien>\n</alien>'):
        assert names_text([{"message": text}]) == text


def test_the_root_is_a_directory_with_one_slash() -> None:
    assert entries_of_stat([{"lfn": "/", "type": "d"}])[0].lfn == "/"


def test_a_null_md5_is_unknown() -> None:
    results = [{"lfn": "/a/f", "type": "f", "size": "3", "md5": None, "perm": "755", "guid": "ABC", "owner": "alice"}]
    assert entries_of_stat(results) == [Entry("/a/f", "file", 3, "alice", "", "755", 0, "", "abc")]


def test_a_size_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(BadReply, match="size"):
        entries_of_stat([{"lfn": "/a/f", "size": "many"}])


BAD_NUMBERS = [1 << 63, str(1 << 63), "9" * 5000, -1, "1.5", float("inf"), float("nan"), [], {}, "1e9", True]


@pytest.mark.parametrize("value", BAD_NUMBERS)
@pytest.mark.parametrize("key", ["size", "ctime"])
def test_numbers_out_of_range_are_permanent_errors_that_name_the_entry(key: str, value: object) -> None:
    with pytest.raises(InvalidValue, match=f"{key} of /a/f") as caught:
        entries_of_stat([{"lfn": "/a/f", key: value}])
    assert error_kind(caught.value) == "permanent"
    with pytest.raises(InvalidValue, match=key):
        entries_of_listing([{"path": "/a/f", key: value}])


@pytest.mark.parametrize("code", ["Infinity", "-Infinity", "NaN", "1e400", "[]", "null", '"x"', "1" * 4000, "true"])
def test_an_exit_code_that_is_not_a_whole_number_is_an_invalid_reply(code: str) -> None:
    with pytest.raises(BadReply, match="exit code") as caught:
        parse(f'{{"metadata": {{"exitcode": {code}}}, "results": []}}', Request("ls"))
    assert error_kind(caught.value) == ("transient" if code == "null" else "permanent")


@pytest.mark.parametrize(
    "url",
    [
        "file:///home/alice/.bashrc",
        "file://localhost/home/alice/.bashrc",
        "/home/alice/.bashrc",
        "home/alice",
        "root:///etc/passwd",
        "root://",
        "root:/etc/passwd",
        "ROOT://h//p",
        "xroot://h//p",
        "http://h/p",
        "https://h/p",
        "root://h\n//p",
        "root://h//p\x1b[2J",
        "root://h:port//p",
        " root://h//p",
        "root://@//p",
        "pipe://h//p",
    ],
)
def test_a_ticket_for_anything_but_a_replica_on_a_server_is_refused(url: str) -> None:
    with pytest.raises(InvalidValue, match="URL") as caught:
        tickets_of([{"url": url, "se": "A::B::C"}])
    assert error_kind(caught.value) == "permanent"


@pytest.mark.parametrize(
    "url", ["root://h//p", "roots://h.cern.ch:1094//p x#m y", "root://[::1]:1094//p", "root://1@h:1//p"]
)
def test_tickets_for_replicas_on_servers_are_accepted(url: str) -> None:
    assert tickets_of([{"url": url}])[0].url == url


@pytest.mark.parametrize("url", ["http:///p", "https://\x1b/p", "http://h:x/p"])
def test_a_ticket_for_http_needs_a_host(url: str) -> None:
    with pytest.raises(InvalidValue, match="http"):
        tickets_of([{"message": url, "url": "root://h//p"}], http=True)


def test_replicas_and_tickets_without_a_url_are_omitted() -> None:
    results = [{"message": "the file is in"}, {"seName": "Alice::X::Y", "pfn": "root://h//1"}]
    assert replicas_of(results) == [Replica("ALICE::X::Y", "root://h//1")]
    url = {"url": "root://h//1#m", "envelope": "secret", "guid": "AB", "se": "ALICE::X::Y", "size": "7", "md5": None}
    tickets = tickets_of([{"message": "unknown SE"}, url])
    assert [(ticket.url, ticket.guid, ticket.size, ticket.md5) for ticket in tickets] == [
        ("root://h//1#m", "ab", 7, "")
    ]
    assert "secret" not in repr(tickets)


def test_a_ticket_for_http_has_the_url_of_the_message_and_keeps_the_member() -> None:
    results = [
        {
            "message": "https://se:8443//p\nSE: A::B::C (needs...)",
            "url": "root://se//p#m",
            "se": "A::B::C",
            "size": "5",
        },
        {"message": "null\nSE: A::B::D (needs...)", "url": "root://other//p#m", "se": "A::B::D", "size": "5"},
    ]
    assert [(ticket.url, ticket.se) for ticket in tickets_of(results, http=True)] == [
        ("https://se:8443//p#m", "A::B::C")
    ]
    assert [ticket.url for ticket in tickets_of(results)] == ["root://se//p#m", "root://other//p#m"]


def test_f209_members_of_archives_are_recognised_by_their_only_replica() -> None:
    results: list[dict[str, object]] = [
        {"lfn": "/a/in", "replicas": {"ZIP": "guid:///66634CB2-E8E6-11F1-AE62-025A4E444258?ZIP=other ?ZIP=x.root"}},
        {"lfn": "/a/plain", "replicas": {"ALICE::A::B": "root://host:1094//12/05601/6663"}},
        {"lfn": "/a/lost", "replicas": {}},
        {"lfn": "/a/directory/"},
        {"lfn": "/a/odd", "replicas": {"ZIP": "root://host//x"}},
        {"lfn": "/a/text", "replicas": "ZIP"},
    ]
    assert members_of(results) == {"/a/in": Member("66634cb2-e8e6-11f1-ae62-025a4e444258", "other ?ZIP=x.root")}
