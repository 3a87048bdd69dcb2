"""Recorded replies of a real central service are parsed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aliend.core.protocol.replies import (
    Reply,
    entries_of_listing,
    entries_of_stat,
    parse,
    replicas_of,
    tickets_of,
)
from aliend.core.protocol.reply_stream import ReplyReader
from aliend.core.protocol.requests import Request

WIRE = Path(__file__).parents[3] / "contract" / "wire" / "public.jsonl"


def recorded() -> list[tuple[Request, dict[str, Any]]]:
    """Every request that is an object, with its reply."""
    records = [json.loads(line) for line in WIRE.read_text(encoding="utf-8").splitlines()]
    return [
        (
            Request(record["request"]["command"], tuple(map(str, record["request"].get("options") or ()))),
            record["reply"],
        )
        for record in records
    ]


def answers(command: str, option: str = "") -> list[Reply]:
    """The successful replies to `command` (with `option` among its options)."""
    found = [
        parse(json.dumps(reply), request)
        for request, reply in recorded()
        if request.command == command and (not option or option in request.options)
    ]
    return [reply for reply in found if reply.exit_code == 0 and reply.results]


def test_every_recorded_reply_is_parsed_as_a_whole_and_in_pieces() -> None:
    for request, document in recorded():
        text = json.dumps(document)
        whole = parse(text, request)
        assert whole.to_json()["results"] == document["results"]
        assert whole.to_json()["metadata"].items() <= document["metadata"].items()
        reader = ReplyReader(request)
        found = [result for n in range(0, len(text), 100) for result in reader.feed(text[n : n + 100])]
        rest, reply = reader.finish()
        assert tuple(found + rest) == whole.results
        assert reply.exit_code == whole.exit_code


def test_recorded_listings_become_entries() -> None:
    listings = [entries_of_listing(reply.results) for reply in answers("ls", "-l")]
    assert listings
    for entry in (entry for listing in listings for entry in listing):
        assert entry.lfn.startswith("/")
        assert entry.lfn.endswith("/") == entry.is_directory
        assert len(entry.permissions) == 3
        assert entry.owner
        assert entry.changed_ms > 10**12


@pytest.mark.parametrize(("command", "option"), [("stat", ""), ("find", "-f")])
def test_recorded_stat_and_find_replies_become_entries(command: str, option: str) -> None:
    described = [entry for reply in answers(command, option) for entry in entries_of_stat(reply.results)]
    assert described
    for entry in described:
        assert entry.lfn.endswith("/") == entry.is_directory
        assert entry.md5 == entry.md5.lower()
        assert len(entry.permissions) == 3


def test_recorded_replicas_and_tickets_are_parsed() -> None:
    replicas = [replica for reply in answers("whereis", "-r") for replica in replicas_of(reply.results)]
    assert any("?ZIP=" in replica.pfn for replica in replicas)
    tickets = [ticket for reply in answers("access") for ticket in tickets_of(reply.results)]
    assert all(ticket.url.startswith("root://") and ticket.envelope and ticket.se and ticket.guid for ticket in tickets)
    assert {ticket.md5 == "" for ticket in tickets} == {True, False}
