"""`aliend --check`: checks whether a daemon could start with the present configuration and database."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aliend.config import Settings, configured_profiles, load
from aliend.errors import AliendError, ConfigurationError
from aliend.store.schema import check_schema


def problems(profile: str, environment: Mapping[str, str], *, others: bool, database: bool = True) -> list[str]:
    """Return the reasons why a daemon of the profile could not start. Changes nothing.

    With `others`, also return the mistakes in the tables of other profiles; without `database`, do not look at it.
    """
    try:
        settings = load(profile, environment)
        if profile != "sandbox":  # its daemon may start before the sandbox grid
            settings.context()
        _ = settings.executor  # raises what the daemon's start would raise
        _check_authorities(settings)
        if database:
            check_schema(Path(settings.state_directory) / "aliend.db")
        names = configured_profiles(environment) if others else []
    except AliendError as error:
        return [str(error)]
    return [text for name in names if name != profile and (text := _problem(name, environment))]


def _problem(profile: str, environment: Mapping[str, str]) -> str:
    try:
        load(profile, environment)
    except ConfigurationError as error:
        return str(error)
    return ""


def _check_authorities(settings: Settings) -> None:
    """Raise ConfigurationError if the file or directory of `[tls] ca` does not exist."""
    authorities = settings.values.get("tls", {}).get("ca", "")
    if authorities and not Path(authorities).expanduser().exists():
        raise ConfigurationError(f"[tls] ca: {authorities} does not exist")
