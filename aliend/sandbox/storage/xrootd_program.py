"""Finds the `xrootd` program for the storage elements, whoever installed it.

Searches PATH, the experiment's software on CVMFS, the packages that `up --fetch` unpacked, and conda
environments.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aliend.sandbox.errors import SandboxError
from aliend.sandbox.layout import Layout
from aliend.sandbox.storage import xrootd_packages

CVMFS = Path("/cvmfs/alice.cern.ch")
_VERSION_TIMEOUT = 20.0
_CONDA = "conda create -n xrootd -c conda-forge xrootd"
_INSTALL = {
    "debian": "sudo apt install xrootd-server xrootd-client",
    "rhel": "sudo dnf install epel-release && sudo dnf install xrootd-server xrootd-client",
    "fedora": "sudo dnf install xrootd-server xrootd-client",
}
"""The commands that install XRootD, by the `ID` or `ID_LIKE` of os-release(5)."""


@dataclass(frozen=True, slots=True)
class XRootD:
    """An installation: server, copy program (empty: none), and library directories that the system does not search."""

    server: str
    copier: str = ""
    libraries: tuple[str, ...] = ()

    @property
    def command(self) -> tuple[str, ...]:
        """Return the command that starts the server; only the server and its children get the library path."""
        path = ":".join(self.libraries)
        return ("env", f"LD_LIBRARY_PATH={path}", self.server) if path else (self.server,)

    def is_usable(self) -> bool:
        """Return whether the server runs on this machine with its libraries."""
        try:
            done = subprocess.run([*self.command, "-v"], capture_output=True, timeout=_VERSION_TIMEOUT, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0


def find(layout: Layout, environment: Mapping[str, str], cvmfs: Path = CVMFS) -> XRootD | None:
    """Return the first installation whose server runs; None if there is none."""
    return next((xrootd for xrootd in _candidates(layout, environment, cvmfs) if xrootd.is_usable()), None)


def require(layout: Layout, environment: Mapping[str, str]) -> XRootD:
    """Return the installation to use. Raises SandboxError with the command that installs one."""
    xrootd = find(layout, environment)
    if xrootd is None:
        raise SandboxError(missing_message(layout, xrootd_packages.is_possible(), _os_release()))
    return xrootd


def missing_message(layout: Layout, can_fetch: bool, os_release: Mapping[str, str]) -> str:
    """Return the message for a machine without `xrootd`."""
    command = install_command(os_release)
    if not can_fetch:
        return f"the sandbox needs the program xrootd, which is not installed; install it with `{command}`"
    download, kept = xrootd_packages.DOWNLOAD_SIZES
    return (
        f"the sandbox needs the program xrootd, which is not installed; install it with `{command}`\n"
        f"without root: `alienctl sandbox up --fetch` downloads your distribution's packages ({download})\n"
        f"and unpacks them into {layout.xrootd} ({kept})"
    )


def install_command(os_release: Mapping[str, str]) -> str:
    """Return the command that installs XRootD on the distribution that `os_release` describes."""
    names = (os_release.get("ID", ""), *os_release.get("ID_LIKE", "").split())
    return next((_INSTALL[name] for name in names if name in _INSTALL), _CONDA)


def _candidates(layout: Layout, environment: Mapping[str, str], cvmfs: Path) -> Iterator[XRootD]:
    path = environment.get("PATH")
    if server := shutil.which("xrootd", path=path):
        yield XRootD(server, shutil.which("xrdcp", path=path) or "")
    yield from _on_cvmfs(cvmfs)
    yield _installation(layout.xrootd / "usr", *_unpacked_libraries(layout.xrootd))
    for directory in _conda_environments(environment):
        yield _installation(directory)


def _installation(directory: Path, *libraries: Path) -> XRootD:
    copier = directory / "bin/xrdcp"
    return XRootD(
        str(directory / "bin/xrootd"),
        str(copier) if copier.exists() else "",
        tuple(str(library) for library in libraries),
    )


def _unpacked_libraries(root: Path) -> list[Path]:
    return [*root.glob("usr/lib/*-linux-gnu"), *root.glob("lib/*-linux-gnu")]


def _on_cvmfs(cvmfs: Path) -> Iterator[XRootD]:
    """Yield the newest version for each platform of this machine's processor, with the libraries that it needs."""
    for packages in sorted(cvmfs.glob(f"*{platform.machine()}*/Packages"), reverse=True):
        versions = sorted((packages / "XRootD").glob("*/bin/xrootd"), key=lambda file: _version(file.parts[-3]))
        if versions:
            root = versions[-1].parents[1]
            yield _installation(root, *_libraries(packages, root, set()))


def _version(name: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", name)]


def _libraries(packages: Path, package: Path, seen: set[Path]) -> Iterator[Path]:
    """Yield the library directories of a package and of its dependencies, which its module file lists."""
    if package in seen:
        return
    seen.add(package)
    yield from (directory for directory in (package / "lib", package / "lib64") if directory.is_dir())
    module = package / "etc/modulefiles" / package.parent.name
    text = module.read_text(encoding="utf-8", errors="replace") if module.exists() else ""
    for loaded in re.findall(r"^\s*module load (.+)$", text, re.MULTILINE):
        for name in loaded.split():
            if (packages / name).is_dir():
                yield from _libraries(packages, packages / name, seen)


def _conda_environments(environment: Mapping[str, str]) -> Iterator[Path]:
    if active := environment.get("CONDA_PREFIX"):
        yield Path(active)
    listed = Path(environment.get("HOME") or "/") / ".conda/environments.txt"
    try:
        text = listed.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return
    yield from (Path(line) for line in text.splitlines() if line)


def _os_release() -> Mapping[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}
