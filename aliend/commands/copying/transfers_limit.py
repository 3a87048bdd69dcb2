"""`transfers why` and `transfers limit`: why files wait, how many may be copied at a time and how fast."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from aliend.commands.invocation.call import Call
from aliend.core.cli.escaping import escape_newlines
from aliend.core.cli.units import format_rate, parse_rate
from aliend.core.transfers.limits import parse
from aliend.core.transfers.wait_reason import Reason
from aliend.engine.views import ElementView, LimitsInUse, WaitingFile
from aliend.errors import UsageError
from aliend.runtime import Runtime


async def why(parts: Runtime, call: Call, words: list[str]) -> int:
    """Say of every file that is not being copied why, and until when; files with one reason together."""
    if len(words) > 1 or any(not (word.isascii() and word.isdigit()) for word in words):
        raise UsageError("transfers why takes one job number at most (see: alienctl transfers list)")
    told: dict[tuple[int, Reason], tuple[str, int]] = {}
    listed: list[dict[str, Any]] = []
    async for group in parts.engine.wait_reasons(int(words[0]) if words else 0):
        if call.as_json:
            listed += map(_waits, group)
        for one in group:
            first, count = told.get((one.job, one.reason), (one.source, 0))
            told[one.job, one.reason] = (first, count + 1)
    if call.as_json:
        await call.document({"waiting": listed})
    elif told:
        await call.say("\n".join(_line(*key, *names) for key, names in told.items()))
    else:
        await call.complain("nothing waits")
    return 0


async def limit(parts: Runtime, call: Call, words: list[str]) -> int:
    """Set the limits that the words name, and show all; with `--job N`, those of one job."""
    if "--job" in words:
        return await _limit_job(parts, call, words)
    if words:
        await parts.engine.change_limits(parse(words))
    now = parts.engine.limits_in_use()
    if call.as_json:
        await call.document({"limits": now.table(), "rates": _rates(now), "elements": _elements(now)})
    else:
        await call.say("\n".join([*_limit_lines(now), *_rate_lines(now)]))
    return 0


async def _limit_job(parts: Runtime, call: Call, words: list[str]) -> int:
    """`--job N rate=R`: the bandwidth of one job."""
    at = words.index("--job")
    number = words[at + 1] if at + 1 < len(words) else ""
    name, _, text = (words[:at] + words[at + 2 :] or [""])[0].partition("=")
    if not (number.isascii() and number.isdigit()) or len(words) != 3 or name != "rate":
        raise UsageError("transfers limit --job takes a job number and rate=R, as in: --job 7 rate=5M")
    job = await parts.engine.change_job_rate(int(number), 0 if text == "default" else parse_rate(text))
    if call.as_json:
        await call.document({"job": job.id, "rate": job.rate})
    else:
        await call.say(f"job {job.id}: {format_rate(job.rate)}{'/s' if job.rate else ''}")
    return 0


def _line(job: int, reason: Reason, first: str, count: int) -> str:
    files = "" if not first else f" {first}" if count == 1 else f" {first} and {count - 1} more"
    until = f" (until {_time(reason.until)})" if reason.kind in ("retry", "credential", "se resting") else ""
    return escape_newlines(f"job {job}{files}: {reason.kind}: {reason.text}{until}")


def _waits(one: WaitingFile) -> dict[str, Any]:
    reason = asdict(one.reason)
    until_ms = int(reason.pop("until") * 1000)
    behind = reason.pop("job")
    return {
        "job": one.job,
        "transfer": one.transfer,
        "source": one.source,
        **reason,
        "until_ms": until_ms,
        "for": behind,
    }


def _limit_lines(now: LimitsInUse) -> Iterable[str]:
    running, table = now.running(), now.table()
    yield f"{'LIMIT':<32}{'FILES':>6}{'NOW':>6}"
    for name in ("files", "down", "up", "se"):
        count = str(running.get(name, "")) if name != "se" else ""
        yield f"{name:<32}{table[name] or '-':>6}{count:>6}".rstrip()
    elements = {se.upper(): one for se, one in now.elements.items()}
    for se in sorted({*elements, *(name for name, _ in now.limits.named)}):
        yield _element_line(se, elements[se]) if se in elements else f"{se:<32}{table[se]:>6}{0:>6}"


def _element_line(se: str, one: ElementView) -> str:
    """An element with its present limit, and what there is to say of it."""
    notes = []
    if one.state != "working":
        notes.append(one.state + (f" until {_time(one.until)}" if one.until else ""))
    elif one.limit != one.most:
        notes.append(f"of {one.most}")
    if one.why:
        notes.append(one.why)
    return f"{se:<32}{one.limit:>6}{one.copies:>6}  {'; '.join(notes)}".rstrip()


def _elements(now: LimitsInUse) -> list[dict[str, Any]]:
    """What is known of the storage elements in use; `until_ms` 0: it does not rest."""
    return [
        {
            "se": one.se,
            "state": one.state,
            "copies": one.copies,
            "limit": one.limit,
            "most": one.most,
            "until_ms": int(one.until * 1000),
            "why": one.why,
            "bytes_per_second": int(one.speed),
        }
        for one in now.elements.values()
    ]


def _rates(now: LimitsInUse) -> dict[str, dict[str, int | str]]:
    """The rates that were set, by name: the words, and bytes a second at the moment (0: unlimited)."""
    return {name: {"set": words, "now": now.rate_now(name)} for name, words in sorted(now.rate_texts.items())}


def _rate_lines(now: LimitsInUse) -> Iterable[str]:
    if not now.rate_texts:
        return
    yield f"{'RATE':<32}{'NOW':>12}"
    for name, words in sorted(now.rate_texts.items(), key=lambda item: ("::" in item[0], item[0])):
        rate = now.rate_now(name)
        text = f"{format_rate(rate)}/s" if rate else "unlimited"
        yield f"{name:<32}{text:>12}{'' if ',' not in words else f'  {words}'}"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")
