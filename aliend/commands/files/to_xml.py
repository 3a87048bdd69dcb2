"""`toXml`: prints or stores XML collections, made by the service for LFNs and here for local files."""

from __future__ import annotations

import asyncio
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from aliend.commands.grid.namespace_checks import require_directories
from aliend.commands.invocation.call import Call
from aliend.commands.invocation.lfn_arguments import resolve_lfn, session_state
from aliend.commands.invocation.results import print_results
from aliend.core.catalogue import xml_collection
from aliend.core.catalogue.xml_collection import LocalFile
from aliend.core.cli.escaping import escape_attributes
from aliend.core.cli.options import Option, ParsedOptions, parse_options
from aliend.core.cli.units import format_time
from aliend.core.protocol.requests import Request, batches
from aliend.engine.expansion.local_files import name_of_group, name_of_user
from aliend.errors import CopyError, NoSuchFile, ServiceError, UsageError
from aliend.runtime import Runtime
from aliend.storage.tasks import Checksum

_OPTIONS: Mapping[str, Option] = {
    "-i": Option("i"),
    "-a": Option("a"),
    "-x": Option("x", "a collection name"),
    "-l": Option("l", "a file that lists names"),
    "-local": Option("local"),
}
_NOT_FOUND, _REMOTE = 2, 121


async def to_xml(runtime: Runtime, call: Call) -> int:
    """Print a collection, or store it with `-x NAME`; files are arguments or listed in files given with `-l`."""
    given = parse_options("toXml", call.args[1:], _OPTIONS)
    output = given.last("x")
    is_local = output.startswith("file:") or (given.has("local") and not output.startswith("alien:"))
    if given.has("a") and (is_local or not output):
        raise UsageError("toXml: -a requires a collection in the catalogue, given with -x LFN")
    if given.has("local"):
        if output and not is_local:
            raise UsageError("toXml: store a collection of local files locally, with -x file:NAME")
        text = await _local_collection(runtime, call, given)
    else:
        text = await _catalogue_collection(runtime, call, given, "" if is_local else output)
    if output and is_local:
        await asyncio.to_thread(_write, call.local_path(output), text, call.umask)
        text = ""
    return await print_results(call, [text] if text else [], [{"message": text}] if text else [])


async def _catalogue_collection(runtime: Runtime, call: Call, given: ParsedOptions, output: str) -> str:
    """Have the service create the collection, and store it as `output` if that is not empty; return its text."""
    names = [await resolve_lfn(runtime, call, name) for name in given.operands]
    options = ["-i"] if given.has("i") else []
    for name in given.all("l"):
        if name.startswith("file:"):
            names += [
                await resolve_lfn(runtime, call, one)
                for one in await asyncio.to_thread(_read_names, call.local_path(name))
            ]
        else:
            options += ["-l", await resolve_lfn(runtime, call, name)]
    if output:
        output = await resolve_lfn(runtime, call, output)
        await require_directories(runtime.central_sessions.catalogue_of(call.context), [output])
        options += ["-x", output]
    options += ["-a"] if given.has("a") else []
    if not names and not given.has("l"):
        raise UsageError("toXml requires LFNs (see `alienctl help toXml`)")
    state = await session_state(runtime, call)
    directory = state.directory  # names in a list file of the catalogue are relative to it
    requests = batches("toXml", options, names, directory) or [Request("toXml", tuple(options))]
    if len(requests) > 1 and (output or "-l" in options):
        raise UsageError("toXml: too many names for one request; list them in a catalogue file and use -l LFN")
    central = runtime.central_sessions.of(call.context)
    try:
        replies = [(await central.request(request, directory=directory)).checked(request) for request in requests]
    except ServiceError as error:
        raise await _explain(runtime, call, names, error) from error
    texts = [escape_attributes(reply.text()) for reply in replies]
    return texts[0] if len(texts) == 1 else xml_collection.merge(texts)


async def _explain(runtime: Runtime, call: Call, names: list[str], error: ServiceError) -> ServiceError:
    """Return a clearer error: the service crashes on a single name that does not exist (wire specification, toXml)."""
    if error.code != _REMOTE or len(names) != 1:
        return error
    _, missing = await runtime.central_sessions.catalogue_of(call.context).stat(names)
    return ServiceError("toXml", _NOT_FOUND, f"{missing[0]} does not exist in the catalogue") if missing else error


async def _local_collection(runtime: Runtime, call: Call, given: ParsedOptions) -> str:
    names = list(given.operands)
    for name in given.all("l"):
        names += await asyncio.to_thread(_read_names, call.local_path(name))
    if not names:
        raise UsageError("toXml -local requires local files (see `alienctl help toXml`)")
    paths = [call.local_path(word) for word in names]
    missing = [path for path in paths if not await asyncio.to_thread(Path(path).is_file)]
    if missing:
        sentence = f"{missing[0]} is not a local file" + (f", and {len(missing) - 1} more" if missing[1:] else "")
        if not given.has("i"):
            raise NoSuchFile(f"toXml: {sentence}; skip missing files with -i")
        await call.print_error(f"toXml: {sentence}")
    files = [await _local_file(runtime, path) for path in paths if path not in missing]
    return xml_collection.document([xml_collection.attributes_of(file) for file in files])


async def _local_file(runtime: Runtime, path: str) -> LocalFile:
    checksum = await runtime.workers.run(Checksum(0, path), lambda _: None)
    found = await asyncio.to_thread(Path(path).stat)
    changed = format_time(found.st_mtime)
    return LocalFile(
        path,
        checksum.size,
        checksum.md5,
        name_of_user(found.st_uid),
        name_of_group(found.st_gid),
        stat.S_IMODE(found.st_mode),
        changed,
    )


def _read_names(path: str) -> list[str]:
    """Return the names in a local file, one a line. Raises NoSuchFile."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise NoSuchFile(f"toXml: cannot read {path}: {error.strerror}") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def _write(path: str, text: str, umask: int) -> None:
    """Write the text atomically, with the caller's umask. Raises CopyError."""
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
        raise CopyError(f"cannot write {path}: {error.strerror}", "local") from error
