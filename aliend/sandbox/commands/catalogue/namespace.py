"""Commands that create, move and remove entries: mkdir, rmdir, rm, mv, touch."""

from __future__ import annotations

from aliend.sandbox.errors import CommandCrashError, CommandFailedError
from aliend.sandbox.protocol.options import option_set
from aliend.sandbox.service.call import NO_OPTIONS, Call, Command
from aliend.sandbox.state import paths
from aliend.sandbox.state.entries import Entry, NewEntry

EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e"


def mkdir(call: Call) -> None:
    """Create directories; an existing writable directory is a success."""
    parents = call.options.has("p")
    wording = "Could not create directory" + (" (or non-existing parents)" if parents else "")
    for operand in call.operands:
        if not _make(call, operand, parents=parents):
            call.out.fail(2, f"{wording}: {operand}")


def _make(call: Call, operand: str, *, parents: bool) -> bool:
    path, names = call.resolve(operand), call.catalogue.names
    existing = names.get(path)
    if existing is not None:
        return existing.is_directory and call.may_write(existing)
    above = names.nearest_directory(path)
    if not call.may_write(above) or (not parents and above.path != paths.parent(path)):
        return False
    # the service does not look for files: below a file it makes a directory of the same name
    names.make_directory(path, call.principal.name, call.principal.name, call.now)
    return True


def rmdir(call: Call) -> None:
    """Remove empty directories."""
    with_parents = call.options.has("p")
    for operand in call.operands:
        entry = call.find(operand)
        if entry is None:
            call.out.fail(2, operand)
        elif not entry.is_directory:
            call.out.fail(20, operand)
        elif refusal := _refuse_removal(call, entry.path):
            call.out.fail(22, refusal)
        elif not call.may_write(entry):
            call.out.fail(1, operand)
        else:
            _remove_directory(call, entry, operand, with_parents=with_parents)


def _remove_directory(call: Call, entry: Entry, operand: str, *, with_parents: bool) -> None:
    if with_parents:
        call.out.line("Inside Parent Directory")
    if call.catalogue.names.is_empty(entry):
        call.catalogue.names.delete(entry)
    else:
        wording = " (or non-existing parents)" if with_parents else ""
        call.out.fail(5, f"Could not remove directory{wording}: {operand}")


def _refuse_removal(call: Call, path: str) -> str:
    prefix = path.rstrip("/") + "/"
    if call.session.directory.startswith(prefix):
        return "Cannot delete the directory you are in"
    return "Cannot delete your home dir" if call.home().startswith(prefix) else ""


def rm(call: Call) -> None:
    """Remove entries; with `-r` everything below them, whoever owns it."""
    recursive = call.options.has("r", "R")
    for operand in call.operands:
        matches = call.expand(operand)
        if not matches:
            call.out.fail(2, operand)
        for path in matches:
            refusal = _refuse_removal(call, path)
            if refusal:
                call.out.fail(22, refusal)
                continue
            entry = call.catalogue.names.get(path)
            if entry is None or not _remove(call, entry, recursive=recursive):
                call.out.fail(5, f"Failed to remove [{path}]")


def _remove(call: Call, entry: Entry, *, recursive: bool) -> bool:
    names = call.catalogue.names
    if not call.may_write(entry):
        return False
    if entry.is_directory and not recursive and not names.is_empty(entry):
        return False
    removed = list(names.with_prefix(entry.path)) if entry.is_directory else [entry]
    for each in removed:
        names.delete(each)
    for guid in {each.guid for each in removed if each.guid}:
        if not names.has_references(guid):
            call.catalogue.replicas.remove_guid(guid)
    return True


def mv(call: Call) -> None:
    """Rename an entry, or move entries into a directory."""
    if len(call.operands) < 2:
        call.out.text(call.usage)
        return
    *sources, target = call.operands
    if len(sources) == 1:
        _move_one(call, sources[0], target)
    else:
        _move_many(call, sources, target)


def _move_one(call: Call, operand: str, target: str) -> None:
    source = call.find(operand)
    if source is None:
        raise CommandFailedError(22, f"Source cannot be found: {call.resolve(operand)}")
    path, existing = call.resolve(target), call.find(target)
    if existing is None and target.endswith("/"):
        if not _make(call, target, parents=True):
            raise CommandFailedError(5, f"Failed to move {operand} to {path}")
        existing = call.find(target)
    if existing is None:
        moved = _move(call, source, path)
    elif existing.is_directory:
        moved = _move(call, source, existing.path + source.name)
    elif source.is_directory:
        raise CommandFailedError(22, _TWO_OPERANDS)
    else:
        moved = _move(call, source, f"{path}_backup")
    if not moved:
        raise CommandFailedError(5, f"Failed to move {operand} to {path}")


def _move_many(call: Call, sources: list[str], target: str) -> None:
    path, directory = call.resolve(target), call.find(target)
    made = "" if directory is not None else path
    if directory is None:
        _make(call, target, parents=True)
        directory = call.find(target)
    if directory is not None and not directory.is_directory:
        raise CommandFailedError(22, _MORE_OPERANDS)
    for operand in sources:
        source = call.find(operand)
        if source is None:
            raise CommandCrashError("java.lang.NullPointerException")
        if directory is None or not _move(call, source, directory.path + source.name):
            call.out.fail(5, f"Failed to move {operand} to {path}{made and f'/{source.name}'}")


def _move(call: Call, source: Entry, path: str) -> bool:
    names = call.catalogue.names
    above, here = names.get(paths.parent(path)), names.get(paths.parent(source.path))
    if above is None or here is None or not above.is_directory or names.get(path) is not None:
        return False
    if not call.may_write(above) or not call.may_write(here):
        return False
    path = path + "/" if source.is_directory else path
    if source.is_directory and above.path.startswith(source.path):
        return names.move_by_entry(source, path)
    names.move(source, path)
    return True


def touch(call: Call) -> None:
    """Create empty entries without a GUID, or update the time of existing ones; a refusal gives no error."""
    for operand in call.operands:
        path, names, principal = call.resolve(operand), call.catalogue.names, call.principal
        entry = names.get(path)
        if entry is not None:
            if call.may_write(entry):
                names.update(entry, ctime=call.now // 1000 * 1000)
            continue
        above = names.nearest_directory(path)
        if not call.may_write(above):
            continue
        names.make_directory(paths.parent(path), principal.name, principal.name, call.now)
        names.insert(NewEntry(path, principal.name, principal.group, "755", call.now, md5=EMPTY_MD5))


_TWO_OPERANDS = (
    "If there are 2 arguments then only:\n1. File to file\n2. File to directory\n3. Directory to Directory\n"
    " is supported\nMost probably a directory to file mv is being attempted"
)
_MORE_OPERANDS = (
    "If there are more than 2 arguments, then last one must be an existing direcetory OR a location that does not "
    "exist and can be made as new directory"
)

COMMANDS = {
    "mkdir": Command(mkdir, "[-p] [-silent] <directory> [<directory>[,<directory>]]", option_set("p s")),
    "rmdir": Command(rmdir, "[-p] [-v] [-silent] <directory>", option_set("p v s")),
    "rm": Command(rm, "[-f] [-r|-R] [-i] <LFN> [<LFN>[,<LFN>]]", option_set("f r R i v")),
    "mv": Command(mv, " <LFN>  <newLFN>", NO_OPTIONS),
    "touch": Command(touch, "<LFN> [<LFN>[,<LFN>]]"),
}
