"""The certificate authorities of the grid: fetched from their git repository and put into place as a whole."""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from cryptography import x509

from aliend.core.connection.ca_hash import subject_hash
from aliend.errors import ConfigurationError, NotConnected, UsageError

SOURCE = "https://github.com/alisw/alien-cas.git"
DIRECTORY = "certificates"
_TIMEOUT = 60.0
_PROTOCOLS = "https:file"
"""What git may speak: others are not authenticated (`http`) or run programs (`ext::`)."""
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


async def install(parent: Path, source: str, environment: Mapping[str, str], umask: int) -> int:
    """Fetch the authorities from the git repository `source` into `parent/certificates`; how many there are.

    What was there before is replaced in one step, after everything new is complete, and stays where anything fails.
    `umask` is that of the user. Raises ConfigurationError (no git, no writable directory, nothing sensible in the
    repository), UsageError for a source that git may not use, NotConnected where it cannot be fetched.
    """
    if source.startswith("-") or "::" in source:
        raise UsageError(f"getCAcerts: {source!r} is no address of a git repository")
    try:
        work = await asyncio.to_thread(_workplace, parent)
    except OSError as error:
        raise ConfigurationError(f"{parent} cannot be written: {error.strerror}") from error
    try:
        await _clone(source, work / "repository", environment)
        count = await asyncio.to_thread(_collect, work / "repository", work / DIRECTORY, umask)
        if not count:
            raise ConfigurationError(f"there are no certificates in the directories of {source}; nothing was changed")
        await asyncio.to_thread(_exchange, work / DIRECTORY, parent / DIRECTORY)
    except OSError as error:
        raise ConfigurationError(f"{error.filename or parent} cannot be written: {error.strerror}") from error
    finally:
        await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)
    return count


def _workplace(parent: Path) -> Path:
    parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=".alien-cas.", dir=parent))


async def _clone(source: str, target: Path, environment: Mapping[str, str]) -> None:
    variables = {**environment, "GIT_ALLOW_PROTOCOL": _PROTOCOLS, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    git = shutil.which("git", path=environment.get("PATH", os.defpath))
    if git is None:
        raise ConfigurationError("getCAcerts needs the program git, which is not installed (or not in PATH)")
    words = ("-c", "core.hooksPath=/dev/null", "clone", "--quiet", "--depth", "1", "--", source, str(target))
    process = await asyncio.create_subprocess_exec(
        git,
        *words,
        env=variables,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_TIMEOUT):
            _, said = await process.communicate()
    except TimeoutError as error:
        raise NotConnected(f"{source} could not be fetched within {_TIMEOUT:.0f} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        reason = said.decode("utf-8", "replace").strip().splitlines()
        raise NotConnected(f"{source} could not be fetched: {reason[-1] if reason else 'git says nothing'}")


def _collect(repository: Path, target: Path, umask: int) -> int:
    """Copy what is in the repository's directories, each file once, and give every certificate its hashed name."""
    target.mkdir()
    target.chmod(0o777 & ~umask)
    count = 0
    hashes: dict[str, int] = {}
    for file in sorted(repository.glob("*/*")):
        if file.parent.name.startswith(".") or file.is_symlink() or not file.is_file():
            continue
        copied = target / file.name
        copied.write_bytes(file.read_bytes())
        copied.chmod(0o666 & ~umask)
        if file.suffix in (".pem", ".crt") and (name := _hash_of(copied)):
            number = hashes.get(name, 0)
            hashes[name] = number + 1
            link = target / f"{name}.{number}"
            link.unlink(missing_ok=True)
            link.symlink_to(file.name)
            count += 1
    return count


def _hash_of(file: Path) -> str:
    try:
        return subject_hash(x509.load_pem_x509_certificate(file.read_bytes()).subject.public_bytes())
    except ValueError:
        return ""


def _exchange(new: Path, old: Path) -> None:
    """Put `new` into the place of `old` in one step where the system can; `old` is then at `new`."""
    try:
        new.rename(old)
    except OSError:
        if not old.is_dir() and not old.is_symlink():
            raise
    else:
        return
    aside = new.with_name("old")
    with suppress(AttributeError):
        rename = ctypes.CDLL(None, use_errno=True).renameat2
        if rename(_AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(old), _RENAME_EXCHANGE) == 0:
            return
    old.rename(aside)
    try:
        new.rename(old)
    except OSError:
        aside.rename(old)
        raise
