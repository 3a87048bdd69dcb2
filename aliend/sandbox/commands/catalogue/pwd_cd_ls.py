"""The commands pwd, cd and ls: the current directory, and listings of directories."""

from __future__ import annotations

from aliend.sandbox.errors import CommandCrashError, CommandFailedError
from aliend.sandbox.protocol import formats
from aliend.sandbox.protocol.options import option_set
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.state.entries import Entry


def pwd(call: Call) -> None:
    """Print the current directory."""
    if call.session.cwd is None:
        raise CommandCrashError("java.lang.NullPointerException")
    call.out.key("pwd", call.session.cwd)
    call.out.line(call.session.cwd)


def cd(call: Call) -> None:
    """Change the current directory; without an operand to the effective user's home."""
    target = call.operands[0] if call.operands else call.home()
    entry = call.find(target)
    if entry is None:
        raise CommandFailedError(2)
    if not entry.is_directory:
        raise CommandFailedError(20, target)
    call.session.cwd = entry.path


def ls(call: Call) -> None:
    """List the entries of directories, and single files."""
    missing = []
    for operand in call.operands or [call.session.directory]:
        expanded = call.expand(operand)
        if not expanded:
            call.out.fail(2, operand)
        for path in expanded:
            entry = call.catalogue.names.get(path)
            if entry is None:
                missing.append(path)
                continue
            for shown in call.catalogue.names.children(entry) if entry.is_directory else [entry]:
                _show(call, shown)
    if missing:
        call.out.fail(2, ", ".join(missing))


def _show(call: Call, entry: Entry) -> None:
    given, out = call.options, call.out
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
    out.finish_result()


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
    size = formats.human(entry.size) if call.options.has("H") else str(entry.size)
    return f"{mode}   {entry.owner:>8} {entry.group:>8} {size:>12} {formats.short_date(entry.ctime)}    "


COMMANDS = {
    "pwd": Command(pwd, "prints the current directory", needs_arguments=False),
    "cd": Command(cd, "[dir]", needs_arguments=False),
    "ls": Command(
        ls,
        "[-l] [-a] [-F] [-b] [-c] [-H] [<directory>]",
        option_set("l a F b c H bulk"),
        needs_arguments=False,
    ),
}
