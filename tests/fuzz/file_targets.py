"""Targets that read local files and arguments: PEM, certificates, configuration, command lines, archives."""

from __future__ import annotations

import random
import shlex
import tempfile
import tomllib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

from cryptography import x509

from aliend import config
from aliend.central.credentials import certificates
from aliend.core.cli import command_line, completion, numbers, options
from aliend.core.connection import pem
from aliend.core.connection.pem import PemText
from aliend.core.copying import arguments
from aliend.core.protocol.requests import from_json
from aliend.errors import AliendError, ConfigurationError, CopyError
from aliend.storage.io import remote_file, zip_members
from aliend.storage.io.zip_members import Archive
from tests.fuzz.target import Target, must_be

_NOW = 1_700_000_000_000


def _check_pem(data: bytes) -> None:
    with suppress(pem.PemError, AliendError):
        text = pem.decode(data)
        for part in pem.blocks(text):
            if isinstance(part, pem.Block):
                must_be(pem.blocks(str(part)) == [part], "a block is not read back as it was written")
        for read in (pem.certificates, pem.private_key):
            with suppress(pem.PemError):
                read(text)
        for read_source in (certificates.chain_of, certificates.facts_of):
            with suppress(AliendError):
                read_source(PemText(text))


def _change_pem(data: bytes, chance: random.Random) -> bytes:
    """Change bytes of what a block encodes; text without a block stays as it is."""
    blocks = [part for part in pem.blocks(data.decode("latin-1")) if isinstance(part, pem.Block) and part.content]
    if not blocks:
        return data
    block = chance.choice(blocks)
    content = bytearray(block.content)
    for _ in range(chance.choice((1, 1, 2, 4))):
        content[chance.randrange(len(content))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    return str(replace(block, content=bytes(content))).encode("latin-1", "replace")


def _check_configuration(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as home:
        path = Path(home, "aliend/config.toml")
        path.parent.mkdir()
        path.write_bytes(data)
        environment = {"HOME": home, "XDG_CONFIG_HOME": home, "XDG_STATE_HOME": home, "TMPDIR": home}
        with suppress(ConfigurationError):
            config.configured_profiles(environment)
        with suppress(ConfigurationError):
            config.load("mine", environment).context()


def _check_command_line(data: bytes) -> None:
    """Read a text as a command line, as arguments, as an input file and as a raw request."""
    text = data.decode("utf-8", "surrogateescape")
    steps: tuple[object, ...] = ()
    for aliases in ({}, {"ls": "ls -l", "ll": "time ll; !x"}):
        with suppress(AliendError):
            steps += command_line.parse(text, aliases)
    with suppress(AliendError):
        command_line.parse_aliases(text)
    must_be(0 <= command_line.complete_length(text) <= len(text), "a length that the text does not have")
    for line in text.split("\n"):
        args = line.split()
        with suppress(AliendError):
            command_line.parse_args(tuple(args))
        with suppress(AliendError):
            spec = arguments.parse_copy(args, _NOW).spec
            must_be(spec is None or 0 <= spec.rate <= numbers.LARGEST, "a rate out of range")
        for table in _TABLES:
            with suppress(AliendError):
                options.parse_options("name", args, table)
        completion.completion_kind(args)
    with suppress(AliendError):
        from_json(text)
    for with_target in (False, True):
        arguments.parse_input(text, with_target=with_target)


_TABLES = (arguments.OPTIONS, {"a": options.Option("all"), "n": options.Option("number", "N")})


def _check_archive(data: bytes) -> None:
    """Open an archive that lies on a server, and read all its members."""
    with suppress(CopyError), zip_members._archive_errors():
        whole = zip_members.RangedReader(cast("Any", None), cast("Any", data), len(data), data)
        with zipfile.ZipFile(zip_members._DirectoryReader(whole, 1 << 20)) as opened:
            archive = Archive(cast("Any", data), len(data), data, dict(opened.NameToInfo))
        for member in list(archive.members.values())[:20]:
            with suppress(CopyError), zip_members._archive_errors():
                _check_member(archive, member)


def _check_member(archive: Archive, member: zipfile.ZipInfo) -> None:
    content, length = BytesIO(), 0
    context = cast("Any", SimpleNamespace(completions=None))
    for piece in zip_members._read_content(context, archive, member, 0):
        length += len(piece)
        must_be(length <= member.file_size, "more bytes than a member declares")
        content.write(piece)
    must_be(not member.flag_bits & 1, "the bytes of an encrypted member were delivered")
    must_be(zlib.crc32(content.getvalue()) == member.CRC, "other bytes than a member declares")


def _read_chunks(_: object, files: list[bytes], start: int, end: int) -> Iterator[bytes]:
    """Stand in for a server that has the whole archive."""
    must_be(0 <= start <= end, f"bytes {start} to {end} were requested")
    yield files[0][start:end]


def _parse_input(text: str, *, with_target: bool) -> object:
    return [shlex.split(line) for line in text.split("\n") if line.strip() and with_target]


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(str(error)) from error


TARGETS = (
    Target(
        "pem",
        _check_pem,
        {
            "certificates are parsed late": lambda: mock.patch.object(
                certificates, "load_der", x509.load_der_x509_certificate
            )
        },
        change=_change_pem,
    ),
    Target(
        "configuration",
        _check_configuration,
        {"large numbers pass": lambda: mock.patch.object(config, "_read", _read)},
        examples=250,
    ),
    Target(
        "command-line",
        _check_command_line,
        {"quotes must be closed": lambda: mock.patch.object(arguments, "parse_input", _parse_input)},
        examples=200,
    ),
    Target(
        "zip-directory",
        _check_archive,
        {
            "encrypted members pass": lambda: mock.patch.object(zip_members, "_ENCRYPTED", 0),
        },
        place=lambda _: mock.patch.object(remote_file, "read_chunks", _read_chunks),
    ),
)
