"""The sandbox without root: it changes nothing outside its directory and can unpack `xrootd` itself."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness import ALIENCTL, UNPRIVILEGED, clean_environment, exports_of, make_user, sandbox

HIDDEN = ("xrootd", "xrdcp", "cmsd")


@pytest.fixture
def nest() -> Iterator[Path]:
    """Create a directory with a short name that all users may enter."""
    root = Path(tempfile.mkdtemp(prefix="nest", dir="/tmp"))
    root.chmod(0o755)
    yield root
    shutil.rmtree(root)


def modes(root: Path) -> dict[str, int]:
    """Return the modes of a directory, its parents, and everything below it except the sandbox's files."""
    inside = [root, *(path for path in root.rglob("*") if "sandbox-grid" not in path.parts)]
    return {str(path): path.lstat().st_mode for path in (*inside, *root.parents)}


def test_modes_outside_the_directory_are_unchanged(nest: Path) -> None:
    state = nest / "home" / 'a "quoted" na\u00efve directory' / "state"
    (state / "aliend").mkdir(parents=True)
    for directory, mode in zip(
        (state / "aliend", state, *state.parents[:2]), (0o711, 0o755, 0o775, 0o751), strict=True
    ):
        directory.chmod(mode)
    (nest / "home" / "file").touch(0o644)
    before = modes(nest)
    try:
        up = sandbox(state, "up")
        assert up.returncode == 0, up.stderr
        assert modes(nest) == before
    finally:
        sandbox(state, "down")
    assert modes(nest) == before


@dataclass
class Debian:
    """An unprivileged user's machine without xrootd, and a signed repository with its packages."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            **clean_environment(),
            "PATH": str(self.root / "bin"),
            "HOME": str(self.root / "home"),
            "XDG_STATE_HOME": str(self.root / "s"),
            "APT_CONFIG": str(self.root / "apt.conf"),
        }

    def sandbox(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*UNPRIVILEGED, ALIENCTL, "sandbox", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    def hide_programs(self) -> None:
        for name in ("bin", "home", "s"):
            (self.root / name).mkdir()
        for directory in os.environ["PATH"].split(os.pathsep):
            for program in Path(directory).glob("*"):
                link = self.root / "bin" / program.name
                if program.name not in HIDDEN and not link.is_symlink():
                    link.symlink_to(program)

    def publish(self) -> None:
        repository = self.root / "repository"
        repository.mkdir()
        packages = []
        for stanza in Path("/var/lib/dpkg/status").read_text(encoding="utf-8").split("\n\n"):
            fields = dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line and line[0] != " ")
            if fields.get("Source", fields.get("Package", "")).split()[0:1] == ["xrootd"]:
                packages.append(self._pack(repository, fields))
        assert len(packages) > 5
        (repository / "Packages").write_text("\n".join(packages), encoding="utf-8")
        self.sign()

    def _pack(self, repository: Path, fields: dict[str, str]) -> str:
        """Rebuild a package from its installed files and return its stanza of the index."""
        name = fields["Package"]
        stage = self.root / "stage" / name
        (stage / "DEBIAN").mkdir(parents=True)
        for line in output("dpkg", "-L", f"{name}:{fields['Architecture']}").splitlines():
            path = Path(line)
            if (path.is_file() and "/lib" in line) or "/bin/" in line:
                (stage / line[1:]).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, stage / line[1:], follow_symlinks=False)
        kept = ("Package", "Source", "Architecture", "Version", "Depends", "Maintainer", "Multi-Arch")
        control = "".join(f"{key}: {fields[key]}\n" for key in kept if key in fields) + "Description: made again\n"
        (stage / "DEBIAN/control").write_text(control, encoding="utf-8")
        file = repository / f"{name}_{fields['Version']}_{fields['Architecture']}.deb"
        output("dpkg-deb", "-Znone", "--root-owner-group", "-b", str(stage), str(file))
        content = file.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        return f"{control}Filename: ./{file.name}\nSize: {len(content)}\nSHA256: {digest}\n"

    def sign(self) -> None:
        index = (self.root / "repository/Packages").read_bytes()
        listed = f"SHA256:\n {hashlib.sha256(index).hexdigest()} {len(index)} Packages\n"
        release = f"Origin: test\nDate: Mon, 01 Jan 2024 00:00:00 UTC\n{listed}"
        (self.root / "Release").write_text(release, encoding="utf-8")
        keys = (
            "gpg",
            "--homedir",
            str(self.root / "keys"),
            "--batch",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "",
        )
        if not (self.root / "keys").exists():
            (self.root / "keys").mkdir(mode=0o700)
            output(*keys, "--quick-generate-key", "test@localhost", "rsa3072", "sign", "never")
            output(*keys, "--output", str(self.root / "key.gpg"), "--export")
        signed = self.root / "repository/InRelease"
        signed.unlink(missing_ok=True)
        output(*keys, "--output", str(signed), "--clearsign", str(self.root / "Release"))
        subprocess.run(["gpgconf", "--homedir", str(self.root / "keys"), "--kill", "all"], check=True, timeout=120)
        (self.root / "sources.list").write_text(f"deb [signed-by={self.root}/key.gpg] file:{self.root}/repository ./\n")
        (self.root / "apt.conf").write_text(
            f'Dir::Etc::sourcelist "{self.root}/sources.list";\nDir::Etc::sourceparts "-";\n', encoding="utf-8"
        )


def output(*command: str) -> str:
    """Run a program, which must succeed, and return its output."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


