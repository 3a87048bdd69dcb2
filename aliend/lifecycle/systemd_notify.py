"""Notifies systemd of the daemon's state (sd_notify(3)) by datagrams to NOTIFY_SOCKET."""

from __future__ import annotations

import socket
from collections.abc import Mapping


class Notifier:
    """Sends states to the service manager; does nothing without one."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        name = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        watchdog = environment.get("WATCHDOG_USEC", "")
        self.watchdog_interval = int(watchdog) / 2e6 if watchdog.isdigit() and self._address else 0.0
        """Seconds between two watchdog messages; 0: none are required."""

    def send(self, state: str) -> None:
        """Send one state, for example `READY=1`; ignore a missing service manager."""
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            try:
                channel.sendto(state.encode(), self._address)
            except OSError:
                return
