"""The replicas of a file as a Metalink document (RFC 5854), which `xrdcp` takes for a source. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from aliend.core.catalogue.entries import Ticket


def file_name(lfn: str) -> str:
    """What the incumbent client calls the document of a file."""
    return f"{uuid.uuid5(uuid.NAMESPACE_URL, lfn)}.meta4"


def document(lfn: str, target: str, tickets: Sequence[Ticket]) -> str:
    """The document, with the replicas in their order; it carries the right to read them, so it is a secret.

    `target` is the local name that a copy gets. For a member of an archive the replicas are the archives.
    """
    first = tickets[0]
    is_member = "#" in first.url
    facts = [f"<lfn>{escape(lfn)}</lfn>"]
    if not is_member:
        facts.append(f"<size>{first.size}</size>")
        facts += [f'<hash type="md5">{escape(first.md5)}</hash>'] if first.md5 else []
    urls = [f"<url>{escape(_readable(ticket))}</url>" for ticket in tickets]
    lines = "\n".join(f"    {text}" for text in (*facts, *urls))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<metalink xmlns="urn:ietf:params:xml:ns:metalink">\n'
        f"  <file name={quoteattr(target)}>\n{lines}\n  </file>\n</metalink>\n"
    )


def _readable(ticket: Ticket) -> str:
    """A replica's URL with the right to read it."""
    return f"{ticket.url.partition('#')[0]}?xrd.wantprot=unix&authz={ticket.envelope}"
