"""Metalink documents (RFC 5854), which list the replicas of a file and are a valid source for `xrdcp`. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from aliend.core.catalogue.entries import Ticket
from aliend.core.catalogue.replica_url import member_of, open_url


def file_name(lfn: str) -> str:
    """Return the file name that alien.py uses for the document of an LFN."""
    return f"{uuid.uuid5(uuid.NAMESPACE_URL, lfn)}.meta4"


def document(lfn: str, target: str, tickets: Sequence[Ticket]) -> str:
    """Return the document with the replicas in order. It contains their envelopes, so it is a secret.

    `target` is the local name of the copy. For a member of an archive, the replicas are those of the archive.
    """
    first = tickets[0]
    facts = [f"<lfn>{escape(lfn)}</lfn>"]
    if not member_of(first.url):
        facts.append(f"<size>{first.size}</size>")
        facts += [f'<hash type="md5">{escape(first.md5)}</hash>'] if first.md5 else []
    urls = [f"<url>{escape(open_url(ticket.url, ticket.envelope))}</url>" for ticket in tickets]
    lines = "\n".join(f"    {text}" for text in (*facts, *urls))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<metalink xmlns="urn:ietf:params:xml:ns:metalink">\n'
        f"  <file name={quoteattr(target)}>\n{lines}\n  </file>\n</metalink>\n"
    )
