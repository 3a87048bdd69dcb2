"""Unpacks the distribution's XRootD packages into a directory of the user's own, on Debian and its relatives.

apt and dpkg do the work, with lists, cache and status in that directory: nothing needs root, nothing outside changes.
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
"""What `unpack` downloads and keeps, measured on Debian 12: the less is installed, the more packages are needed. 10 MB
of the download are package lists, which are removed afterwards."""
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
"""Read after the system's configuration: where packages come from stays as it is."""


def is_possible() -> bool:
    """Whether this machine has the programs that `unpack` needs."""
    return all(shutil.which(program) for program in ("apt-get", "dpkg")) and _STATUS.exists()


def unpack(target: Path, report: Callable[[str], None]) -> None:
    """Make `target` the root of the unpacked packages; `say` gets a sentence before each long step.

    Raises SandboxError with apt's own words; `target` is then what it was.
    """
    if not is_possible():
        raise SandboxError("--fetch needs apt-get and dpkg, the tools of Debian and Ubuntu")
    work = target.with_name(f"{target.name}.new")
    shutil.rmtree(work, ignore_errors=True)
    try:
        apt = _prepare(work)
        report("reading the package lists of your distribution ...")
        # one source that fails need not be the one that matters
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
    """Make the directories and files that apt needs, and return the words that begin each of its commands."""
    for name in ("state/lists/partial", "state/cache/archives/partial", "packages", "root"):
        (work / name).mkdir(mode=0o700, parents=True)
    # packages that are installed but cannot be used are fetched again
    stanzas = _STATUS.read_text(encoding="utf-8", errors="surrogateescape").split("\n\n")
    kept = "\n\n".join(stanza for stanza in stanzas if not _OURS.search(stanza))
    (work / "state/status").write_text(kept, encoding="utf-8", errors="surrogateescape")
    configuration = work / "apt.conf"
    configuration.write_text(_CONFIGURATION.format(state=work / "state"), encoding="utf-8", errors="surrogateescape")
    return ("apt-get", "-c", str(configuration))


def _parse_package_list(answer: str) -> tuple[list[str], int]:
    """Read what `--print-uris` lists: the packages as NAME=VERSION, and their size in bytes."""
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
        raise SandboxError(f"the packages of xrootd cannot be fetched: {reason or done.stderr.strip()[-300:]}")
    return done.stdout
