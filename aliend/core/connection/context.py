"""A context: which central service, as whom, in which role, from which site. Each has its own connections."""

from __future__ import annotations

from dataclasses import dataclass, field

DEFAULT_HOST = "alice-jcentral.cern.ch"
DEFAULT_PORT = 8097


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a central service listens (`wss://host:port/websocket/json`)."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class CredentialFiles:
    """A certificate and its private key, as paths of PEM files or as PEM text; empty: none."""

    certificate: str = ""
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class DiscoverySettings:
    """How the service is found and kept.

    `jbox` is a JBox that was named, `jbox_file` the file in which one that runs here announces itself (empty: nobody
    looks). `tries` logins are made for one request, at least `interval` seconds apart. `family` is `ipv4`, `ipv6` or
    empty (any). Without `racing`, addresses are tried one after the other. `ping` is how long (seconds) a service may
    be silent before it is pinged, and how long it may take to answer that; `reply` how long it may take for a reply.
    """

    jbox: Endpoint | None = None
    jbox_file: str = ""
    tries: int = 3
    interval: float = 0.0
    family: str = ""
    racing: bool = True
    ping: float = 20.0
    reply: float = 120.0


@dataclass(frozen=True, slots=True)
class Context:
    """Everything that chooses a connection; equal contexts share one.

    `token` is preferred to `user` while it is valid for ten more minutes. `ca` is a file or a directory of CA
    certificates (empty: none was found). `server_name` is the name expected in the server's certificate where it is not
    the host. `site` and `role` are applied to each connection; empty: the service's choice. `job` and `master_job` are
    the numbers of the grid job that the caller is (empty: none).
    """

    endpoint: Endpoint = Endpoint()
    token: CredentialFiles = CredentialFiles()
    user: CredentialFiles = CredentialFiles()
    ca: str = ""
    server_name: str = ""
    role: str = ""
    site: str = ""
    finding: DiscoverySettings = DiscoverySettings()
    job: str = ""
    master_job: str = ""
    timing: bool = False
    """Whether the service tells how long each command took it."""
