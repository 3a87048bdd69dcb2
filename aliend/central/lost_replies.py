"""Finds out in the catalogue what became of a request whose reply was lost, or says what was asked.

How the state of names is judged is left to `aliend.core.protocol.lost_replies`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aliend.core.protocol.lost_replies import judge, names_to_look_at
from aliend.core.protocol.replies import Reply, entries_of_stat
from aliend.core.protocol.requests import Request
from aliend.errors import AliendError, OutcomeUnknown

_LOOKS = 3
_NOT_FOUND = 2
_WITH_SECRETS = frozenset({"commit", "access", "token"})
"""Commands whose words may hold an envelope or name a credential."""
_LONGEST_SHOWN = 1024


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, the directory that it ran in, and when it was sent (POSIX milliseconds)."""

    request: Request
    directory: str
    sent_ms: int


async def found_out(asked: Asked, lost: AliendError, ask: Callable[[Request], Awaitable[Reply]], pause: float) -> Reply:
    """The reply that must have been lost, if the catalogue shows what was asked for; OutcomeUnknown otherwise.

    Looks a few times, `pause` seconds and more apart: the service may still be at work.
    """
    request = asked.request
    names = names_to_look_at(request, asked.directory)
    outcome = "unclear"
    for number in range(_LOOKS if names else 0):
        await asyncio.sleep(number * pause)
        try:
            reply = await ask(Request("stat", ("-nomsg", *names)))
            present = {entry.lfn.rstrip("/") or "/": entry for entry in entries_of_stat(reply.results)}
        except AliendError:
            break
        if reply.exit_code != _NOT_FOUND and (reply.exit_code or len(present) < len(set(names))):
            break
        outcome = judge(request, names, present, asked.sent_ms)
        if outcome == "done":
            return Reply(0, "", reply.user, reply.directory, ())
        if outcome == "unclear":
            break
    raise unknown(request, lost, looked=outcome == "not seen") from lost


def unknown(request: Request, error: AliendError, *, looked: bool = False) -> OutcomeUnknown:
    """The error that says what was asked; `looked`: nothing of it was to be seen."""
    seen = "; a moment later nothing of it was to be seen" if looked else ""
    return OutcomeUnknown(
        f"{error}, so it is unknown whether `{request.command}` was carried out{seen}; look before you repeat it: "
        f"{_shown(request)}"
    )


def _shown(request: Request) -> str:
    if request.command in _WITH_SECRETS:
        return f"{request.command} ..."
    words = (word if len(word) <= _LONGEST_SHOWN and "\n" not in word else "..." for word in request.options)
    return " ".join((request.command, *words))
