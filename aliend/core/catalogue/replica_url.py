"""URLs of replicas: the member of an archive behind `#`, and the URL that opens a replica with its envelope. Pure.

root://host:port//path?xrd.wantprot=unix&authz=ENVELOPE    a sealed envelope
root://host:port//path?xrd.wantprot=unix&turl=...          a signed envelope
"""

from __future__ import annotations

import re

_UNIX = "xrd.wantprot=unix"
"""The authentication that the XRootD library uses; access is granted by the envelope."""


_LONGEST = 8192
_HOST = r"(?:[A-Za-z0-9._~%+-]*@)?(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
_XROOTD_URL = re.compile(rf"roots?://{_HOST}(?:/|$)")
_HTTP_URL = re.compile(rf"https?://{_HOST}(?:/|$)")


def url_problem(url: str, *, http: bool = False) -> str:
    """Return why a URL names no replica on a server, as the end of a sentence; empty: it does.

    The XRootD library also accepts `file://` and bare paths, which name files of this machine. With `http` the URL must
    be for HTTP, otherwise for XRootD. Characters that are not printable are never accepted.
    """
    if len(url) > _LONGEST or not url.isprintable():
        return "is too long or contains characters that a URL cannot contain"
    if not (_HTTP_URL if http else _XROOTD_URL).match(url):
        return f"is not {'http(s)' if http else 'root(s)'}://HOST[:PORT]/PATH; it is not used"
    return ""


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


def split_printed_url(printed: str) -> tuple[str, str]:
    """Return the URL and the envelope of which `printed_url` made a text."""
    rest, _, envelope = printed.partition(_UNIX)
    archive, _, tail = rest.rstrip("?&").partition("#")
    member, question, query = tail.partition("?")
    url = f"{archive}{question}{query}"
    return with_member(url, member) if member else url, envelope.removeprefix("&").removeprefix("authz=")


def open_url(url: str, envelope: str) -> str:
    """Return the URL that opens a replica: without the member, with its envelope (wire specification, section 5.5)."""
    archive = without_member(url)
    query = "&".join(filter(None, ("" if is_http(archive) else _UNIX, authorisation(envelope))))
    return f"{archive}{'&' if '?' in archive else '?'}{query}" if query else archive
