"""Variables of the environment that switch something on."""

from __future__ import annotations

from collections.abc import Mapping

_OFF = frozenset({"", "0", "no", "off", "false"})


def is_on(environment: Mapping[str, str], name: str) -> bool:
    """Whether `name` is set to anything but 0, no, off, false or nothing."""
    return environment.get(name, "").strip().lower() not in _OFF
