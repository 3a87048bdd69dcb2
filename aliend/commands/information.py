"""What works without service and network: version and help."""

from __future__ import annotations

import difflib
import importlib.metadata
import platform

from aliend import CONTRACT, VERSION
from aliend.commands.call import Call
from aliend.commands.manual import MANUAL, overview, page
from aliend.commands.service import run as pass_through
from aliend.errors import UsageError
from aliend.parts import Parts


async def version(_parts: Parts, call: Call) -> int:
    """Print the versions of the daemon and of what it stands on."""
    facts = {
        "aliend": VERSION,
        "contract": f"aliend.v1, number {CONTRACT}",
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in ("xrootd", "grpcio", "websockets")},
    }
    if call.as_json:
        await call.document(facts)
    else:
        await call.say("\n".join(f"{name + ':':<12}{value}" for name, value in facts.items()))
    return 0


async def help_(parts: Parts, call: Call) -> int:
    """Print the commands, or the page of one; commands of the service are explained by the service."""
    if len(call.words) < 2:
        await call.say(overview())
        return 0
    name = call.words[1]
    if name in MANUAL:
        await call.say(page(name))
        return 0
    near = difflib.get_close_matches(name, MANUAL, 3)
    try:
        call.words = (name, "-h")
        return await pass_through(parts, call)
    except UsageError:
        hint = f"; did you mean: {', '.join(near)}?" if near else ""
        raise UsageError(f"help: there is no page for {name}{hint}") from None
