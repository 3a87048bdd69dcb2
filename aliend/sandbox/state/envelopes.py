"""Envelopes (access tokens), which permit reading or writing one file on one storage element.

They look like the service's sealed envelopes (wire specification, sections 3.1 and 5.2), so clients parse them alike;
inside is the plain text with an HMAC in place of the two RSA signatures.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass
from html import escape, unescape

_BLOB = re.compile(r"-----BEGIN SEALED ENVELOPE-----\n(.*?)\n-----END SEALED ENVELOPE-----", re.DOTALL)
_TURL = re.compile(r"<turl>(.*?)</turl>", re.DOTALL)
_SIGNATURE_BYTES = 32
_SUFFIX = {"read": "&scitag.flow=330&eos.app=dataAccess", "write-once": "&scitag.flow=335&eos.app=cliUpload"}


@dataclass(frozen=True, slots=True)
class Permit:
    """The permission in an envelope: `access` is `read` or `write-once`, `size` is in bytes (0: unknown)."""

    access: str
    url: str
    lfn: str
    guid: str
    se: str
    size: int = 0
    md5: str | None = None


class Sealer:
    """Seals and opens envelopes with one secret key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, permit: Permit) -> str:
        """Return the envelope for `permit`, with the suffix that storage servers expect."""
        plain = _plain_text(permit, time.time()).encode()
        blob = hmac.digest(self._key, plain, hashlib.sha256) + plain
        return (
            f"-----BEGIN SEALED CIPHER-----\n{_encode(secrets.token_bytes(128))}\n-----END SEALED CIPHER-----\n"
            f"-----BEGIN SEALED ENVELOPE-----\n{_encode(blob)}\n-----END SEALED ENVELOPE-----\n{_SUFFIX[permit.access]}"
        )

    def open(self, token: str) -> str | None:
        """Return the PFN in an envelope; None if the signature is not ours."""
        blob_match = _BLOB.search(token)
        if blob_match is None:
            return None
        try:
            blob = base64.b64decode(blob_match[1].replace("\n", "").replace("-", "/"), validate=True)
        except ValueError:
            return None
        signature, plain = blob[:_SIGNATURE_BYTES], blob[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, hmac.digest(self._key, plain, hashlib.sha256)):
            return None
        url = _TURL.search(plain.decode())
        return unescape(url[1]) if url else None


def _encode(content: bytes) -> str:
    text = base64.b64encode(content).decode().replace("/", "-")
    return "\n".join(text[start : start + 76] for start in range(0, len(text), 76))


def _plain_text(permit: Permit, now: float) -> str:
    fields = {
        "access": permit.access,
        "turl": permit.url,
        "lfn": permit.lfn,
        "size": str(permit.size) if permit.size > 0 else "",
        "guid": permit.guid.upper(),
        "md5": permit.md5 or "",
        "pfn": permit.url.split("/", 3)[-1].lstrip("/"),
        "se": permit.se,
    }
    body = "".join(f"    <{name}>{escape(value)}</{name}>\n" for name, value in fields.items() if value)
    return (
        "-----BEGIN ENVELOPE-----\nCREATOR:     AuthenX\n"
        f"UNIXTIME:    {int(now)}\nDATE:        {time.strftime('%a %b %e %H:%M:%S %Y', time.gmtime(now))}\n"
        "EXPIRES:     0\nEXPDATE:     never\nCERTIFICATE: none\n-----BEGIN ENVELOPE BODY-----\n"
        f"<authz>\n  <file>\n{body}  </file>\n</authz>\n\n-----END ENVELOPE BODY-----\n-----END ENVELOPE-----\n"
    )
