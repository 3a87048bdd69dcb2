"""Storage and computing elements as the service lists them: lookup by label, and their output lines. Pure.

Lines and widths are those of alien.py, which scripts parse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aliend.core.protocol.replies import Result


@dataclass(frozen=True, slots=True)
class ListedStorageElement:
    """A storage element: `number`, `name` (`ALICE::CERN::EOS`), `server` (`host:port`), `qos` (`disk`), all `facts`."""

    number: str
    name: str
    server: str
    qos: str
    facts: Result

    def matches(self, label: str) -> bool:
        """Return whether the label is the number, or a part of name or server, ignoring case."""
        if label.isdecimal():
            return self.number == label
        return label.lower() in self.name.lower() or label.lower() in self.server.lower()


def storage_elements(results: Sequence[Result]) -> list[ListedStorageElement]:
    """Return the storage elements of a reply to `listSEs`."""
    return [
        ListedStorageElement(
            number=str(result.get("seNumber", "")),
            name=str(result["seName"]),
            server=server_of(str(result.get("endpointUrl", ""))),
            qos=str(result.get("qos", "")),
            facts=result,
        )
        for result in results
        if result.get("seName")
    ]


def server_of(url: str) -> str:
    """Return `host:port` of a URL, or of a name without a scheme."""
    return url.rpartition("://")[2].partition("/")[0].rpartition("@")[2]


def line_of(element: ListedStorageElement) -> str:
    """Return the line with number, name and server."""
    return f"{element.number:<6}{name_and_server(element)}"


def name_and_server(element: ListedStorageElement) -> str:
    """Return the line with name and server."""
    return f"{element.name:<32}{element.server}"


@dataclass(frozen=True, slots=True)
class ListedComputingElement:
    """A computing element; every value as listed, the name without `ALICE::`."""

    name: str
    host: str
    status: str
    type: str
    running: str
    queued: str
    ttl: str
    partitions: str
    facts: Result

    def __str__(self) -> str:
        return (
            f"{self.name:<28}{self.host:<50}{self.status:<8}{self.type:<10}"
            f"{self.running:<6}{self.queued:<6}{self.ttl:<10}{self.partitions}"
        ).rstrip()

    def matches(self, name: str, host: str, partition: str) -> bool:
        """Return whether each text is part of its field, ignoring case; an empty text matches all."""
        asked = ((name, self.name), (host, self.host), (partition, self.partitions))
        return all(wanted.lower() in value.lower() for wanted, value in asked)


HEADER = ListedComputingElement("Name", "Host", "State", "Type", "R", "W", "TTL", "Partitions", {})


def computing_elements(results: Sequence[Result]) -> list[ListedComputingElement]:
    """Return the computing elements of a reply to `listCEs`."""
    return [
        ListedComputingElement(
            name=str(result["ceName"]).replace("ALICE::", ""),
            facts=result,
            **{
                key: str(result.get(listed, "")).strip()
                for key, listed in (
                    ("host", "host"),
                    ("status", "status"),
                    ("type", "type"),
                    ("running", "maxRunning"),
                    ("queued", "maxQueued"),
                    ("ttl", "TTL"),
                    ("partitions", "partitions"),
                )
            },
        )
        for result in results
        if result.get("ceName")
    ]
