"""Commands for owners and permissions: chmod, chown."""

from __future__ import annotations

import re
from collections.abc import Iterator

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
    owner, _, group = call.operands[0].partition(".")
    _change_all(call, "chown", {"owner": owner, **({"gowner": group} if group else {})})


def _demand_operands(call: Call) -> None:
    if len(call.operands) < 2:
        raise CommandFailedError(22, "No user or file entered")


def _change_all(call: Call, verb: str, columns: dict[str, str] | None) -> None:
    for operand in call.operands[1:]:
        found = call.expand(operand)
        if not found:
            raise CommandFailedError(2, operand)
        for path in found:
            if call.catalogue.names.get(path) is None:
                call.out.fail(5, f"Failed to {verb} file {path}")
                continue
            for entry in _meant(call, path):
                if columns is None or not call.principal.can_become(entry.owner):
                    call.out.fail(5, f"{path}: unable to {verb}")
                else:
                    _change(call, entry, columns)


def _meant(call: Call, path: str) -> Iterator[Entry]:
    if call.options.has("R"):
        # the service searches by prefix without the slash, so siblings with the same prefix match too
        yield from list(call.catalogue.names.with_prefix(path.rstrip("/")))
        return
    entry = call.catalogue.names.get(path)
    if entry is not None:
        yield entry


def _change(call: Call, entry: Entry, columns: dict[str, str]) -> None:
    call.catalogue.names.update(entry, **columns)
    if entry.guid is not None:
        call.catalogue.replicas.update(entry.guid, columns)


COMMANDS = {
    "chmod": Command(chmod, "[-R] <octal mode> <path> ...", option_set("R")),
    "chown": Command(chown, "[-R] <user>[.<group>] <path> ...", option_set("R")),
}
