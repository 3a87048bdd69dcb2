"""Commands for collections of files: toXml, listFilesFromCollection."""

from __future__ import annotations

from aliend.sandbox.errors import BadArgumentsError, CommandCrashError, CommandFailedError
from aliend.sandbox.protocol import formats
from aliend.sandbox.protocol.options import option_set
from aliend.sandbox.service import contents, xml_collection
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.service.xml_collection import CollectionSource
from aliend.sandbox.state import paths
from aliend.sandbox.state.entries import Entry


def to_xml(call: Call) -> None:
    """Print the XML collection of files, or store it at `-x`."""
    target = call.options.value("x")
    if call.options.has("a") and target is None:
        raise BadArgumentsError
    names = list(dict.fromkeys(call.resolve(name) for name in (*call.operands, *_listed(call))))
    if not names:
        raise CommandFailedError(61, "Empty content")
    entries = _resolved(call, names)
    if len(entries) < len(names):
        text = f"Only {len(entries)} out of {len(names)} files could be resolved"
        if not call.options.has("i"):
            raise CommandFailedError(2, text)
        call.out.warn(f"{text}\n")
    if not entries:
        raise CommandFailedError(61, "Empty collection")
    command = f"toXml {' '.join(call.operands)}"
    if target is None:
        call.out.line(xml_collection.write(entries, CollectionSource(command, call.principal.name, call.now)))
    else:
        _store(call, call.resolve(target), entries, command)


def _listed(call: Call) -> list[str]:
    names: list[str] = []
    for operand in call.options.values.get("l", []):
        try:
            lines = contents.read(call, operand).decode("utf-8", "replace").splitlines()
        except contents.UnreadableError as error:
            raise CommandFailedError(5, f"Could not get the contents of {call.resolve(operand)}") from error
        names += [line.strip() for line in lines]
    return names


def _resolved(call: Call, names: list[str]) -> list[Entry]:
    found = [call.find(name) for name in names]
    if len(names) == 1 and found[0] is None:
        raise CommandCrashError("java.lang.NullPointerException")
    return [entry for entry in found if entry is not None and (len(names) == 1 or not entry.is_directory)]


def _store(call: Call, path: str, entries: list[Entry], command: str) -> None:
    names, origin = call.catalogue.names, CollectionSource(command, call.principal.name, call.now, paths.name(path))
    existing = names.get(path)
    if existing is not None and not call.options.has("a"):
        raise CommandFailedError(5, f"Upload failed: LFN already exists: {path}")
    kept: list[str] = []
    if existing is not None:
        try:
            kept = xml_collection.elements(contents.read(call, path).decode("utf-8", "replace"))
        except contents.UnreadableError as error:
            raise CommandFailedError(5, f"Could not load the content of {path} to append to") from error
        if not call.may_write(existing) or names.get(f"{path}~") is not None:
            raise CommandFailedError(5, f"Upload failed: {path} cannot be renamed to {path}~")
        names.move(existing, f"{path}~")
    added = xml_collection.elements(xml_collection.write(entries, origin))
    if not contents.store(call, path, xml_collection.wrap([*kept, *added], origin).encode()):
        raise CommandFailedError(5, f"Upload failed: {path} cannot be written")


def list_files(call: Call) -> None:
    """List the files of a collection (a catalogue collection or an XML file); the text comes last."""
    call.silence_on("s")
    if len(call.operands) != 1:
        raise BadArgumentsError
    operand = call.operands[0]
    path = operand if operand.startswith("/") else f"{call.session.directory}{operand}"
    files = _files(call, path)
    lines, size = [], 0
    for guid, lfn in files:
        call.out.finish_result()
        record = call.catalogue.replicas.guid(guid)
        line = f"{guid} (from the file {lfn})"
        call.out.keys(guid=guid, lfn=lfn)
        if call.options.has("z"):
            size_text, md5 = str(record.size) if record else "0", str(record.md5) if record else "null"
            call.out.keys(size=f" {size_text}", md5=f" {md5}")
            line += f" (size = {size_text}) (md5 = {md5})"
        size += record.size if record else 0
        lines.append(f"{line}\n")
    call.out.line("".join(lines))
    if call.options.has("t") and files:
        mean = size // len(files)
        call.out.line(
            f"{len(files)} files of {size} bytes ({formats.human(size)}), average file size is {mean}"
            f" ({formats.human(mean)})"
        )


def _files(call: Call, path: str) -> list[tuple[str, str]]:
    entry = call.catalogue.names.get(path)
    if entry is None:
        raise CommandFailedError(121, f'No such LFN "{path}"')
    if entry.kind == "c":
        query = "SELECT guid, lfn FROM collection WHERE collection = ? ORDER BY lfn"
        rows = call.catalogue.database.execute(query, (entry.guid,)).fetchall()
        return [(row["guid"], row["lfn"]) for row in rows]
    if call.options.has("v"):
        raise CommandFailedError(121, f'This entry is not an AliEn collection: "{path}"')
    if entry.kind != "f":
        raise CommandFailedError(121, f'Illegal entry type for "{path}": {entry.kind}')
    try:
        found = xml_collection.read(contents.read(call, path).decode("utf-8", "replace"))
    except contents.UnreadableError as error:
        raise CommandFailedError(121, f"Failed to read a content of XML collection: null ({path})") from error
    if found is None:
        raise CommandFailedError(121, f"This is not an AliEn XML collection ({path})")
    return [(file.get("guid", ""), file.get("lfn", "")) for file in found]


COMMANDS = {
    "toXml": Command(to_xml, "[-i] [-x <file> [-a]] [-l <list file>] <file> ...", option_set("i a", "x", "l")),
    "listFilesFromCollection": Command(
        list_files, "[-z] [-v] [-t] [-s] <collection>", option_set("z v t s"), hides_option_errors=True
    ),
}
