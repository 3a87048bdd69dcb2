"""The connection of a Dask worker, which has neither credentials nor a daemon.

Entries of the catalogue come from the process that serves tickets, see `alienctl.api.cluster`. Contents come from a
reader, a process beside this one that requests tickets there and reads from the storage elements: this process sees
no ticket. It gives the reader the certificate of the Dask worker, or what Dask's configuration names.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from typing import Any
from urllib.parse import unquote, urlsplit

import grpc

from alienctl.api.cluster import certificate_text, is_served_here
from alienctl.api.connection import Connection
from alienctl.api.errors import ErrorFacts, NoDaemonError
from alienctl.api.services import Services
from alienctl.local import interpreter
from aliend.v1 import contents_pb2_grpc

_LONGEST_SOCKET = 100
"""Bytes of a socket's path that every system accepts."""
_NO_CERTIFICATE = (
    "this process has no certificate of the cluster: it is not a Dask worker, and "
    "Dask's configuration (distributed.comm.tls) names none"
)


def connection_to(profile: str, cluster: str) -> Connection | ClusterConnection:
    """Return the connection to the daemon, or to the cluster's server of tickets unless this process serves them."""
    return ClusterConnection(cluster) if cluster and not is_served_here(cluster) else Connection(profile)


class ClusterConnection:
    """The services that a worker can use: the catalogue to read, and the contents of files."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._place, self._name = parts.netloc, unquote(parts.path.lstrip("/"))
        self._lock = threading.Lock()
        self._services: Services | None = None
        self._reader: subprocess.Popen[str] | None = None

    def services(self) -> Services:
        """Return the services; start the reader if none runs. Raises NoDaemonError."""
        with self._lock:
            if not self._services or not self._reader or self._reader.poll() is not None:
                self._services = self._connect()
            return self._services

    def forget(self, lost: Services) -> None:
        """Connect again at the next use, unless another thread has done so already."""
        with self._lock:
            if self._services is lost:
                self._services = None

    def _connect(self) -> Services:
        ca, cert, key = (certificate_text(one) for one in _certificate_files())
        options = (("grpc.ssl_target_name_override", self._name), ("grpc.enable_http_proxy", 0))
        credentials = grpc.ssl_channel_credentials(ca, key, cert)
        services = Services(grpc.secure_channel(self._place, credentials, options=options))
        settings = {
            "address": self._place,
            "name": self._name,
            "socket": _socket_path(),
            **{name: value.decode() for name, value in (("ca", ca), ("cert", cert), ("key", key))},
        }
        if self._reader:
            _end(self._reader)
        self._reader = _start(settings)
        reading = grpc.insecure_channel(f"unix:{settings['socket']}", options=(("grpc.enable_http_proxy", 0),))
        services.contents = contents_pb2_grpc.ContentsServiceStub(reading)
        return services


def _start(settings: dict[str, str]) -> subprocess.Popen[str]:
    """Start a reader, which ends with this process. Raises NoDaemonError."""
    reader = subprocess.Popen(
        interpreter.command("aliend.reader"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=interpreter.clean(os.environb),
        text=True,
        start_new_session=True,
    )
    assert reader.stdin
    assert reader.stdout
    reader.stdin.write(json.dumps(settings) + "\n")
    reader.stdin.flush()
    if not reader.stdout.readline():
        _end(reader)
        text = f"the reader of this worker ended with code {reader.wait()} at its start"
        raise NoDaemonError(text, ErrorFacts(reason="NO_DAEMON"))
    return reader


def _end(reader: subprocess.Popen[str]) -> None:
    reader.kill()
    reader.communicate()


def _socket_path() -> str:
    """Return the path of a socket in a new directory that only this user can enter."""
    directory = tempfile.mkdtemp(prefix="alien-")
    if len(os.fsencode(directory)) > _LONGEST_SOCKET - len("/reader"):
        os.rmdir(directory)
        directory = tempfile.mkdtemp(prefix="alien-", dir="/tmp")
    return f"{directory}/reader"


def _certificate_files() -> tuple[str, str, str]:
    """Return authority, certificate and key of the Dask worker, each as a file or as text. Raises NoDaemonError."""
    worker: Any = sys.modules.get("distributed.worker")
    for one in tuple(worker.Worker._instances) if worker else ():
        if found := _complete(one.security, "tls_ca_file", "tls_worker_cert", "tls_worker_key"):
            return found
    if dask := sys.modules.get("dask.config"):
        names = ("ca-file", "worker.cert", "worker.key")
        named = {name: dask.get(f"distributed.comm.tls.{name}", None) for name in names}
        if (ca := named["ca-file"]) and (cert := named["worker.cert"]):
            return str(ca), str(cert), str(named["worker.key"] or cert)
    raise NoDaemonError(_NO_CERTIFICATE, ErrorFacts(reason="NO_DAEMON"))


def _complete(security: Any, ca: str, cert: str, key: str) -> tuple[str, str, str] | None:
    texts = [getattr(security, name, None) for name in (ca, cert, key)]
    return (texts[0], texts[1], texts[2] or texts[1]) if texts[0] and texts[1] else None
