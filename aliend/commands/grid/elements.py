"""`getSE`, `SEqos`, `getCE`: print storage and computing elements."""

from __future__ import annotations

from collections.abc import Mapping

from aliend.commands.invocation.call import Call
from aliend.commands.invocation.results import print_not_found, print_results
from aliend.core.cli.options import Option, parse_options
from aliend.core.connection.context import Context
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
    "-name": Option("name", "part of a name"),
    "-host": Option("host", "part of a host name"),
    "-part": Option("part", "part of a partition name"),
}


async def get_se(runtime: Runtime, call: Call) -> int:
    """Print number, name and server of storage elements, or one of the three."""
    options = parse_options("getSE", call.args[1:], _COLUMNS)
    if len(options.values) > 1 or len(options.operands) > 1:
        raise UsageError("usage: getSE [-id | -name | -srv] [LABEL]")
    label = options.operands[0] if options.operands else ""
    found = [element for element in await list_elements(runtime, call) if not label or element.matches(label)]
    if not found:
        return await print_not_found(call, f">{label}< label(s) not found in SE list")
    column = next(iter(options.values), "")
    lines = [_shown(element, column, by_number=label.isdecimal()) for element in found]
    return await print_results(call, lines, [dict(element.facts) for element in found])


async def se_qos(runtime: Runtime, call: Call) -> int:
    """Print name and quality of service of the storage elements that match a label."""
    options = parse_options("SEqos", call.args[1:], {})
    if not options.operands:
        raise UsageError("SEqos requires a storage element label (see `alienctl help SEqos`)")
    elements = await list_elements(runtime, call)
    found = list(
        dict.fromkeys(at for label in options.operands for at, element in enumerate(elements) if element.matches(label))
    )
    if not found:
        return await print_not_found(call, f"No SE information found! -> {' '.join(options.operands)}")
    lines = [f"{elements[at].name:<32}{elements[at].qos}" for at in found]
    return await print_results(call, lines, [dict(elements[at].facts) for at in found])


async def get_ce(runtime: Runtime, call: Call) -> int:
    """Print a table of the computing elements that match all filters."""
    options = parse_options("getCE", call.args[1:], _FILTERS)
    if options.operands:
        raise UsageError(f"getCE: unknown filter {options.operands[0]}; use -name, -host or -part")
    reply = await runtime.central_sessions.of(call.context).request(
        Request("listCEs", () if call.as_json else ("-nomsg",))
    )
    listed = computing_elements(reply.checked(Request("listCEs")).results)
    wanted = (options.last("name"), options.last("host"), options.last("part"))
    found = [element for element in listed if element.matches(*wanted)]
    if not found:
        await call.print_error("getCE: no computing element matches all filters")
    lines = [str(element) for element in (HEADER, *found)] if found else []
    return await print_results(call, lines, [dict(element.facts) for element in found])


async def list_elements(runtime: Runtime, call: Call) -> list[ListedStorageElement]:
    """Return all storage elements that the service lists."""
    return await listed_elements(runtime, call.context, with_messages=call.as_json)


async def listed_elements(
    runtime: Runtime, context: Context, *, with_messages: bool = False
) -> list[ListedStorageElement]:
    """Return all storage elements that the service lists to `context`."""
    request = Request("listSEs", () if with_messages else ("-nomsg",))
    return storage_elements((await runtime.central_sessions.of(context).request(request)).checked(request).results)


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
