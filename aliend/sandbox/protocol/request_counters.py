"""What was asked of the service, counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """Logins, commands by name, connections now and at most, since the start or the last `reset`."""

    logins: int = 0
    commands: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    most_connections: int = 0

    def opened(self) -> None:
        """A client logged in."""
        self.logins += 1
        self.connections += 1
        self.most_connections = max(self.most_connections, self.connections)

    def reset(self) -> None:
        """Begin again; the connections that are open stay counted."""
        self.logins = 0
        self.commands.clear()
        self.most_connections = self.connections

    def document(self) -> dict[str, object]:
        """All of it, for JSON."""
        return {
            "logins": self.logins,
            "commands": dict(sorted(self.commands.items())),
            "connections": {"now": self.connections, "most": self.most_connections},
        }
