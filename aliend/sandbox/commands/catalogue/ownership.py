"""Commands for owners and permissions: chmod, chown."""

from __future__ import annotations

import re

from aliend.sandbox.errors import CommandFailedError
from aliend.sandbox.protocol.options import option_set
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.state.entries import Entry

_MODE = re.compile("[0-7]{3}")


def chmod(call: Call) -> None:
    """Set the permission of entries and of their GUID records."""
    _demand_operands(call)
    mode = call.operands[0]
    columns = {"perm": mode} if _MODE.fullmatch(mode) else None
    _change_all(call, "chmod", columns)


def chown(call: Call) -> None:
    """Change the owner of entries and of their GUID records."""
    _demand_operands(call)
    owner, *more = call.operands[0].rstrip(".").split(".")
    group = {"gowner": more[0]} if len(more) == 1 and more[0] else {}
    _change_all(call, "chown", {"owner": owner, **group} if owner else None)


def _demand_operands(call: Call) -> None:
    if len(call.operands) < 2:
        raise CommandFailedError(22, "No user or file entered")


def _change_all(call: Call, verb: str, columns: dict[str, str] | None) -> None:
    for operand in call.operands[1:]:
        found = call.expand(operand)
        if not found:
            raise CommandFailedError(2, operand)
        for path in found:
            entry = call.catalogue.names.get(path)
            if entry is None:
                call.out.fail(5, f"Failed to {verb} file {path}")
            elif not _change_tree(call, entry, path, columns):
                call.out.fail(5, f"{path}: unable to {verb}")


def _change_tree(call: Call, entry: Entry, path: str, columns: dict[str, str] | None) -> bool:
    """Change an entry, with `-R` also those below it; return whether the last change succeeded, as the service does."""
    changed = _change(call, entry, columns)
    if changed and call.options.has("R"):
        # the service searches by prefix without the slash, so siblings with the same prefix match too
        for each in list(call.catalogue.names.with_prefix(path.rstrip("/"))):
            changed = _change(call, each, columns)
    return changed


def _change(call: Call, entry: Entry, columns: dict[str, str] | None) -> bool:
    if columns is None or not call.principal.can_become(entry.owner):
        return False
    call.catalogue.names.update(entry, **columns)
    if entry.guid is not None:
        call.catalogue.replicas.update(entry.guid, columns)
    return True


COMMANDS = {
    "chmod": Command(chmod, "[-R] <octal mode> <path> ...", option_set("R")),
    "chown": Command(chown, "[-R] <user>[.<group>] <path> ...", option_set("R")),
}
