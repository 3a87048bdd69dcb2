"""Tells systemd how the daemon is (sd_notify(3)): a datagram to the socket named by NOTIFY_SOCKET."""

from __future__ import annotations

import socket
from collections.abc import Mapping


class Notifier:
    """Sends states to the service manager; does nothing where there is none."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        name = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        watchdog = environment.get("WATCHDOG_USEC", "")
        self.watchdog_interval = int(watchdog) / 2e6 if watchdog.isdigit() and self._address else 0.0
        """Seconds between two signs of life; 0: none are asked for."""

    def send(self, state: str) -> None:
        """Send one state, for example `READY=1`. A manager that is gone is no error of ours."""
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            try:
                channel.sendto(state.encode(), self._address)
            except OSError:
                return
