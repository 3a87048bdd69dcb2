"""The user's base directories (XDG base directory specification), as the daemon sees them, and systemd's units."""

import os

from alienctl.invocation import Invocation


def configuration_home(invocation: Invocation) -> str:
    """Return `$XDG_CONFIG_HOME`, by default `~/.config`."""
    return _base(invocation, b"XDG_CONFIG_HOME", ".config")


def state_home(invocation: Invocation) -> str:
    """Return `$XDG_STATE_HOME`, by default `~/.local/state`."""
    return _base(invocation, b"XDG_STATE_HOME", ".local/state")


def unit_of(profile: str) -> str:
    """Return the systemd unit that runs the daemon of a profile."""
    return "aliend.service" if profile == "default" else f"aliend@{profile}.service"


def link_of(invocation: Invocation) -> str:
    """Return the link that `systemctl enable` creates for this profile."""
    wants = f"{configuration_home(invocation)}/systemd/user/default.target.wants"
    return f"{wants}/{unit_of(invocation.profile)}"


def _base(invocation: Invocation, variable: bytes, usual: str) -> str:
    home = os.fsdecode(invocation.environment.get(b"HOME", b"")) or os.path.expanduser("~")
    return os.fsdecode(invocation.environment.get(variable, b"")) or f"{home}/{usual}"
