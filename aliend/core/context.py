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
class Context:
    """Everything that chooses a connection; equal contexts share one.

    `token` is preferred to `user` while it is valid for ten more minutes. `ca` is a file or a directory of CA
    certificates (empty: none was found). `server_name` is the name expected in the server's certificate where it is not
    the host. `site` and `role` are applied to each connection; empty: the service's choice.
    """

    endpoint: Endpoint = Endpoint()
    token: CredentialFiles = CredentialFiles()
    user: CredentialFiles = CredentialFiles()
    ca: str = ""
    server_name: str = ""
    role: str = ""
    site: str = ""
