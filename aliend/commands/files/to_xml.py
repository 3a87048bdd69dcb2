"""`toXml`: XML collections of files, made by the service, or of local files made here."""

from __future__ import annotations

import asyncio
import grp
import os
import posixpath
import pwd
import stat
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from aliend.commands.grid.elements import told
from aliend.commands.invocation.call import Call
from aliend.commands.invocation.lfn_arguments import lfn_of
from aliend.core.catalogue import xml_collection
from aliend.core.catalogue.xml_collection import LocalFile
from aliend.core.cli.options import Option, ParsedOptions, parse_options
from aliend.core.protocol.requests import Request, batches
from aliend.errors import CopyError, NoSuchFile, ServiceError, UsageError
from aliend.runtime import Runtime
from aliend.storage.tasks import Checksum

_OPTIONS: Mapping[str, Option] = {
    "-i": Option("i"),
    "-a": Option("a"),
    "-x": Option("x", "the name of the collection"),
    "-l": Option("l", "the name of a file with names"),
    "-local": Option("local"),
}
_NOT_FOUND, _REMOTE = 2, 121


async def to_xml(parts: Runtime, call: Call) -> int:
    """Print a collection, or put it under the name behind `-x`; names come as words and from the files behind `-l`."""
    given = parse_options("toXml", call.words[1:], _OPTIONS)
    output = given.last("x")
    is_local = output.startswith("file:") or (given.has("local") and not output.startswith("alien:"))
    if given.has("a") and (is_local or not output):
        raise UsageError("toXml: -a adds to a collection of the catalogue, which -x names")
    if given.has("local"):
        if output and not is_local:
            raise UsageError("toXml: a collection of local files is of no use in the catalogue; give -x file:NAME")
        text = await _of_local_files(parts, call, given)
    else:
        text = await _of_the_catalogue(parts, call, given, "" if is_local else output)
    if output and is_local:
        await asyncio.to_thread(_write, _path(call, output), text, call.umask)
        text = ""
    return await told(call, [text] if text else [], [{"message": text}] if text else [])


async def _of_the_catalogue(parts: Runtime, call: Call, given: ParsedOptions, output: str) -> str:
    """Have the service make it; with `output` it is stored there and the text is the service's."""
    names = [await lfn_of(parts, call, name) for name in given.operands]
    options = ["-i"] if given.has("i") else []
    for name in given.all("l"):
        if name.startswith("file:"):
            names += [await lfn_of(parts, call, one) for one in await asyncio.to_thread(_listed, _path(call, name))]
        else:
            options += ["-l", await lfn_of(parts, call, name)]
    options += ["-x", await lfn_of(parts, call, output)] if output else []
    options += ["-a"] if given.has("a") else []
    if not names and not given.has("l"):
        raise UsageError("toXml needs names of files (see: alienctl help toXml)")
    state = await parts.sessions.state(call.session, call.context, restore=call.restore_directory)
    directory = state.directory  # for the names in a list of the catalogue
    requests = batches("toXml", options, names, directory) or [Request("toXml", tuple(options))]
    if len(requests) > 1 and (output or "-l" in options):
        raise UsageError(
            "toXml: these are too many names for one request; put them into a file of the catalogue: -l LFN"
        )
    central = parts.central_sessions.of(call.context)
    try:
        texts = [(await central.request(request, directory=directory)).checked(request).text() for request in requests]
    except ServiceError as error:
        raise await _explained(parts, call, names, error) from error
    return texts[0] if len(texts) == 1 else xml_collection.merge(texts)


async def _explained(parts: Runtime, call: Call, names: list[str], error: ServiceError) -> ServiceError:
    """The failure; the service crashes over a single name that does not exist (wire specification, toXml)."""
    if error.code != _REMOTE or len(names) != 1:
        return error
    _, missing = await parts.central_sessions.catalogue_of(call.context).stat(names)
    return ServiceError("toXml", _NOT_FOUND, f"{missing[0]} does not exist in the catalogue") if missing else error


async def _of_local_files(parts: Runtime, call: Call, given: ParsedOptions) -> str:
    words = list(given.operands)
    for name in given.all("l"):
        words += await asyncio.to_thread(_listed, _path(call, name))
    if not words:
        raise UsageError("toXml -local needs names of local files (see: alienctl help toXml)")
    paths = [_path(call, word) for word in words]
    missing = [path for path in paths if not await asyncio.to_thread(Path(path).is_file)]
    if missing:
        sentence = f"{missing[0]} is no local file" + (f", and {len(missing) - 1} more" if missing[1:] else "")
        if not given.has("i"):
            raise NoSuchFile(f"toXml: {sentence}; -i passes over them")
        await call.complain(f"toXml: {sentence}")
    files = [await _look(parts, path) for path in paths if path not in missing]
    return xml_collection.document([xml_collection.attributes_of(file) for file in files])


async def _look(parts: Runtime, path: str) -> LocalFile:
    known = await parts.workers.run(Checksum(0, path), lambda _: None)
    found = await asyncio.to_thread(Path(path).stat)
    changed = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(found.st_mtime))
    return LocalFile(
        path, known.size, known.md5, _user(found.st_uid), _group(found.st_gid), stat.S_IMODE(found.st_mode), changed
    )


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _path(call: Call, word: str) -> str:
    return posixpath.normpath(posixpath.join(call.local, word.removeprefix("file:")))


def _listed(path: str) -> list[str]:
    """The names in a local file, one a line. Raises NoSuchFile."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise NoSuchFile(f"toXml: {path} cannot be read: {error.strerror}") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def _write(path: str, text: str, umask: int) -> None:
    """Put the text in place at once, with the caller's mode. Raises CopyError."""
    target = Path(path)
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(text + "\n")
                os.fchmod(file.fileno(), 0o666 & ~umask)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CopyError(f"{path} cannot be written: {error.strerror}", "local") from error