@pytest.fixture
def debian(nest: Path) -> Debian:
    machine = Debian(nest)
    machine.hide_programs()
    machine.publish()
    return machine


def test_an_ordinary_user_unpacks_the_packages_of_the_distribution(debian: Debian) -> None:
    offer = debian.sandbox("up")
    assert offer.returncode == 1
    assert "`alienctl sandbox up --fetch` downloads your distribution's packages" in offer.stderr
    before = modes(debian.root)
    try:
        up = debian.sandbox("up", "--fetch")
        assert up.returncode == 0, up.stdout + up.stderr
        assert " packages (" in up.stderr
        assert "the sandbox grid is up" in up.stdout
        assert modes(debian.root) == before
        pids = [line for line in debian.sandbox("status").stdout.splitlines() if "storage element" in line]
        assert len(pids) == 2
        for user in make_user({**exports_of(debian.root / "s"), "PATH": str(debian.root / "bin")}):
            (user.home / "here").write_text("seven")
            user.must("cp", "file:here", "alien:fetched-1")
            user.must("cp", "alien:fetched-1", "alien:fetched-2")
            assert user.must("cat", "fetched-2") == "seven"
        again = debian.sandbox("up", "--fetch")
        assert "is already up" in again.stdout
    finally:
        assert debian.sandbox("down").returncode == 0
    up = debian.sandbox("up")
    debian.sandbox("down")
    assert up.returncode == 0, up.stderr
    assert not (debian.root / "s/aliend/sandbox-grid/xrootd.new").exists()


def test_modified_packages_are_refused(debian: Debian) -> None:
    package = next((debian.root / "repository").glob("xrootd-server_*.deb"))
    content = bytearray(package.read_bytes())
    content[-100] ^= 1
    package.write_bytes(content)
    refused_by(debian)


def test_an_unsigned_package_list_is_refused(debian: Debian) -> None:
    index = debian.root / "repository/Packages"
    index.write_text(index.read_text(encoding="utf-8").replace("SHA256: ", "SHA256: 0", 1), encoding="utf-8")
    refused_by(debian)


def test_a_foreign_signature_is_refused(debian: Debian) -> None:
    (debian.root / "key.gpg").unlink()
    shutil.rmtree(debian.root / "keys")
    trusted = (debian.root / "repository/InRelease").read_bytes()
    debian.sign()
    (debian.root / "repository/InRelease").write_bytes(trusted)
    refused_by(debian)


def refused_by(debian: Debian) -> None:
    """Check that `up --fetch` fails with apt's reason and leaves no files."""
    done = debian.sandbox("up", "--fetch")
    assert done.returncode == 1
    *progress, refusal = done.stderr.splitlines()
    assert refusal.startswith("cannot fetch the packages of xrootd: E:"), done.stderr
    assert all(line.endswith(" ...") for line in progress), done.stderr
    assert not list((debian.root / "s/aliend/sandbox-grid").glob("xrootd*"))
