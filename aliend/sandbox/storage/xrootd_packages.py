"""Unpacks the distribution's XRootD packages into a directory of the user, on Debian and its derivatives.

apt and dpkg work with lists, cache and status in that directory, so this needs no root and changes nothing outside.
apt checks the signatures of the lists and the checksums of the packages.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from aliend.sandbox.errors import SandboxError

DOWNLOAD_SIZES = ("12 to 40 MB", "12 to 110 MB")
"""The sizes of download and unpacked packages, measured on Debian 12; they depend on the installed packages. 10 MB
of the download are package lists, which `unpack` removes afterwards."""
_PACKAGES = ("xrootd-server", "xrootd-client")
_STATUS = Path("/var/lib/dpkg/status")
_OURS = re.compile(r"^(Package: xrootd.*|Source: xrootd\b.*)$", re.MULTILINE)
_TIMEOUT = 1200.0
_CONFIGURATION = """\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::State "{state}";
Dir::State::lists "{state}/lists";
Dir::State::status "{state}/status";
Dir::Cache "{state}/cache";
Dir::Log "{state}/log";
Acquire::Languages "none";
Acquire::AllowInsecureRepositories "false";
APT::Get::AllowUnauthenticated "false";
APT::Install-Recommends "false";
"""
"""The configuration that apt reads after the system's, whose package sources stay in use."""


def is_possible() -> bool:
    """Return whether this machine has the programs that `unpack` needs (apt-get, dpkg)."""
    return all(shutil.which(program) for program in ("apt-get", "dpkg")) and _STATUS.exists()


def unpack(target: Path, report: Callable[[str], None]) -> None:
    """Unpack the packages below `target`; call `report` with a message before each long step.

    Raises SandboxError with apt's message and leaves `target` unchanged.
    """
    if not is_possible():
        raise SandboxError("--fetch needs apt-get and dpkg (Debian and Ubuntu only)")
    work = target.with_name(f"{target.name}.new")
    shutil.rmtree(work, ignore_errors=True)
    try:
        apt = _prepare(work)
        report("reading the package lists of your distribution ...")
        # a source that fails may be irrelevant for these packages
        _run([*apt, "-q", "update"], work, check=False)
        packages, size = _parse_package_list(_run([*apt, "-y", "--print-uris", "install", *_PACKAGES], work))
        report(f"fetching {len(packages)} packages ({size / 1e6:.1f} MB) into {target} ...")
        _run([*apt, "-q", "download", *packages], work / "packages")
        for package in sorted((work / "packages").glob("*.deb")):
            _run(["dpkg", "-x", str(package), str(work / "root")], work)
        shutil.rmtree(target, ignore_errors=True)
        (work / "root").rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _prepare(work: Path) -> tuple[str, ...]:
    """Create the directories and files that apt needs, and return the start of each apt command."""
    for name in ("state/lists/partial", "state/cache/archives/partial", "packages", "root"):
        (work / name).mkdir(mode=0o700, parents=True)
    # installed XRootD packages that do not work are downloaded again
    stanzas = _STATUS.read_text(encoding="utf-8", errors="surrogateescape").split("\n\n")
    kept = "\n\n".join(stanza for stanza in stanzas if not _OURS.search(stanza))
    (work / "state/status").write_text(kept, encoding="utf-8", errors="surrogateescape")
    configuration = work / "apt.conf"
    configuration.write_text(_CONFIGURATION.format(state=work / "state"), encoding="utf-8", errors="surrogateescape")
    return ("apt-get", "-c", str(configuration))


def _parse_package_list(answer: str) -> tuple[list[str], int]:
    """Parse the output of `--print-uris`: the packages as NAME=VERSION, and their total size in bytes."""
    files = re.findall(r"^'\S+' ([^_\s]+)_([^_\s]+)_\S+\.deb (\d+) ", answer, re.MULTILINE)
    versions = [f"{name}={version.replace('%3a', ':')}" for name, version, _ in files]
    return versions, sum(int(size) for _, _, size in files)


def _run(command: Sequence[str], directory: Path, *, check: bool = True) -> str:
    try:
        done = subprocess.run(
            command, cwd=directory, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise SandboxError(f"`{' '.join(command[:4])}` did not end within {_TIMEOUT:.0f} s") from None
    if check and done.returncode:
        reason = " ".join(line for line in done.stderr.splitlines() if line.startswith("E:"))
        raise SandboxError(f"cannot fetch the packages of xrootd: {reason or done.stderr.strip()[-300:]}")
    return done.stdout
