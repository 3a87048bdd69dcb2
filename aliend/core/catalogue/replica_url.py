"""URLs of replicas: the member of an archive behind `#`, and the URL that opens a replica with its envelope. Pure.

root://host:port//path?xrd.wantprot=unix&authz=ENVELOPE    a sealed envelope
root://host:port//path?xrd.wantprot=unix&turl=...          a signed envelope
"""

from __future__ import annotations

_UNIX = "xrd.wantprot=unix"
"""The authentication that the XRootD library uses; access is granted by the envelope."""


def member_of(url: str) -> str:
    """Return the name of the member of an archive in `root://host:port//path#member`; empty: none."""
    return url.partition("#")[2]


def without_member(url: str) -> str:
    """Return the URL of the archive of a member, or the URL itself if it names no member."""
    return url.partition("#")[0]


def with_member(url: str, member: str) -> str:
    """Return the URL of a member in the archive that `url` names."""
    return f"{without_member(url)}#{member}"


def is_http(url: str) -> bool:
    """Return whether the replica is read over HTTP."""
    return url.startswith(("http://", "https://"))


def authorisation(envelope: str) -> str:
    """Return the query that carries an envelope: a signed one is a query itself, a sealed one the value of `authz`."""
    return envelope if not envelope or envelope.startswith("turl=") else f"authz={envelope}"


def printed_url(url: str, envelope: str) -> str:
    """Return the URL of a replica as alien.py prints it: that of a member has `#member` in front of the query."""
    member = member_of(url)
    archive, question, query = open_url(url, envelope).partition("?")
    return f"{archive}#{member}{question}{query}" if member else f"{archive}{question}{query}"


def open_url(url: str, envelope: str) -> str:
    """Return the URL that opens a replica: without the member, with its envelope (wire specification, section 5.5)."""
    archive = without_member(url)
    query = "&".join(filter(None, ("" if is_http(archive) else _UNIX, authorisation(envelope))))
    return f"{archive}{'&' if '?' in archive else '?'}{query}" if query else archive
