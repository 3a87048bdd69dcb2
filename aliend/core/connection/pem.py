"""PEM: where a text comes from, and the blocks in it, read as OpenSSL and the lax rules of RFC 7468 read them. Pure.

Text may stand before, between and after blocks. Lines may end with CR, LF or both, and may have blanks at both ends.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_BEGIN = re.compile(r"-----BEGIN ([^-]+)-----")
_END = re.compile(r"-----END ([^-]+)-----")
_CERTIFICATES = frozenset({"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"})
_HASHED = re.compile(r"\.\d{1,3}\Z", re.ASCII)
_KEY = "PRIVATE KEY"
_LINE = 64
_MARK = "\ufeff"
_LONGEST_SHOWN = 40
"""Characters of a relative name: an Ed25519 key in base64 has 64, so that no key given as a name is ever printed."""


class PemError(ValueError):
    """A text does not hold what is needed; `str()` is the end of a sentence and quotes nothing of the text."""


@dataclass(frozen=True, slots=True, repr=False)
class PemFile:
    """A PEM file by its name; empty: none.

    `is_default`: nobody chose the name, so that others may have put a file there if its directory is open to them.
    """

    path: str
    is_default: bool = False

    def __str__(self) -> str:
        """Return the name as messages show it; a long relative one may be a key that was meant to be text."""
        if self.path.startswith("/") or len(self.path) <= _LONGEST_SHOWN:
            return self.path
        return f"(a name of {len(self.path)} characters)"

    def __repr__(self) -> str:
        return f"PemFile({self})"

    def fingerprint(self) -> str:
        """Return a string that identifies this source."""
        return self.path


@dataclass(frozen=True, slots=True, repr=False)
class PemText:
    """PEM text itself, as batch nodes put it into variables; it may be a secret."""

    text: str

    def __str__(self) -> str:
        return "given as text"

    def __repr__(self) -> str:
        return "PemText(...)"

    def fingerprint(self) -> str:
        """Return a string that identifies this source, without its text."""
        return f"text:{hashlib.sha256(self.text.encode('utf-8', 'surrogateescape')).hexdigest()[:32]}"


PemSource = PemFile | PemText
NO_FILE = PemFile("")


def pem_source(value: str) -> PemSource:
    """Decide once whether a setting's value is text or a file name: text holds a PEM block or a newline."""
    return PemText(value) if "-----BEGIN " in value or "\n" in value or "\r" in value else PemFile(value)


@dataclass(frozen=True, slots=True)
class Block:
    """A complete block: `content` is what its base64 encodes, `headers` are lines as `Proc-Type: 4,ENCRYPTED`."""

    label: str
    content: bytes = field(repr=False)
    headers: tuple[str, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        """Return the block in the strict form of RFC 7468, with a newline at its end. It may be a secret."""
        encoded = base64.b64encode(self.content).decode("ascii")
        lines = [encoded[at : at + _LINE] for at in range(0, len(encoded), _LINE)]
        headers = [*self.headers, ""] if self.headers else []
        return "\n".join([f"-----BEGIN {self.label}-----", *headers, *lines, f"-----END {self.label}-----", ""])


@dataclass(frozen=True, slots=True)
class Damaged:
    """A block that begins at `line` (from 1) and cannot be read; `reason` is the end of a sentence."""

    label: str
    line: int
    reason: str


def decode(content: bytes) -> str:
    """Return the text of a file; a byte order mark (UTF-8, or UTF-16 as PowerShell writes it) is left out."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8", "replace").removeprefix(_MARK)


def blocks(text: str) -> list[Block | Damaged]:
    """Return every block of `text`, in order."""
    lines = [line.strip() for line in text.removeprefix(_MARK).splitlines()]
    return list(_blocks(lines))


def _blocks(lines: list[str]) -> Iterator[Block | Damaged]:
    at = 0
    while at < len(lines):
        begin = _BEGIN.fullmatch(lines[at])
        at += 1
        if begin is None:
            continue
        end = at
        while end < len(lines) and not (_BEGIN.fullmatch(lines[end]) or _END.fullmatch(lines[end])):
            end += 1
        closing = _END.fullmatch(lines[end]) if end < len(lines) else None
        if closing is not None and closing[1] == begin[1]:
            yield _block(begin[1], lines[at:end], at)
        else:
            yield Damaged(begin[1], at, "has no matching END line")
        at = end


def _block(label: str, lines: list[str], number: int) -> Block | Damaged:
    headers: list[str] = []
    if any(":" in line for line in lines):
        if "" not in lines:
            return Damaged(label, number, "has no blank line after its headers")
        blank = lines.index("")
        headers, lines = lines[:blank], lines[blank:]
    try:
        content = base64.b64decode("".join("".join(lines).split()), validate=True)
    except (binascii.Error, ValueError):
        return Damaged(label, number, "is not base64")
    return Block(label, content, tuple(headers)) if content else Damaged(label, number, "is empty")


def certificates(text: str) -> list[Block]:
    """Return the certificates of `text` in order, at least one. Raises PemError."""
    found = [part for part in blocks(text) if part.label in _CERTIFICATES]
    return [_certificate(part) for part in _complete(found, "certificate", text)]


def private_key(text: str) -> Block:
    """Return the first private key of `text`, which may be encrypted. Raises PemError."""
    found = [part for part in blocks(text) if part.label.endswith(_KEY)]
    return _complete(found[:1], "private key", text)[0]


def _complete(found: list[Block | Damaged], kind: str, text: str) -> list[Block]:
    if not found:
        raise PemError(f"contains no PEM {kind}" if text.strip() else "is empty")
    complete = []
    for part in found:
        if isinstance(part, Damaged):
            raise PemError(f"holds a damaged {kind}: the block at line {part.line} {part.reason}")
        complete.append(part)
    return complete


def _certificate(block: Block) -> Block:
    """Return the block under its usual label; OpenSSL's `TRUSTED CERTIFICATE` has settings behind the certificate."""
    if block.label != "TRUSTED CERTIFICATE":
        return Block("CERTIFICATE", block.content)
    return Block("CERTIFICATE", block.content[: _der_length(block.content)])


def _der_length(content: bytes) -> int:
    """Return the number of bytes of the first DER value in `content`, with its header."""
    if len(content) < 2 or not content[1] & 0x80:
        return content[1] + 2 if len(content) >= 2 else len(content)
    start = 2 + (content[1] & 0x7F)
    return start + int.from_bytes(content[2:start], "big")


def is_authority_name(name: str) -> bool:
    """Return whether a file name in a directory of authorities may hold certificates: `*.pem`, `*.crt`, `HASH.0`."""
    return name.endswith((".pem", ".crt")) or bool(_HASHED.search(name))
