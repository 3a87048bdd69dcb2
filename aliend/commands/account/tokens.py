"""The commands token-init, token-destroy and token, and the automatic token before a first connection.

A command that needs the service but has no valid token gets one with the user's own certificate, as in alien.py. The
client asks at its terminal for the passphrase of an encrypted key.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence

from aliend.central.credentials.private_keys import Locked
from aliend.central.tokens import NewToken, check_options
from aliend.commands.grid import passthrough
from aliend.commands.invocation.call import Call
from aliend.core.cli.options import Option, parse_options
from aliend.core.cli.session_names import permanent_name
from aliend.core.connection import login_messages
from aliend.core.connection.context import Context
from aliend.core.protocol.requests import Request
from aliend.errors import AliendError, ConfigurationError, NotConnected, UsageError
from aliend.runtime import Runtime

WITHOUT_SERVICE = frozenset(
    {
        *("cert-info", "cert-verify", "certkey-match", "getCAcerts", "transfers", "ccdb"),
        *("login", "cert-import"),
        *("token-info", "token-verify", "tokenkey-match", "token-init", "token-destroy"),
    }
)
"""Commands that need no certificate, or that obtain it themselves."""

QUESTIONS = 3
"""Number of attempts to enter a passphrase."""
_DESTROY_OPTIONS = {"--forget-keys": Option("forget-keys")}
_WITH_VALUE = re.compile(r"-+(f*[uvt]|jobid|hostname)")
"""Options of the service's `token` that take a value (wire specification, section 6)."""
_HELP = frozenset({"-h", "--h", "-help", "--help"})
_NOTICE = "This token is only printed, not stored; to get a token that commands use, run: `token-init`"
_MOST_REMINDED = 1000
_REMIND_AFTER = 3600.0
"""Seconds before a session is warned again that its certificate expires soon."""


async def token(parts: Runtime, call: Call) -> int:
    """Print a new token without storing it."""
    check_options(call.args[1:])
    if not _HELP.intersection(call.args):
        await call.print_error(_NOTICE)
    return await passthrough.run(parts, call)


async def token_init(parts: Runtime, call: Call) -> int:
    """Get a new token with the user's certificate; the arguments are options of the service's `token`."""
    options = call.args[1:]
    if _HELP.intersection(options):
        return await _help(parts, call)
    if operand := next(iter(operands_of(options)), ""):
        raise UsageError(
            f"token-init takes options only, not {operand!r}; for a token with a role: `alienctl token-init -u ROLE`"
        )
    made = await _obtain(parts, call, options)
    await parts.tokens.renew_if_due(call.context)
    facts = made.facts
    if call.as_json:
        await call.print_json(facts.to_json(str(call.context.token.certificate)))
    else:
        await call.print("\n".join(facts.lines()))
        left = login_messages.days(facts.ends_ms - int(time.time() * 1000))
        # scripts read the four lines on standard output
        await call.print_error(f"the token is in {call.context.token.certificate}, valid for {left}")
    await call.print_error(made.remark)
    return 0


async def token_destroy(parts: Runtime, call: Call) -> int:
    """Remove the token's files; with `--forget-keys` also the keys in the daemon's memory (`alienctl logout`)."""
    options = parse_options("token-destroy", call.args[1:], _DESTROY_OPTIONS)
    if options.operands:
        raise UsageError("usage: token-destroy [--forget-keys]")
    forgets = options.has("forget-keys")
    had_keys = forgets and parts.tokens.forget_keys()  # first: the files may belong to another user
    removed = await parts.tokens.destroy(call.context)
    if call.as_json:
        await call.print_json({"removed": removed, **({"forgot_keys": had_keys} if forgets else {})})
        return 0
    await call.print("\n".join(f"removed {name}" for name in removed) or "no token to remove")
    if forgets:
        await call.print(
            "the daemon forgot the keys that you unlocked" if had_keys else "the daemon had no unlocked keys"
        )
        await _note_automatic_token(parts, call)
    return 0


async def _note_automatic_token(parts: Runtime, call: Call) -> None:
    """Print a note if the user's key has no passphrase, because the next command then gets a new token."""
    try:
        await asyncio.to_thread(parts.tokens.check_own, call.context)
    except (NotConnected, ConfigurationError):
        return
    key = call.context.user.key
    await call.print_error(f"the key {key} has no passphrase, so the next command gets a new token with it")


async def prepare(parts: Runtime, call: Call) -> None:
    """Get a token before a first connection if a valid one is missing."""
    if parts.central_sessions.is_connected(call.context):
        return
    try:
        is_missing = await parts.tokens.is_missing(call.context)
    except ConfigurationError:
        return  # the command itself will say so, if it needs the service at all
    if not is_missing:
        await parts.tokens.renew_if_due(call.context)
        return
    try:
        await _obtain(parts, call, await parts.tokens.role_options(call.context))
        await parts.tokens.renew_if_due(call.context)
    except NotConnected:
        return  # as above
    except AliendError as error:
        await call.print_error(f"cannot get a new token: {error}")


async def remind(parts: Runtime, call: Call) -> None:
    """Warn on stderr, at most once an hour in each session, if the certificate expires soon."""
    warning = parts.tokens.warning(call.context)
    key = (permanent_name(call.session), call.context)
    if not warning or time.monotonic() - parts.reminded.get(key, -_REMIND_AFTER) < _REMIND_AFTER:
        return
    if len(parts.reminded) >= _MOST_REMINDED:
        parts.reminded.clear()
    parts.reminded[key] = time.monotonic()
    await call.print_error(f"warning: {warning}")


def operands_of(args: Sequence[str]) -> list[str]:
    """Return the arguments of `token` that are neither options nor their values."""
    operands, left = [], list(args)
    while left:
        word = left.pop(0)
        if not word.startswith("-"):
            operands.append(word)
        elif _WITH_VALUE.fullmatch(word) and left:
            left.pop(0)
    return operands


async def _obtain(parts: Runtime, call: Call, options: tuple[str, ...]) -> NewToken:
    """Return a new token, after the user's key was opened where it is encrypted. Raises Locked without an answer."""
    for _ in range(QUESTIONS):
        try:
            return await parts.tokens.obtain(call.context, options)
        except Locked:
            await _open_key(parts, call, call.context)
    return await parts.tokens.obtain(call.context, options)


async def _open_key(parts: Runtime, call: Call, context: Context) -> None:
    answer = await call.ask(f"Passphrase of {context.user.key}: ")
    if answer is None:
        raise Locked(
            f"the key {context.user.key} is encrypted, and no passphrase was given\n"
            "run `alienctl token-init` at a terminal, or set ALIEND_ASKPASS to a program that prints it"
        )
    try:
        await parts.tokens.unlock(context, answer)
    except UsageError as error:
        await call.print_error(str(error))


async def _help(parts: Runtime, call: Call) -> int:
    """Return the service's own text about `token`, under the name of this command."""
    await prepare(parts, call)
    reply = await parts.central_sessions.of(call.context).request(Request("token", ("-h",)))
    if call.as_json:
        await call.print_json(reply.to_json())
    else:
        await call.print(re.sub(r"\btoken\b", "token-init", reply.text(), count=1))
    await call.print_error(reply.error)
    return reply.exit_code
