"""Formats sizes, dates (in UTC) and permissions as the central service does."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = ("B", "KB", "MB", "GB", "TB", "PB", "XB")


def number(value: float) -> str:
    """Return a number with three or four significant digits, at most three after the point."""
    digits = 3 if value < 10 else 2 if value < 100 else 1 if value < 1000 else 0
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def human(size: float) -> str:
    """Return a size in bytes as `19.07 MB`."""
    unit = 0
    while size > 1024 and unit < len(_UNITS) - 1:
        size /= 1024
        unit += 1
    return f"{number(size)} {_UNITS[unit]}"


def short_date(milliseconds: int) -> str:
    """Return POSIX milliseconds as `Nov 23 17:54`."""
    return _moment(milliseconds).strftime("%b %d %H:%M")


def timestamp(milliseconds: int) -> str:
    """Return POSIX milliseconds as `2026-11-23 17:54:33.0`."""
    fraction = f"{milliseconds % 1000:03d}".rstrip("0") or "0"
    return f"{_moment(milliseconds):%Y-%m-%d %H:%M:%S}.{fraction}"


def long_date(milliseconds: int) -> str:
    """Return POSIX milliseconds as `Mon Nov 23 17:54:33 UTC 2026`."""
    return _moment(milliseconds).strftime("%a %b %d %H:%M:%S UTC %Y")


def interval(seconds: float) -> str:
    """Return a time span as `5s`, `1d 1:01` or `9y 364d`."""
    whole = int(seconds)
    days, rest = divmod(whole, 86400)
    if days >= 365:
        return f"{days // 365}y {days % 365}d"
    if days:
        return f"{days}d {rest // 3600}:{rest % 3600 // 60:02d}"
    if whole >= 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}"
    return f"{whole // 60}m {whole % 60}s" if whole >= 60 else f"{whole}s"


def permissions(kind: str, octal: str) -> str:
    """Return permissions as ten characters such as `drwxr-xr-x`."""
    bits = "".join(
        f"{'r' if digit & 4 else '-'}{'w' if digit & 2 else '-'}{'x' if digit & 1 else '-'}"
        for digit in (int(character) for character in octal)
    )
    return ("-" if kind == "f" else kind) + bits


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
