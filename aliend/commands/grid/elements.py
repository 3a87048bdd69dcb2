"""Storage and computing elements: getSE, SEqos, getCE."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aliend.commands.invocation.call import Call
from aliend.core.cli.options import Option, parse_options
from aliend.core.grid.element_listing import (
    HEADER,
    ListedStorageElement,
    computing_elements,
    line_of,
    name_and_server,
    storage_elements,
)
from aliend.core.protocol.requests import Request
from aliend.errors import UsageError
from aliend.runtime import Runtime

_COLUMNS: Mapping[str, Option] = {"-id": Option("id"), "-name": Option("name"), "-srv": Option("srv")}
_FILTERS: Mapping[str, Option] = {
    "-name": Option("name", "a part of a name"),
    "-host": Option("host", "a part of a host's name"),
    "-part": Option("part", "a part of a partition's name"),
}
_NOT_FOUND = 1


async def get_se(parts: Runtime, call: Call) -> int:
    """Number, name and server of storage elements, or one of the three."""
    given = parse_options("getSE", call.words[1:], _COLUMNS)
    if len(given.values) > 1 or len(given.operands) > 1:
        raise UsageError("getSE takes one label and one of -id, -name, -srv (see: alienctl help getSE)")
    label = given.operands[0] if given.operands else ""
    found = [one for one in await elements(parts, call) if not label or one.matches(label)]
    if not found:
        return await not_found(call, f">{label}< label(s) not found in SE list")
    column = next(iter(given.values), "")
    lines = [_shown(one, column, by_number=label.isdecimal()) for one in found]
    return await told(call, lines, [dict(one.facts) for one in found])


async def se_qos(parts: Runtime, call: Call) -> int:
    """Name and quality of service of the storage elements that a label means."""
    given = parse_options("SEqos", call.words[1:], {})
    if not given.operands:
        raise UsageError("SEqos needs the label of a storage element (see: alienctl help SEqos)")
    known = await elements(parts, call)
    found = list(dict.fromkeys(at for label in given.operands for at, one in enumerate(known) if one.matches(label)))
    if not found:
        return await not_found(call, f"No SE information found! -> {' '.join(given.operands)}")
    lines = [f"{known[at].name:<32}{known[at].qos}" for at in found]
    return await told(call, lines, [dict(known[at].facts) for at in found])


async def get_ce(parts: Runtime, call: Call) -> int:
    """A table of the computing elements that fulfil all filters."""
    given = parse_options("getCE", call.words[1:], _FILTERS)
    if given.operands:
        raise UsageError(f"getCE: {given.operands[0]} is no filter; there are -name, -host and -part")
    reply = await parts.central_sessions.of(call.context).request(Request("listCEs", ("-nomsg",)))
    listed = computing_elements(reply.checked(Request("listCEs")).results)
    wanted = (given.last("name"), given.last("host"), given.last("part"))
    found = [one for one in listed if one.matches(*wanted)]
    if not found:
        await call.complain("getCE: no computing element fulfils all filters")
    lines = [str(one) for one in (HEADER, *found)] if found else []
    return await told(call, lines, [dict(one.facts) for one in found])


async def elements(parts: Runtime, call: Call) -> list[ListedStorageElement]:
    """All storage elements that the service lists."""
    request = Request("listSEs", ("-nomsg",))
    return storage_elements((await parts.central_sessions.of(call.context).request(request)).checked(request).results)


async def told(call: Call, lines: Iterable[str], results: Sequence[Mapping[str, Any]], code: int = 0) -> int:
    """Print lines, or results as JSON; the exit code."""
    if call.as_json:
        await call.document({"metadata": {"exitcode": str(code), "error": ""}, "results": list(results)})
    else:
        await call.say("\n".join(lines))
    return code


async def not_found(call: Call, sentence: str) -> int:
    """Tell that nothing was found; the exit code."""
    if call.as_json:
        await call.document({"metadata": {"exitcode": str(_NOT_FOUND), "error": sentence}, "results": []})
    await call.complain(sentence)
    return _NOT_FOUND


def _shown(element: ListedStorageElement, column: str, *, by_number: bool) -> str:
    match column:
        case "id":
            return element.number
        case "name":
            return element.name
        case "srv":
            return element.server
        case _:
            return name_and_server(element) if by_number else line_of(element)
