"""The hash of a certificate's subject by which OpenSSL finds CA certificates in a directory. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

_UTF8 = 0x0C
_VERSION = 0xA0
_SUBJECT = 4
"""Before it: serial number, algorithm, issuer, validity (RFC 5280, 4.1)."""
_ENCODINGS = {
    0x0C: "utf-8",
    0x13: "ascii",
    0x14: "latin-1",
    0x16: "ascii",
    0x1A: "ascii",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}
"""Encodings of text in names, by DER tag."""


def subject_hash(name: bytes) -> str:
    """Return `openssl x509 -subject_hash` of a name in DER, the stem of the file name. Raises ValueError.

    It is SHA-1 over the parts of the name, without the outer header; texts are UTF-8 in lower case (ASCII letters),
    stripped, with inner blanks collapsed (OpenSSL, `X509_NAME_hash_ex`).
    """
    ((_, parts),) = _values(name)
    content = b"".join(_value(tag, _sort_attributes(part)) for tag, part in _values(parts))
    return f"{int.from_bytes(hashlib.sha1(content, usedforsecurity=False).digest()[:4], 'little'):08x}"


def certificate_hash(certificate: bytes) -> str:
    """Return the hash of the subject of a certificate in DER. Raises ValueError.

    Parsed here since cryptography refuses some authorities that OpenSSL accepts, as those with the serial number 0.
    """
    ((_, signed),) = _values(certificate)
    (_, body), *_ = _values(signed)
    fields = [_value(tag, content) for tag, content in _values(body) if tag != _VERSION]
    if len(fields) <= _SUBJECT:
        raise ValueError("a certificate is truncated")
    return subject_hash(fields[_SUBJECT])


def _sort_attributes(part: bytes) -> bytes:
    return b"".join(sorted(_value(tag, _canonical(attribute)) for tag, attribute in _values(part)))


def _canonical(attribute: bytes) -> bytes:
    (kind, identifier), (tag, text) = _values(attribute)
    if tag in _ENCODINGS:
        words = text.decode(_ENCODINGS[tag]).encode().lower().split()
        tag, text = _UTF8, b" ".join(words)
    return _value(kind, identifier) + _value(tag, text)


def _values(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the tag and content of each DER value in `data`."""
    while data:
        if len(data) < 2:
            raise ValueError("a name is truncated")
        tag, length, start = data[0], data[1], 2
        if length & 0x80:
            start += length & 0x7F
            length = int.from_bytes(data[2:start], "big")
        if len(data) < start + length:
            raise ValueError("a name is truncated")
        yield tag, data[start : start + length]
        data = data[start + length :]


def _value(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content
