"""The command ls."""

from __future__ import annotations

from aliend.sandbox.protocol import formats
from aliend.sandbox.protocol.options import option_set
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.state.entries import Entry


def ls(call: Call) -> None:
    """The entries of directories, and files themselves."""
    missing = []
    for operand in call.operands or [call.session.directory]:
        found = call.expand(operand)
        if not found:
            missing.append(operand)
        for path in found:
            entry = call.catalogue.names.get(path)
            if entry is None:
                missing.append(path)
                continue
            for shown in call.catalogue.names.children(entry) if entry.is_directory else [entry]:
                _show(call, shown)
    if missing:
        call.out.fail(2, ", ".join(missing))


def _show(call: Call, entry: Entry) -> None:
    given, out = call.given, call.out
    if entry.name.startswith(".") and not given.has("a"):
        return
    if given.has("b"):
        if not entry.is_directory:
            _show_guid(call, entry)
    elif given.has("c"):
        out.line(entry.path)
    else:
        mark = "/" if given.has("F") and entry.is_directory else ""
        long_form = _long_form(call, entry) if given.has("l", "H") else ""
        out.keys(name=entry.name + mark, path=entry.path + mark)
        out.line(f"{long_form}{entry.name}{mark}")
    out.next()


def _show_guid(call: Call, entry: Entry) -> None:
    if entry.guid is None:
        call.out.text("\n")
        return
    guid = entry.guid.upper()
    call.out.key("guid", guid)
    call.out.line(f"{guid}   {entry.path}")


def _long_form(call: Call, entry: Entry) -> str:
    mode = formats.permissions(entry.kind, entry.perm)
    call.out.keys(permissions=mode, user=entry.owner, group=entry.group, size=str(entry.size), ctime=str(entry.ctime))
    size = formats.human(entry.size) if call.given.has("H") else str(entry.size)
    return f"{mode}   {entry.owner:>8} {entry.group:>8} {size:>12} {formats.short_date(entry.ctime)}    "


COMMANDS = {
    "ls": Command(
        ls,
        "[-l] [-a] [-F] [-b] [-c] [-H] [<directory>]",
        option_set("l a F b c H bulk"),
        needs_arguments=False,
    )
}
