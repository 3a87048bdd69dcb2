"""Installs all certificate authorities of the grid: from their git repository, or those that ship with aliend."""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aliend
from aliend.core.connection import pem
from aliend.core.connection.ca_hash import certificate_hash
from aliend.errors import ConfigurationError, NotConnected, UsageError

SOURCE = "https://github.com/alisw/alien-cas.git"
DIRECTORY = "certificates"
_TIMEOUT = 60.0
_PROTOCOLS = "https:file"
"""Protocols that git may use; others are not authenticated (`http`) or run programs (`ext::`)."""
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@dataclass(frozen=True, slots=True)
class Installed:
    """The number of installed authorities; `note` explains why they are not from the repository (empty: they are)."""

    count: int
    note: str = ""


async def install(parent: Path, source: str, environment: Mapping[str, str], umask: int) -> Installed:
    """Install the authorities into `parent/certificates`: from the git repository `source` (empty: the default one).

    If the default repository is unreachable, the authorities that ship with aliend are installed. Previous content is
    replaced in one step after the new content is complete, and stays if anything fails. `umask` is that of the user.
    Raises ConfigurationError (no git, no writable directory, no certificates in the repository), UsageError for a
    source that git may not use, NotConnected if fetching fails.
    """
    if source.startswith("-") or "::" in source:
        raise UsageError(f"getCAcerts: {source!r} is not the URL of a git repository")
    try:
        work = await asyncio.to_thread(_workplace, parent)
    except OSError as error:
        raise ConfigurationError(f"cannot write to {parent}: {error.strerror}") from error
    try:
        installed = await _prepare(work, source, environment, umask)
        await asyncio.to_thread(_exchange, work / DIRECTORY, parent / DIRECTORY)
    except OSError as error:
        raise ConfigurationError(f"cannot write {error.filename or parent}: {error.strerror}") from error
    finally:
        await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)
    return installed


async def _prepare(work: Path, source: str, environment: Mapping[str, str], umask: int) -> Installed:
    """Create the new directory in `work`."""
    target = work / DIRECTORY
    try:
        await _clone(source or SOURCE, work / "repository", environment)
        return Installed(await asyncio.to_thread(_collect, work / "repository", target, source or SOURCE, umask))
    except (ConfigurationError, NotConnected) as error:
        if source:
            raise
        note = f"{error}; installed the authorities that ship with aliend instead"
        return Installed(await asyncio.to_thread(_unpack, target, umask), note)


def _workplace(parent: Path) -> Path:
    parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=".alien-cas.", dir=parent))


async def _clone(source: str, target: Path, environment: Mapping[str, str]) -> None:
    variables = {**environment, "GIT_ALLOW_PROTOCOL": _PROTOCOLS, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    git = shutil.which("git", path=environment.get("PATH", os.defpath))
    if git is None:
        raise ConfigurationError("getCAcerts needs the program git, which is not installed (or not in PATH)")
    options = ("-c", "core.hooksPath=/dev/null", "clone", "--quiet", "--depth", "1", "--", source, str(target))
    process = await asyncio.create_subprocess_exec(
        git,
        *options,
        env=variables,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_TIMEOUT):
            _, said = await process.communicate()
    except TimeoutError as error:
        raise NotConnected(f"cannot fetch {source} within {_TIMEOUT:.0f} s; try again later") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        reason = said.decode("utf-8", "replace").strip().splitlines()
        raise NotConnected(f"cannot fetch {source}: {reason[-1] if reason else 'git printed no reason'}")


def _collect(repository: Path, target: Path, source: str, umask: int) -> int:
    """Copy the files of the repository's directories, each once, and give every certificate its hashed name."""
    for file in sorted(repository.glob("*/*")):
        if file.parent.name.startswith(".") or file.is_symlink() or not file.is_file():
            continue
        _write(target, file.name, file.read_bytes(), umask)
    count = _add_hashed_names(target) if target.is_dir() else 0
    if not count:
        raise ConfigurationError(f"{source} contains no certificates; nothing was changed")
    return count


def _unpack(target: Path, umask: int) -> int:
    """Write each certificate of our own bundle to a file."""
    shutil.rmtree(target, ignore_errors=True)
    for name, text in bundle().items():
        _write(target, f"{name}.pem", text.encode("ascii"), umask)
    return _add_hashed_names(target)


def bundle() -> dict[str, str]:
    """Return the authorities that ship with aliend as PEM text, by their names. Raises OSError. Blocks."""
    text = (Path(aliend.__file__).parent / "authorities" / "igtf.pem").read_text(encoding="ascii")
    parts = (part.partition("\n") for part in text.split("\n# ")[1:])
    return {name: certificate for name, _, certificate in parts}


def _write(target: Path, name: str, content: bytes, umask: int) -> None:
    if not target.is_dir():
        target.mkdir()
        target.chmod(0o777 & ~umask)
    file = target / name
    file.write_bytes(content)
    file.chmod(0o666 & ~umask)


def _add_hashed_names(target: Path) -> int:
    """Link each certificate under the name that OpenSSL looks for; return their number."""
    hashes: dict[str, int] = {}
    for file in sorted(target.iterdir()):
        if file.suffix in (".pem", ".crt") and (name := _hash_of(file)):
            number = hashes.get(name, 0)
            hashes[name] = number + 1
            link = target / f"{name}.{number}"
            link.unlink(missing_ok=True)
            link.symlink_to(file.name)
    return sum(hashes.values())


def _hash_of(file: Path) -> str:
    try:
        return certificate_hash(pem.certificates(pem.decode(file.read_bytes()))[0].content)
    except ValueError:
        return ""


def _exchange(new: Path, old: Path) -> None:
    """Exchange `new` and `old` in one step if the file system supports it."""
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
