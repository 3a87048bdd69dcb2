"""The command du: total sizes below a path."""

from __future__ import annotations

from dataclasses import dataclass

from aliend.sandbox.errors import CommandCrashError, CommandFailedError
from aliend.sandbox.protocol import formats
from aliend.sandbox.protocol.options import option_set
from aliend.sandbox.service.call import Call, Command


@dataclass(slots=True)
class _Sum:
    folders: int = 0
    files: int = 0
    replicas: int = 0
    size: int = 0
    one_replica_size: int = 0
    members: int = 0
    members_size: int = 0


def du(call: Call) -> None:
    """Sum up the entries that begin with each path; the keys follow the text by one result, as in the service."""
    matches: list[str] = []
    for operand in call.operands:
        expanded = call.expand(operand)
        if not expanded:
            raise CommandFailedError(2, operand)
        matches += [path for path in expanded if path not in matches]
    if not call.operands:
        return
    if call.options.has("s"):
        total = _Sum()
        for path in matches:
            _count(call, path, total)
        _show(call, f"Summary of {len(call.operands)} paths", total)
        return
    for path in matches:
        total = _Sum()
        _count(call, path, total)
        _show(call, path, total)


def _count(call: Call, prefix: str, total: _Sum) -> None:
    counts = call.catalogue.replicas.counts()
    for entry in call.catalogue.names.with_prefix(prefix):
        if entry.is_directory:
            total.folders += entry.path != prefix
            continue
        if entry.kind == "c":
            if call.options.has("c"):
                total.members += 1
                total.members_size += entry.size
            continue
        if entry.guid is None:
            raise CommandCrashError("java.lang.NullPointerException")
        replicas, in_archive = counts.get(entry.guid, (0, False))
        if not replicas:
            continue
        if in_archive:
            total.members += 1
            total.members_size += entry.size
            continue
        total.files += 1
        total.replicas += replicas
        total.size += replicas * entry.size
        total.one_replica_size += entry.size


def _show(call: Call, title: str, total: _Sum) -> None:
    _describe(call, title, total)
    call.out.finish_result()
    call.out.keys(
        entry=title,
        folders=str(total.folders),
        physical_files_count=str(total.files),
        physical_files_size=str(total.size),
        physical_files_replicas=str(total.replicas),
        physical_files_one_replica_size=str(total.one_replica_size),
        logical_files_count=str(total.members),
        logical_files_size=str(total.members_size),
    )


def _describe(call: Call, title: str, total: _Sum) -> None:
    def size(value: int) -> str:
        return f"{value} bytes" if call.options.has("n") else formats.human(value)

    apparent = size(total.one_replica_size + total.members_size)
    call.out.line(f"{title}\n  Folders: {total.folders}" if total.folders else title)
    call.out.line(f"  Files: {total.files + total.members} of an apparent size of {apparent}, of which:")
    if total.files:
        average = formats.number(total.replicas / total.files)
        call.out.line(
            f"  - physical files: {total.files} files of {size(total.size)} with {total.replicas} replicas"
            f" (avg {average} replicas/file), size of one replica: {size(total.one_replica_size)}"
        )
    if total.members:
        call.out.line(f"  - archive members : {total.members} files of {size(total.members_size)}")


COMMANDS = {"du": Command(du, "[-n] [-c] [-s] <path> ...", option_set("n c s"))}
