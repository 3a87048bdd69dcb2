"""Checks that a profile exists, so that a misspelt `--profile` on a terminal does not start another daemon."""

import os

from alienctl import ClientError
from alienctl.daemon.directories import configuration_home, state_home
from alienctl.invocation import Invocation
from alienctl.transport import own_directory

_EINVAL = 22
_ALWAYS = ("default", "sandbox")
_LARGEST = 1 << 20
"""Bytes of a configuration file."""


def check_typed(invocation: Invocation) -> None:
    """Raise ClientError (22) for a profile that was typed on a terminal and was never configured or used."""
    name = invocation.profile
    if not invocation.is_profile_typed or not any(map(os.isatty, (0, 1, 2))):
        return
    known = sorted({*_ALWAYS, *_used(invocation), *_configured(invocation)})
    if name not in known:
        raise ClientError(
            f"the profile {name} does not exist; use one of: {', '.join(known)}\n"
            f"or create it with `alienctl --profile {name} daemon start`",
            _EINVAL,
        )


def _used(invocation: Invocation) -> list[str]:
    """Return the profiles that have a state directory."""
    state = state_home(invocation)
    found = []
    for directory in (f"{state}/aliend", own_directory(f"/var/tmp/aliend-{os.getuid()}")):
        try:
            names = os.listdir(directory)
        except OSError:
            continue
        found += [name for name in names if os.path.exists(f"{directory}/{name}/lock")]
    return found


def _configured(invocation: Invocation) -> list[str]:
    """Return the profiles that have tables in the configuration file; none if it is unreadable."""
    import tomllib

    try:
        flags = os.O_RDONLY | os.O_NONBLOCK  # a FIFO does not block
        with open(os.open(f"{configuration_home(invocation)}/aliend/config.toml", flags), "rb") as file:
            profiles = tomllib.loads(file.read(_LARGEST).decode()).get("profile", {})
    except (OSError, ValueError, RecursionError):
        return []
    return list(profiles) if isinstance(profiles, dict) else []
