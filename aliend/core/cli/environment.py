"""Environment variables: switches, and the XRootD variables of a caller that a job stores. Pure.

XRootD variables that name code to load are excluded: a worker process loads no library that a caller names.
"""

from __future__ import annotations

from collections.abc import Mapping

_OFF = frozenset({"", "0", "no", "off", "false"})


def is_on(environment: Mapping[str, str], name: str) -> bool:
    """Return whether `name` is set, and not to 0, no, off, false or an empty text."""
    return environment.get(name, "").strip().lower() not in _OFF


Settings = tuple[tuple[str, str], ...]
"""Variables and their values, sorted by name."""

_CODE = ("XRD_PLUGIN",)


def xrootd_settings(environment: Mapping[str, str]) -> Settings:
    """Return the variables `XRD_*` of an environment."""
    chosen = {
        name: value for name, value in environment.items() if name.startswith("XRD_") and not name.startswith(_CODE)
    }
    return tuple(sorted(chosen.items()))
