"""Variables of the environment that switch something on.

The XRootD variables of a caller, as a job keeps them. Pure.

Those that name code to load are left out: a copying process runs no program or library that a call names.
"""

from __future__ import annotations

from collections.abc import Mapping

_OFF = frozenset({"", "0", "no", "off", "false"})


def is_on(environment: Mapping[str, str], name: str) -> bool:
    """Whether `name` is set to anything but 0, no, off, false or nothing."""
    return environment.get(name, "").strip().lower() not in _OFF


Settings = tuple[tuple[str, str], ...]
"""Variables and their values, by name."""

_CODE = ("XRD_PLUGIN",)


def xrootd_settings(environment: Mapping[str, str]) -> Settings:
    """The variables `XRD_*` of an environment."""
    chosen = {
        name: value for name, value in environment.items() if name.startswith("XRD_") and not name.startswith(_CODE)
    }
    return tuple(sorted(chosen.items()))
