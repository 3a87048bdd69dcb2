"""The facts that the client passes as one JSON document on standard input: its environment, and the daemon's state."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from aliend.core.doctor.daemon_checks import DaemonFacts, UnitFacts
from aliend.core.doctor.service_checks import ElementFacts, SessionFacts


@dataclass(frozen=True, slots=True)
class ClientFacts:
    """`environment` is the user's own. `status` is the document of `daemon status --json` (empty: no answer).

    `elements` are the storage elements in use (None: unknown), `daemons` the running profiles and whether each answers,
    `known_variables` the names that the documentation lists.
    """

    profile: str
    environment: dict[str, str]
    socket: str
    socket_error: str
    daemon: DaemonFacts
    record_host: str
    status: dict[str, Any]
    elements: tuple[ElementFacts, ...] | None
    daemons: tuple[tuple[str, bool], ...]
    unit: UnitFacts
    xrootd_version: str
    xrootd_error: str
    known_variables: tuple[str, ...]

    @property
    def sessions(self) -> list[SessionFacts]:
        """Return the daemon's sessions with central services."""
        names = ("endpoint", "subject", "user", "state", "problem", "points")
        return [SessionFacts(*(one[name] for name in names)) for one in self.status.get("central", [])]


def read(content: bytes) -> ClientFacts:
    """Return the facts in a document."""
    document = json.loads(content.decode("utf-8", "surrogateescape"))
    elements = document.pop("elements")
    daemon = DaemonFacts(**document.pop("daemon") | {"warnings": tuple(document["status"].get("warnings", ()))})
    return ClientFacts(
        **document
        | {
            "daemon": daemon,
            "unit": UnitFacts(**document.pop("unit")),
            "elements": None if elements is None else tuple(ElementFacts(**one) for one in elements),
            "daemons": tuple((name, answers) for name, answers in document["daemons"]),
            "known_variables": tuple(document["known_variables"]),
        }
    )
