"""The XRootD variables of a caller, as a job keeps them. Pure.

Those that name code to load are left out: a copying process runs no program or library that a call names.
"""

from __future__ import annotations

from collections.abc import Mapping

Settings = tuple[tuple[str, str], ...]
"""Variables and their values, by name."""

_CODE = ("XRD_PLUGIN",)


def settings_of(environment: Mapping[str, str]) -> Settings:
    """The variables `XRD_*` of an environment."""
    chosen = {
        name: value for name, value in environment.items() if name.startswith("XRD_") and not name.startswith(_CODE)
    }
    return tuple(sorted(chosen.items()))
