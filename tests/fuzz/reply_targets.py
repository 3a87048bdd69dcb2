"""Targets that read what the central service and the catalogue send: replies, collections, descriptions, tickets."""

from __future__ import annotations

import json
import random
import shlex
from collections.abc import Iterator
from contextlib import suppress
from unittest import mock
from urllib.parse import urlsplit
from xml.etree import ElementTree

from aliend.core.catalogue import metalink, xml_collection
from aliend.core.catalogue.entries import Ticket
from aliend.core.cli.escaping import readable
from aliend.core.grid import element_listing, grid_jobs, mirror_replies, quotas, xrootd_statistics
from aliend.core.protocol import replies, reply_stream
from aliend.core.protocol.reply_stream import ReplyReader
from aliend.core.protocol.requests import Request
from aliend.errors import AliendError
from tests.fuzz import documents
from tests.fuzz.target import Target, must_be

FIND = Request("find")
_SCHEMES = {"root", "roots", "http", "https"}


def change_reply(data: bytes, chance: random.Random) -> bytes:
    """Return a reply with one other value; bytes that are no reply stay as they are."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return data
    documents.change(document, chance)
    return json.dumps(document).encode()


def text_of(data: bytes) -> str:
    """Return the bytes as a websocket delivers them: text that is valid UTF-8."""
    return data.decode("utf-8", "replace")


def _check_replies(data: bytes) -> None:
    try:
        reply = replies.parse(text_of(data), FIND)
    except AliendError as error:
        must_be(readable(str(error)).isprintable(), "an error reaches the terminal unescaped")
        return
    for text in _texts([reply.error, *reply.results]):
        text.encode("utf-8", "surrogateescape")
    for convert in (
        replies.entries_of_listing,
        replies.entries_of_stat,
        replies.replicas_of,
        replies.members_of,
        replies.names_text,
        element_listing.storage_elements,
        element_listing.computing_elements,
    ):
        with suppress(AliendError):
            convert(reply.results)
    for http in (False, True):
        with suppress(AliendError):
            for ticket in replies.tickets_of(reply.results, http=http):
                _check_ticket(ticket)
    with suppress(AliendError):
        quotas.report(quotas.merged(*(reply.results * 2)[:2])) if reply.results else None
    with suppress(AliendError):
        reply.checked(FIND)
    mirror_replies.queued_mirrors(reply.text())
    mirror_replies.mirror_state(reply.text(), 1)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for child in (*value, *value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(child)


def _check_ticket(ticket: Ticket) -> None:
    url = urlsplit(ticket.url)
    must_be(url.scheme in _SCHEMES and bool(url.hostname), f"a ticket for {ticket.url!r}")
    must_be(0 <= ticket.size < 1 << 63, f"a file of {ticket.size} bytes")


def _check_stream(data: bytes) -> None:
    """Input: one byte, the length of a piece; then the reply. Read in pieces and whole it must say the same."""
    text, size = text_of(data[1:]), max(1, data[0]) if data else 1
    try:
        whole: object = list(replies.parse(text, FIND).results)
    except AliendError:
        whole = "refused"
    reader, found = ReplyReader(FIND), list[object]()
    try:
        for start in range(0, len(text), size):
            found += reader.feed(text[start : start + size])
        rest, _ = reader.finish()
        streamed: object = found + rest
    except AliendError:
        streamed = "refused"
    must_be(repr(streamed) == repr(whole), f"in pieces {streamed!r}, whole {whole!r}")


def _check_collection(data: bytes) -> None:
    try:
        merged = xml_collection.merge([text_of(data)])
        files = [file.attrib for file in ElementTree.fromstring(text_of(data)).iter("file")]
    except AliendError:
        return
    again = [file.attrib for file in ElementTree.fromstring(merged).iter("file")]
    must_be([sorted(file) for file in again] == [sorted(file) for file in files], "a collection changed its attributes")


def _check_description(data: bytes) -> None:
    text = text_of(data)
    grid_jobs.read_description(text)
    grid_jobs.format_log_times(text, str)
    grid_jobs.read_log(text, str)


def _check_statistics(data: bytes) -> None:
    with suppress(AliendError):
        xrootd_statistics.parse_statistics(text_of(data))
        xrootd_statistics.indent_xml(text_of(data))


def _check_metalink(data: bytes) -> None:
    """Input: LFN, target, URL, md5 and envelope, separated by newlines. The document is well-formed."""
    lfn, target, url, md5, envelope = (text_of(data).split("\n", 4) + [""] * 4)[:5]
    ticket = {"url": url, "envelope": envelope, "md5": md5, "se": "A::B::C", "size": 1}
    try:
        tickets = replies.tickets_of([ticket])
    except AliendError:
        return
    if not tickets or not all(sign.isprintable() for sign in lfn + target + url + md5 + envelope):
        return
    found = ElementTree.fromstring(metalink.document(lfn, target, tickets))
    must_be(len(list(found.iter("{urn:ietf:params:xml:ns:metalink}url"))) == 1, "not one URL")


def _tokens_of_a_shell(text: str) -> list[tuple[str, str]]:
    return [("sign" if word in "{}=;," else "word", word) for word in shlex.shlex(text, posix=True)]


TARGETS = (
    Target(
        "replies",
        _check_replies,
        {
            "any URL is accepted": lambda: mock.patch.object(replies, "url_problem", return_value=""),
            "numbers have no range": lambda: mock.patch.object(
                replies, "_number", lambda result, key, *_: int(result.get(key) or 0)
            ),
        },
        change=change_reply,
    ),
    Target(
        "reply-stream",
        _check_stream,
        {"numbers end with a piece": lambda: mock.patch.object(reply_stream, "_DELIMITED", '{["-0123456789')},
        change=lambda data, chance: data[:1] + change_reply(data[1:], chance),
        examples=300,
    ),
    Target(
        "xml-collection",
        _check_collection,
        {"quotes are not escaped": lambda: mock.patch.object(xml_collection, "quoteattr", lambda text, _: f'"{text}"')},
    ),
    Target(
        "jdl",
        _check_description,
        {"quotes must be closed": lambda: mock.patch.object(grid_jobs, "_tokens", _tokens_of_a_shell)},
    ),
    Target(
        "server-statistics",
        _check_statistics,
        {"any XML is parsed": lambda: mock.patch.object(xrootd_statistics, "_parsed", ElementTree.fromstring)},
        examples=500,
    ),
    Target(
        "metalink",
        _check_metalink,
        {"texts are not escaped": lambda: mock.patch.object(metalink, "escape", str)},
    ),
)
