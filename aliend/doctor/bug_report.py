"""Writes the archive of `alienctl bug-report`: what a supporter needs, without secrets, readable by its owner only."""

from __future__ import annotations

import io
import json
import os
import platform
import sys
import tarfile
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from aliend import CONTRACT, VERSION
from aliend.config import Settings, configuration_file
from aliend.core.doctor.finding import Finding, document, text
from aliend.core.doctor.redaction import redacted, redacted_configuration, redacted_lines, shown_variables
from aliend.doctor.client_facts import ClientFacts
from aliend.errors import ConfigurationError, StoreError
from aliend.store.inspection import inspected

_LOG_BYTES = 1 << 20
"""Bytes of the end of the log."""
_CONFIGURATION_BYTES = 1 << 18
_LIMIT = 8.0
_DIRECTORY = "aliend-bug-report"


def write(path: Path, client: ClientFacts, settings: Settings | None, findings: Sequence[Finding]) -> list[str]:
    """Create the archive and return the names of its files. Raises ConfigurationError if it cannot be created."""
    contents = _contents(client, settings, findings)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise ConfigurationError(f"{path} exists, and is not replaced; name another file with -o FILE") from None
    except OSError as error:
        raise ConfigurationError(f"cannot create {path}: {error.strerror}; name another file with -o FILE") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_archive(contents))
    except OSError as error:
        path.unlink()  # a part of an archive helps nobody
        raise ConfigurationError(f"cannot write {path}: {error.strerror}; name another file with -o FILE") from error
    return list(contents)


def _archive(contents: dict[str, str]) -> bytes:
    buffer, now = io.BytesIO(), int(time.time())
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in contents.items():
            data = content.encode("utf-8", "backslashreplace")
            member = tarfile.TarInfo(f"{_DIRECTORY}/{name}")
            member.size, member.mtime, member.mode = len(data), now, 0o600
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def _contents(client: ClientFacts, settings: Settings | None, findings: Sequence[Finding]) -> dict[str, str]:
    contents = {
        "doctor.txt": redacted(text(findings)),
        "doctor.json": _json(document(findings)),
        "status.json": _json(client.status or {"running": client.daemon.holds_lock, "reason": client.daemon.error}),
        "versions.json": _json(_versions(client)),
        "environment.json": _json(shown_variables(client.environment)),
        "configuration.toml": redacted_configuration(
            _end_of(configuration_file(client.environment), _CONFIGURATION_BYTES)
        ),
    }
    if settings:
        contents["log.txt"] = redacted_lines(_end_of(Path(settings.log_file), _LOG_BYTES))
        contents["database.json"] = _json(_database(Path(settings.state_directory) / "aliend.db"))
    return contents


def _json(value: object) -> str:
    return json.dumps(_cleaned(value), indent=1)


def _cleaned(value: object) -> object:
    """Return a document with the secrets in its texts removed."""
    if isinstance(value, dict):
        return {redacted(str(name)): _cleaned(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(one) for one in value]
    return redacted(value) if isinstance(value, str) else value


def _versions(client: ClientFacts) -> dict[str, object]:
    packages = ("aliend", "xrootd", "grpcio", "protobuf", "websockets", "cryptography", "uvloop")
    found = {}
    for name in packages:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    system = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    return {
        "client": client.daemon.client,
        "daemon": client.daemon.version,
        "aliend": VERSION,
        "contract": CONTRACT,
        "python": sys.version,
        "kernel": platform.release(),
        "system": system.get("PRETTY_NAME", ""),
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "packages": found,
    }


def _end_of(path: Path, limit: int) -> str:
    """Return the end of a file from a line's beginning, or why it cannot be read."""
    try:
        if not path.is_file():
            return "" if not path.exists() else f"{path} is not a regular file"
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - limit))
            if size > limit:
                file.readline()
            return file.read(limit).decode("utf-8", "backslashreplace")
    except OSError as error:
        return f"cannot read {path}: {error.strerror}"


def _database(path: Path) -> dict[str, object]:
    if not path.exists():
        return {"problem": "not created yet"}
    try:
        with inspected(path, _LIMIT) as inspection:
            return inspection.summary()
    except StoreError as error:
        return {"problem": str(error)}
