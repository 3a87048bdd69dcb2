"""`transfers watch`: a job on the terminal, or the events of one job or of all as lines that can be resumed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from aliend.commands.following.follower import exit_code, follow, way_of
from aliend.commands.invocation.call import Call, encoded
from aliend.core.cli.escaping import escape_newlines
from aliend.core.transfers.attempt_record import EventRecord
from aliend.engine.views import Changes
from aliend.errors import UsageError
from aliend.runtime import Runtime

_LINES = 100
"""Lines written together; after each such piece a client that loses the daemon can go on."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """What to watch: a job (0: all), after which event (None: from now on)."""

    job: int
    since: int | None


async def watch(parts: Runtime, call: Call, words: list[str]) -> int:
    """Tell what happens until the job has ended; of all jobs until the user interrupts it."""
    wish = _wish_of(words)
    if wish.job and wish.since is None and not call.as_json:
        return exit_code(await follow(parts, call, wish.job))
    async for changes in parts.engine.changes(wish.job, since=wish.since):
        await _tell(call, wish.job, changes)
    return exit_code(await parts.engine.job(wish.job))


async def _tell(call: Call, job: int, changes: Changes) -> None:
    """The events as lines, each piece with the words that go on after it."""
    events = changes.events
    for begin in range(0, max(len(events), 1), _LINES):
        piece = events[begin : begin + _LINES]
        told = changes.number if begin + _LINES >= len(events) else piece[-1].number
        words = ["transfers", "watch", *([str(job)] if job else []), "--since", str(told)]
        lines = "".join(f"{_line(one, as_json=call.as_json)}\n" for one in piece)
        await call.output.resumable(encoded(lines), [*words, "--json"] if call.as_json else words)


def _line(one: EventRecord, *, as_json: bool) -> str:
    if as_json:
        fields = asdict(one)
        return json.dumps({"event": fields.pop("number"), **fields}, ensure_ascii=False)
    when = datetime.fromtimestamp(one.time_ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    what = way_of(one) if one.transfer else "the job"
    reason = f": {one.reason}" if one.reason else ""
    return escape_newlines(f"{one.number} {when} job {one.job} {one.state:<10} {what}{reason}")


def _wish_of(words: list[str]) -> _Wish:
    rest, since = list(words), None
    if "--since" in rest:
        at = rest.index("--since")
        since = _number(rest[at + 1] if at + 1 < len(rest) else "", "--since needs the number of an event")
        del rest[at : at + 2]
    if len(rest) > 1:
        raise UsageError("transfers watch takes one job number at most, and --since NUMBER")
    job = _number(rest[0], "a job has a number (see: alienctl transfers list --all)") if rest else 0
    return _Wish(job, since)


def _number(text: str, problem: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise UsageError(f"transfers watch: {problem}, not {text!r}")
    return int(text)
