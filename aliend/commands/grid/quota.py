"""`quota`: what an account has used of its jobs, time and storage."""

from __future__ import annotations

from aliend.commands.grid.elements import told
from aliend.commands.invocation.call import Call
from aliend.core.cli.options import parse_options
from aliend.core.grid import quotas
from aliend.core.protocol.replies import Result
from aliend.core.protocol.requests import Request
from aliend.errors import ServiceError, UsageError
from aliend.runtime import Runtime

_UNKNOWN = 61


async def quota(parts: Runtime, call: Call) -> int:
    """Seven lines about the caller's account, or the one that is named."""
    given = parse_options("quota", call.words[1:], {})
    if given.operands[:1] == ("set",):
        raise UsageError("quota only shows quotas; administrators set them with jquota set and fquota set")
    if len(given.operands) > 1:
        raise UsageError("quota takes at most one account (see: alienctl help quota)")
    state = await parts.sessions.state(call.session, call.context, restore=call.restore_directory)
    account = given.operands[0] if given.operands else state.user
    facts = quotas.merged(await _listed(parts, call, "jquota", account), await _listed(parts, call, "fquota", account))
    return await told(call, quotas.report(facts), [facts])


async def _listed(parts: Runtime, call: Call, command: str, account: str) -> Result:
    request = Request(command, ("-nomsg", "list", account))
    results = (await parts.central_sessions.of(call.context).request(request)).checked(request).results
    found = [result for result in results if result.get("username") == account]
    if not found:
        raise ServiceError(command, _UNKNOWN, f"the service knows no quota of {account}")
    return found[0]
