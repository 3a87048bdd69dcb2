"""Writes the archive of `alienctl bug-report`: what a supporter needs, without secrets, readable by its owner only."""

from __future__ import annotations

import io
import json
import os
import platform
import sys
import tarfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from aliend import CONTRACT, VERSION
from aliend.config import Settings, configuration_file
from aliend.core.doctor.finding import Finding, document, text, worst_first
from aliend.core.doctor.redaction import redacted, redacted_configuration, redacted_lines, shown_variables
from aliend.doctor.client_facts import ClientFacts
from aliend.errors import ConfigurationError, StoreError
from aliend.store.inspection import Inspection, inspected

_LOG_BYTES = 1 << 20
"""Bytes of the end of the log."""
_CONFIGURATION_BYTES = 1 << 18
_DATABASE_LIMIT = 8.0
_DIRECTORY = "aliend-bug-report"
_README = """\
doctor.txt          what `alienctl doctor` found, problems first; doctor.json has the same, in the order of the checks
status.json         the daemon's state, as `alienctl daemon status --json`; without an answer: the reason
jobs.json           the last 20 jobs and the last 20 unfinished ones; times in POSIX milliseconds, 0: not yet
database.json       schema version, rows of each table, jobs and transfers by state, reasons of failures
log.txt             the end of the daemon's log
versions.json       versions of client, daemon, libraries and system, and the time of the report
configuration.toml  the configuration file; missing if none exists and the defaults apply
environment.json    the caller's variables, not the daemon's: those of ALICE, X.509, XRootD, XDG, LD and Python, locale,
                    and paths; others are left out, and a variable that may hold a secret is only `(set)`
Keys, tokens, envelopes, passphrases and comments of the configuration are `(removed)`; subjects of certificates, names
of files and hosts are not.
"""


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
        "README.txt": _README,
        "doctor.txt": redacted(text(worst_first(findings))),
        "doctor.json": _json(document(findings)),
        "status.json": _json(client.status or _silent(client)),
        "versions.json": _json(_versions(client)),
        "environment.json": _json(shown_variables(client.environment)),
    }
    configuration = configuration_file(client.environment)
    if configuration.exists():
        contents["configuration.toml"] = redacted_configuration(_end_of(configuration, _CONFIGURATION_BYTES))
    if settings:
        database = Path(settings.state_directory) / "aliend.db"
        contents["log.txt"] = redacted_lines(_end_of(Path(settings.log_file), _LOG_BYTES))
        contents["jobs.json"] = _json(_inspected(database, Inspection.jobs))
        contents["database.json"] = _json(_inspected(database, Inspection.summary))
    return contents


def _silent(client: ClientFacts) -> dict[str, object]:
    """Return the status of a daemon that does not answer, or that does not run."""
    facts = client.daemon
    pid = {"pid": facts.pid} if facts.holds_lock else {}
    return {"running": facts.holds_lock, **pid, "reason": facts.error or facts.silence}


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


def _inspected(path: Path, read: Callable[[Inspection], object]) -> object:
    if not path.exists():
        return {"problem": "not created yet"}
    try:
        with inspected(path, _DATABASE_LIMIT) as inspection:
            return read(inspection)
    except StoreError as error:
        return {"problem": str(error)}
