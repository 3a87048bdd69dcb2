"""`transfers limit`: shows and changes how many files are copied at a time, and how fast."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aliend.commands.invocation.call import Call
from aliend.core.cli.numbers import parse_whole
from aliend.core.cli.units import format_rate, format_time, parse_rate
from aliend.core.transfers.limits import parse
from aliend.engine.views import ElementView, LimitsInUse
from aliend.errors import UsageError
from aliend.runtime import Runtime


async def limit(runtime: Runtime, call: Call, args: list[str]) -> int:
    """Set the given limits and print all limits; with `--job N` set the rate of one job."""
    if "--job" in args:
        return await _limit_job(runtime, call, args)
    if args:
        await runtime.engine.change_limits(parse(args))
    now = runtime.engine.limits_in_use()
    if call.as_json:
        await call.print_json({"limits": now.table(), "rates": _rates(now), "elements": _elements(now)})
    else:
        await call.print("\n".join([*_limit_lines(now), *_rate_lines(now)]))
    return 0


async def _limit_job(runtime: Runtime, call: Call, args: list[str]) -> int:
    """Set the bandwidth of one job: `--job N rate=R`."""
    at = args.index("--job")
    number = args[at + 1] if at + 1 < len(args) else ""
    name, _, text = (args[:at] + args[at + 2 :] or [""])[0].partition("=")
    job_number = parse_whole(number)
    if job_number is None or len(args) != 3 or name != "rate":
        raise UsageError("usage: transfers limit --job N rate=R, as in `transfers limit --job 7 rate=5M`")
    job = await runtime.engine.change_job_rate(job_number, 0 if text == "default" else parse_rate(text))
    if call.as_json:
        await call.print_json({"job": job.id, "rate": job.rate})
    else:
        await call.print(f"job {job.id}: {format_rate(job.rate)}{'/s' if job.rate else ''}")
    return 0


def _limit_lines(now: LimitsInUse) -> Iterable[str]:
    running, table = now.running(), now.table()
    yield f"{'LIMIT':<32}{'FILES':>6}{'NOW':>6}"
    for name in ("files", "down", "up", "se"):
        count = str(running.get(name, "")) if name != "se" else ""
        yield f"{name:<32}{table[name] or '-':>6}{count:>6}".rstrip()
    elements = {se.upper(): element for se, element in now.elements.items()}
    for se in sorted({*elements, *(name for name, _ in now.limits.named)}):
        yield _element_line(se, elements[se]) if se in elements else f"{se:<32}{table[se]:>6}{0:>6}"


def _element_line(se: str, element: ElementView) -> str:
    """Return the line of a storage element: its current limit, its copies, and its state if it is not working."""
    notes = []
    if element.state != "working":
        notes.append(element.state + (f" until {format_time(element.until)}" if element.until else ""))
    elif element.limit != element.most:
        notes.append(f"of {element.most}")
    if element.why:
        notes.append(element.why)
    return f"{se:<32}{element.limit:>6}{element.copies:>6}  {'; '.join(notes)}".rstrip()


def _elements(now: LimitsInUse) -> list[dict[str, Any]]:
    """Return the storage elements in use as JSON; `until_ms` is 0 for one that is not backing off."""
    return [
        {
            "se": element.se,
            "state": element.state,
            "copies": element.copies,
            "limit": element.limit,
            "most": element.most,
            "until_ms": int(element.until * 1000),
            "why": element.why,
            "bytes_per_second": int(element.speed),
        }
        for element in now.elements.values()
    ]


def _rates(now: LimitsInUse) -> dict[str, dict[str, int | str]]:
    """Return the configured rates by name: as set, and now in bytes per second (0: unlimited)."""
    return {name: {"set": schedule, "now": now.rate_now(name)} for name, schedule in sorted(now.rate_texts.items())}


def _rate_lines(now: LimitsInUse) -> Iterable[str]:
    if not now.rate_texts:
        return
    yield f"{'RATE':<32}{'NOW':>12}"
    for name, schedule in sorted(now.rate_texts.items(), key=lambda item: ("::" in item[0], item[0])):
        rate = now.rate_now(name)
        text = f"{format_rate(rate)}/s" if rate else "unlimited"
        yield f"{name:<32}{text:>12}{'' if ',' not in schedule else f'  {schedule}'}"
