"""`user`, `setSite`, `timing`: the account, the close site and the timing switch of a session.

The service stores these per connection. Here they belong to the session: its commands use separate connections, so
that other sessions are not affected.
"""

from __future__ import annotations

from aliend.commands.invocation.call import Call
from aliend.commands.invocation.results import print_results
from aliend.errors import UsageError
from aliend.runtime import Runtime

_SWITCH = {"on": True, "off": False}


async def user(runtime: Runtime, call: Call) -> int:
    """Act as another account in this session, in the same directory."""
    arguments = call.args[1:]
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise UsageError("user requires one account name; list yours with `alienctl whoami -v`")
    state = await runtime.sessions.switch_account(call.session, call.context, arguments[0])
    return await print_results(call, [], [{"homedir": state.home}], user=state.user, currentdir=state.directory)


async def set_site(runtime: Runtime, call: Call) -> int:
    """Set the close site of this session, from which the service chooses storage."""
    arguments = call.args[1:]
    if len(arguments) > 1 or any(word.startswith("-") or not word for word in arguments):
        raise UsageError("usage: setSite [SITE]")
    before = call.context.site or "the service's choice"
    if arguments:
        await runtime.sessions.choose_site(call.session, call.context, arguments[0])
    text = f"Setting close site to {arguments[0]} (was {before})" if arguments else f"The close site is {before}"
    result = {"site": arguments[0] if arguments else call.context.site, "message": text}
    return await print_results(call, [text], [result], user="", currentdir="")


async def timing(runtime: Runtime, call: Call) -> int:
    """Switch on or off that the service reports the duration of each command of this session."""
    arguments = call.args[1:]
    if len(arguments) > 1 or any(word not in _SWITCH for word in arguments):
        raise UsageError("usage: timing [on | off]")
    is_on = _SWITCH[arguments[0]] if arguments else call.context.timing
    if arguments:
        await runtime.sessions.choose_timing(call.session, call.context, is_on=is_on)
    text = f"Command timing is {'enabled' if is_on else 'disabled'}"
    result = {"timing": str(is_on).lower(), "message": text}
    return await print_results(call, [text], [result], user="", currentdir="")
