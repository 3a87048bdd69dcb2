"""Limits as the user sets them while the daemon runs: `files=16 se=4 rate=50M ALICE::X::SE.rate=5M`. Pure.

Names without `.rate` count files, those with it (and `rate`) bound bytes a second, also by the time of day. What was
set is kept as one table of names and values, over the limits of the configuration; what is set to `default` is taken
out of it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from aliend.core.transfers.bandwidth import Rates
from aliend.core.transfers.rate_schedule import RateSchedule, parse_schedule, schedule_text
from aliend.core.transfers.scheduler import Limits
from aliend.errors import UsageError

MAX_LIMIT = 1000
_COUNTS = ("files", "se", "down", "up")
_RATES = ("rate", "down.rate", "up.rate", "se.rate")

SavedLimits = Mapping[str, int | str]
"""What was set, by name: numbers of files, and rates in the words of `core.timetable`."""


def parse(words: Sequence[str]) -> dict[str, int | str | None]:
    """The names that the words set; None for those that go back to their default. Raises UsageError."""
    changes: dict[str, int | str | None] = {}
    for word in words:
        name, equals, text = word.partition("=")
        plain = name.removesuffix(".rate")
        if not equals or not (name in _COUNTS or name in _RATES or _is_se(plain)):
            raise UsageError(
                f"transfers limit: {word!r} is no limit; they are files=N, down=N, up=N, se=N (each storage element), "
                "VO::SITE::SE=N and rate=R, down.rate=R, up.rate=R, se.rate=R, VO::SITE::SE.rate=R; N is a number of "
                'files, R bytes per second (20M, unlimited, "22:00-07:00 unlimited, else 20M"); `default` undoes one'
            )
        key = name if name in _COUNTS or name in _RATES else plain.upper() + name[len(plain) :]
        changes[key] = None if text == "default" else _value(word, name, text)
    return changes


def merged(kept: SavedLimits, changes: Mapping[str, int | str | None]) -> dict[str, int | str]:
    """The table after the changes."""
    after = {**kept, **changes}
    return {name: value for name, value in after.items() if value is not None}


def applied(configured: Limits, kept: SavedLimits) -> Limits:
    """The limits that hold: those of the configuration, and over them what was set."""
    counts = {name: value for name, value in kept.items() if isinstance(value, int)}
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


def rate_schedules(kept: SavedLimits) -> dict[str, RateSchedule]:
    """The rates that were set, by name."""
    return {name: parse_schedule(value) for name, value in kept.items() if isinstance(value, str)}


def rates_at(kept: SavedLimits, minute: int) -> Rates:
    """The rates that hold at that minute of the day."""
    now = {name: table.at(minute) for name, table in rate_schedules(kept).items()}
    return Rates(
        all=now.get("rate", 0),
        down=now.get("down.rate", 0),
        up=now.get("up.rate", 0),
        per_se=now.get("se.rate", 0),
        named={name.removesuffix(".rate"): rate for name, rate in now.items() if name not in _RATES},
    )


def next_change(kept: SavedLimits, minute: int) -> int:
    """Minutes until a rate changes by the clock; 0: none does."""
    waits = [table.until(minute) for table in rate_schedules(kept).values()]
    return min((wait for wait in waits if wait), default=0)


def _is_se(name: str) -> bool:
    parts = name.split("::")
    return len(parts) == 3 and all(parts)


def _value(word: str, name: str, text: str) -> int | str:
    if name not in _RATES and not name.endswith(".rate"):
        return _number(word, text)
    try:
        return schedule_text(parse_schedule(text))
    except UsageError as error:
        raise UsageError(f"transfers limit: {name}: {error}") from None


def _number(word: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_LIMIT):
        raise UsageError(f"transfers limit: {word!r} needs a number from 1 to {MAX_LIMIT}, or `default`")
    return int(text)
