"""Limits that the user sets while the daemon runs: `files=16 se=4 rate=50M ALICE::X::SE.rate=5M`. Pure.

Names without `.rate` limit the number of files; `rate` and names with `.rate` limit bytes per second, also by time of
day. The saved limits are one table of names and values that overrides the configuration; setting a limit to `default`
removes it from the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from aliend.core.transfers.bandwidth import Rates
from aliend.core.transfers.rate_schedule import RateSchedule, parse_schedule, schedule_text
from aliend.core.transfers.scheduler import Limits
from aliend.errors import UsageError

MAX_LIMIT = 1000
"""Files at a time at most: the time for one decision of the scheduler grows with their number."""
_COUNTS = ("files", "se", "down", "up")
_RATES = ("rate", "down.rate", "up.rate", "se.rate")

SavedLimits = Mapping[str, int | str]
"""The limits set by the user, by name: numbers of files, and rates as text of `core.transfers.rate_schedule`."""


def parse(args: Sequence[str], what: str = "transfers limit") -> dict[str, int | str | None]:
    """Parse limits; None means back to the default. Raises UsageError; `what` begins its message."""
    changes: dict[str, int | str | None] = {}
    for arg in args:
        name, equals, text = arg.partition("=")
        plain = name.removesuffix(".rate")
        if not equals or not (name in _COUNTS or name in _RATES or _is_se(plain)):
            raise UsageError(
                f"{what}: unknown limit {arg!r}\n"
                "limits of files: files=N down=N up=N se=N (each storage element) VO::SITE::SE=N\n"
                "limits of bytes per second: rate=R down.rate=R up.rate=R se.rate=R VO::SITE::SE.rate=R\n"
                'R is 20M, unlimited, "22:00-07:00 unlimited, else 20M"'
            )
        key = name if name in _COUNTS or name in _RATES else plain.upper() + name[len(plain) :]
        changes[key] = None if text == "default" else _value(what, arg, name, text)
    return changes


def merged(saved: SavedLimits, changes: Mapping[str, int | str | None]) -> dict[str, int | str]:
    """Return the table after the changes."""
    after = {**saved, **changes}
    return {name: value for name, value in after.items() if value is not None}


def applied(configured: Limits, saved: SavedLimits) -> Limits:
    """Return the effective limits: the configured ones, overridden by the saved ones."""
    counts = {name: value for name, value in saved.items() if isinstance(value, int)}
    named = {**dict(configured.named), **{name: number for name, number in counts.items() if _is_se(name)}}
    return replace(
        configured,
        files=counts.get("files", configured.files),
        per_se=counts.get("se", configured.per_se),
        down=counts.get("down", configured.down),
        up=counts.get("up", configured.up),
        named=tuple(sorted(named.items())),
        is_fixed="se" in counts,
    )


def rate_schedules(saved: SavedLimits) -> dict[str, RateSchedule]:
    """Return the saved rates by name."""
    return {name: parse_schedule(value) for name, value in saved.items() if isinstance(value, str)}


def rates_at(saved: SavedLimits, minute: int) -> Rates:
    """Return the rates in effect at a minute of the day."""
    now = {name: table.at(minute) for name, table in rate_schedules(saved).items()}
    return Rates(
        all=now.get("rate", 0),
        down=now.get("down.rate", 0),
        up=now.get("up.rate", 0),
        per_se=now.get("se.rate", 0),
        named={name.removesuffix(".rate"): rate for name, rate in now.items() if name not in _RATES},
    )


def next_change(saved: SavedLimits, minute: int) -> int:
    """Return the minutes until a rate changes by the clock; 0: none does."""
    waits = [table.until(minute) for table in rate_schedules(saved).values()]
    return min((wait for wait in waits if wait), default=0)


def _is_se(name: str) -> bool:
    parts = name.split("::")
    return len(parts) == 3 and all(parts)


def _value(what: str, arg: str, name: str, text: str) -> int | str:
    if name not in _RATES and not name.endswith(".rate"):
        return _number(what, arg, text)
    try:
        return schedule_text(parse_schedule(text))
    except UsageError as error:
        raise UsageError(f"{what}: {name}: {error}") from None


def _number(what: str, arg: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_LIMIT):
        raise UsageError(f"{what}: {arg!r}: expected a number from 1 to {MAX_LIMIT}, or `default`")
    return int(text)
