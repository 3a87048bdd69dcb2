"""Resolves the outcome of a request whose reply was lost, by checking the catalogue; else reports it as unknown.

The interpretation of the entries is left to `aliend.core.protocol.lost_replies`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aliend.core.protocol.lost_replies import infer_outcome, names_to_check
from aliend.core.protocol.replies import Reply, entries_of_stat
from aliend.core.protocol.requests import Request
from aliend.errors import AliendError, OutcomeUnknown

_CHECKS = 3
_NOT_FOUND = 2
_WITH_SECRETS = frozenset({"commit", "access", "token"})
"""Commands whose arguments may contain an envelope or name a credential."""
_LONGEST_SHOWN = 1024


@dataclass(frozen=True, slots=True)
class SentRequest:
    """A request, its directory, and when it was sent (POSIX milliseconds)."""

    request: Request
    directory: str
    sent_ms: int


async def resolve_lost_reply(
    sent: SentRequest, lost: AliendError, ask: Callable[[Request], Awaitable[Reply]], pause: float
) -> Reply:
    """Return the lost reply, if the catalogue shows the effect of the request. Raises OutcomeUnknown otherwise.

    Checks several times, at least `pause` seconds apart: the service may still be executing the request.
    """
    request = sent.request
    names = names_to_check(request, sent.directory)
    outcome = "unclear"
    for number in range(_CHECKS if names else 0):
        await asyncio.sleep(number * pause)
        try:
            reply = await ask(Request("stat", ("-nomsg", *names)))
            present = {entry.lfn.rstrip("/") or "/": entry for entry in entries_of_stat(reply.results)}
        except AliendError:
            break
        if reply.exit_code != _NOT_FOUND and (reply.exit_code or len(present) < len(set(names))):
            break
        outcome = infer_outcome(request, names, present, sent.sent_ms)
        if outcome == "done":
            return Reply(0, "", reply.user, reply.directory, ())
        if outcome == "unclear":
            break
    raise outcome_unknown(request, lost, checked=outcome == "not seen") from lost


def outcome_unknown(request: Request, error: AliendError, *, checked: bool = False) -> OutcomeUnknown:
    """Return the error that names the request; `checked`: the catalogue shows no effect of it."""
    seen = "; the catalogue shows no effect so far" if checked else ""
    return OutcomeUnknown(
        f"{error}; it is unknown whether `{request.command}` was executed{seen}; check before you repeat it: "
        f"{_displayed(request)}"
    )


def _displayed(request: Request) -> str:
    if request.command in _WITH_SECRETS:
        return f"{request.command} ..."
    args = (arg if len(arg) <= _LONGEST_SHOWN and "\n" not in arg else "..." for arg in request.options)
    return " ".join((request.command, *args))
