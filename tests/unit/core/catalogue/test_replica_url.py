"""The URL that opens a replica, and the member of an archive in a URL."""

from __future__ import annotations

import pytest

from aliend.core.catalogue.entries import Ticket
from aliend.core.catalogue.metalink import document
from aliend.core.catalogue.replica_url import (
    member_of,
    open_url,
    printed_url,
    split_printed_url,
    with_member,
    without_member,
)

SIGNED = "turl=root://h:1094//p&lfn=/a/f&issuer=Authen&signature=c2ln=="
"""A signed envelope is a query by itself (wire specification, section 5.5)."""


@pytest.mark.parametrize(
    ("url", "envelope", "opened"),
    [
        ("root://h:1//p", "a\nb&c=d", "root://h:1//p?xrd.wantprot=unix&authz=a\nb&c=d"),
        ("root://h:1//p", SIGNED, f"root://h:1//p?xrd.wantprot=unix&{SIGNED}"),
        ("root://h:1//p.zip#m", "", "root://h:1//p.zip?xrd.wantprot=unix"),
        ("root://h:1//p?x=y", "e", "root://h:1//p?x=y&xrd.wantprot=unix&authz=e"),
        ("https://h/p#m", "e", "https://h/p?authz=e"),
        ("https://h/p", SIGNED, f"https://h/p?{SIGNED}"),
        ("https://h/p", "", "https://h/p"),
    ],
)
def test_the_url_that_opens_a_replica_carries_the_envelope_and_no_member(url: str, envelope: str, opened: str) -> None:
    assert open_url(url, envelope) == opened


@pytest.mark.parametrize(("envelope", "query"), [("e", "authz=e"), (SIGNED, SIGNED.replace("&", "&amp;"))])
def test_a_metalink_lists_the_urls_that_open_the_replicas(envelope: str, query: str) -> None:
    text = document("/a/f", "f", [Ticket("root://h:1094//p", envelope, "g", "S", 1)])
    assert f"<url>root://h:1094//p?xrd.wantprot=unix&amp;{query}</url>" in text


def test_a_member_is_added_to_the_url_of_its_archive_and_removed() -> None:
    url = with_member("root://h//p.zip#other", "in.root")
    assert (url, member_of(url), without_member(url)) == ("root://h//p.zip#in.root", "in.root", "root://h//p.zip")
    assert (member_of("root://h//p"), without_member("root://h//p")) == ("", "root://h//p")


def test_f164_the_printed_url_of_a_member_names_it_as_alienpy_does() -> None:
    assert printed_url("root://h:1//p#m", "ENV") == "root://h:1//p#m?xrd.wantprot=unix&authz=ENV"
    assert printed_url("root://h:1//p", "ENV") == open_url("root://h:1//p", "ENV")


@pytest.mark.parametrize(
    "url", ["root://h:1//p", "root://h:1//p.zip#m", "root://h:1//p?x=y", "root://h:1//p.zip?x=y#m"]
)
@pytest.mark.parametrize("envelope", ["", "a\nb&c=d", SIGNED])
def test_url_and_envelope_can_be_read_from_the_printed_url(url: str, envelope: str) -> None:
    assert split_printed_url(printed_url(url, envelope)) == (url, envelope)
