"""`quota`: prints how much of its quotas an account uses: jobs, time and storage."""

from __future__ import annotations

from aliend.commands.invocation.call import Call
from aliend.commands.invocation.lfn_arguments import session_state
from aliend.commands.invocation.results import print_results
from aliend.core.cli.options import parse_options
from aliend.core.connection.context import Context
from aliend.core.grid import quotas
from aliend.core.protocol.replies import Result
from aliend.core.protocol.requests import Request
from aliend.errors import ServiceError, UsageError
from aliend.runtime import Runtime

_UNKNOWN = 61


async def quota(runtime: Runtime, call: Call) -> int:
    """Print seven lines about the caller's account or the given one."""
    options = parse_options("quota", call.args[1:], {})
    if options.operands[:1] == ("set",):
        raise UsageError("quota cannot set quotas; administrators use `jquota set` and `fquota set`")
    if len(options.operands) > 1:
        raise UsageError("usage: quota [ACCOUNT]")
    state = await session_state(runtime, call)
    account = options.operands[0] if options.operands else state.user
    facts = await quota_of(runtime, call.context, account)
    return await print_results(call, quotas.report(facts), [facts])


async def quota_of(runtime: Runtime, context: Context, account: str) -> dict[str, str]:
    """Return the quotas of jobs and files of an account as the service names them. Raises ServiceError."""
    jobs = await _quota_of(runtime, context, "jquota", account)
    return quotas.merged(jobs, await _quota_of(runtime, context, "fquota", account))


async def _quota_of(runtime: Runtime, context: Context, command: str, account: str) -> Result:
    request = Request(command, ("-nomsg", "list", account))
    results = (await runtime.central_sessions.of(context).request(request)).checked(request).results
    found = [result for result in results if result.get("username") == account]
    if not found:
        raise ServiceError(command, _UNKNOWN, f"the service has no quota for {account}")
    return found[0]
