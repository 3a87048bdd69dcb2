"""Collects the facts of this machine, of the user's environment, and of the daemon's process."""

from __future__ import annotations

import importlib
import os
import resource
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from aliend.config import file_system_of, is_shared
from aliend.core.doctor import daemon_checks, service_checks
from aliend.core.doctor import machine_checks as checks
from aliend.core.doctor.finding import Finding
from aliend.credential_locations import home_of
from aliend.doctor.client_facts import ClientFacts
from aliend.doctor.groups import Group

_LIBRARIES = {
    "cryptography": "cryptography",
    "grpcio": "grpc",
    "httpx": "httpx",
    "protobuf": "google.protobuf",
    "uvloop": "uvloop",
    "websockets": "websockets",
}
"""Distributions, and the modules that are imported from them."""
_FOREIGN = ("libXrdCl.so", "libXrdUtils.so", "libcrypto.so", "libpython3", "libssl.so", "libstdc++.so")


def groups(client: ClientFacts, directory: str) -> list[Group]:
    """Return the checks of this machine; `directory` is the state directory."""
    return [
        Group(("socket", "daemon", "lock", "version", "daemon-warnings"), lambda: list(_daemon(client, directory))),
        Group(("daemons", "unit", "storage-elements"), lambda: list(_daemons(client))),
        Group(("home", "runtime-directory"), lambda: list(_directories(client))),
        Group(("open-files", "file-size", "umask"), lambda: list(_limits())),
        Group(("xrootd", "libraries"), lambda: list(_libraries(client))),
        Group(("variables", "proxies", "library-path", "python-variables"), lambda: list(_variables(client))),
    ]


def _daemon(client: ClientFacts, directory: str) -> Iterator[Finding]:
    facts = client.daemon
    yield daemon_checks.socket(client.socket, client.socket_error)
    yield daemon_checks.daemon(facts, client.socket_error)
    yield daemon_checks.lock(directory, client.record_host, facts, os.uname().nodename)
    yield daemon_checks.version(facts)
    yield daemon_checks.warnings(facts)


def _daemons(client: ClientFacts) -> Iterator[Finding]:
    yield daemon_checks.daemons(client.daemons, client.profile)
    yield daemon_checks.unit(client.unit)
    yield service_checks.storage_elements(client.elements, client.daemon.silence or "the daemon does not answer")


def _directories(client: ClientFacts) -> Iterator[Finding]:
    home = home_of(client.environment)
    kind = file_system_of(Path(home))
    yield checks.home(home, is_writable=os.access(home, os.W_OK), file_system=kind if is_shared(kind) else "")
    value = client.environment.get("XDG_RUNTIME_DIR", "")
    path = Path(value)
    is_usable = path.is_absolute() and path.is_dir() and path.stat().st_uid == os.getuid()
    yield checks.runtime_directory(value, is_usable=is_usable, socket=client.socket, uid=os.getuid())


def _limits() -> Iterator[Finding]:
    yield checks.open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    yield checks.file_size(resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    mask = os.umask(0o077)
    os.umask(mask)
    yield checks.umask(mask)


def _libraries(client: ClientFacts) -> Iterator[Finding]:
    yield checks.xrootd(client.xrootd_version, client.xrootd_error)
    missing, versions = [], {}
    for name, module in _LIBRARIES.items():
        try:
            importlib.import_module(module)
            versions[name] = metadata.version(name)
        except ImportError as error:
            missing.append(f"{name}: {error}")
    yield checks.libraries(missing, versions)


def _variables(client: ClientFacts) -> Iterator[Finding]:
    environment = client.environment
    names = [name for name in environment if name.startswith(("ALIEN", "JALIEN", "X509_"))]
    yield checks.variables(names, client.known_variables)
    yield service_checks.proxies({name: value for name, value in environment.items() if value})
    own = [name for name in _paths(environment.get("ALIEND_LIBRARY_PATH", "")) if not Path(name).is_dir()]
    foreign = sorted({name for path in _paths(environment.get("LD_LIBRARY_PATH", "")) for name in _libraries_in(path)})
    yield checks.library_path(own, environment.get("LD_PRELOAD", ""), foreign)
    yield checks.python_variables([name for name in environment if name.startswith("PYTHON")])


def _paths(value: str) -> list[str]:
    return [name for name in value.split(":") if name]


def _libraries_in(directory: str) -> list[str]:
    try:
        return [name for name in os.listdir(directory) if name.startswith(_FOREIGN)]  # noqa: PTH208 (raises at once)
    except OSError:
        return []
