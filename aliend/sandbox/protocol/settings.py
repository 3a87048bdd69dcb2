"""The settings of a running grid: limits of the service, which tests shorten."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from aliend.sandbox.errors import SandboxError


@dataclass(frozen=True, slots=True)
class Settings:
    """The limits, with the values of the real service (wire specification, 1.4 to 1.8 and 2.9); times are seconds.

    After `reader_wait` the service reads the next request. `find_cache` applies to short results; long results
    (500 entries and more) are cached for a fifth of it. With `poison` a request longer than 8192 characters breaks its
    connection; with `throttle` the service delays the commands of busy certificates. At most `user_threads` commands of
    one user run at the same time; 0: any number.
    """

    idle_limit: float = 900.0
    session_limit: float = 172800.0
    reader_wait: float = 1.0
    find_cache: float = 300.0
    replica_cache: float = 15.0
    poison: bool = True
    throttle: bool = False
    user_threads: float = 0

    def updated(self, assignments: Iterable[str]) -> Settings:
        """Return these settings with changes given as `name=value`. Raises SandboxError for invalid ones."""
        values: dict[str, float | bool] = {}
        for assignment in assignments:
            name, _, text = assignment.partition("=")
            name = name.replace("-", "_")
            if name not in names():
                raise SandboxError(f"unknown setting {name!r}; use one of: {', '.join(names())}")
            values[name] = _value(name, text, is_switch=isinstance(getattr(self, name), bool))
        return dataclasses.replace(self, **values)  # type: ignore[arg-type]

    def assignments(self) -> list[str]:
        """Return all settings as `name=value`, for `updated`."""
        return [f"{name}={_text(getattr(self, name))}" for name in names()]


def names() -> list[str]:
    """Return the names of all settings."""
    return [field.name for field in dataclasses.fields(Settings)]


def _text(value: float | bool) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}"


def _value(name: str, text: str, *, is_switch: bool) -> float | bool:
    if is_switch:
        if text not in ("on", "off"):
            raise SandboxError(f"{name} must be on or off, not {text!r}")
        return text == "on"
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise SandboxError(f"{name} must be a number, at least 0, not {text!r}")
    return value
