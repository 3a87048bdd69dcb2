"""A context: the central service, the identity, the role and the site of a caller. Each has its own connections."""

from __future__ import annotations

from dataclasses import dataclass

from aliend.core.connection.pem import NO_FILE, PemSource

DEFAULT_HOST = "alice-jcentral.cern.ch"
DEFAULT_PORT = 8097


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of a central service (`wss://host:port/websocket/json`)."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class CredentialFiles:
    """Where a certificate and its private key are: PEM files or PEM text; a file without a name: none."""

    certificate: PemSource = NO_FILE
    key: PemSource = NO_FILE


@dataclass(frozen=True, slots=True)
class DiscoverySettings:
    """How to find the service and to keep the connection.

    `jbox` is a configured JBox, `jbox_file` the file in which a local JBox announces itself (empty: ignore local ones).
    A request makes up to `tries` logins, at least `interval` seconds apart. `family` is `ipv4`, `ipv6` or empty (any).
    Without `racing`, addresses are tried one after the other. `ping` is the time in seconds without data before a ping,
    and the time limit for its answer; `reply` is the time limit for a reply.
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
    """Everything that determines a connection; equal contexts share connections.

    `token` is preferred to `user` while it is valid for at least ten more minutes. `ca` is a file or a directory of CA
    certificates (empty: none was found). `ca_note` says why a named one is not used, `token_note` why the usual file of
    the token is not used. `server_name` is the name expected in the server's certificate, if it is not the host. `site`
    and `role` are set on each connection; empty: chosen by the service. `job` and `master_job` are the numbers of the
    grid job of the caller (empty: none).
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
    """Whether the service reports the time of each command."""
    ca_note: str = ""
    token_note: str = ""
