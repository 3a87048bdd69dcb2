"""Files of another user under the token's default names are ignored with a warning."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness import Grid, User, make_user, needs_root
from tests.integration.central.service import Authority

NOBODY = 65534
LIMIT = 120
"""Time limit in seconds: planted files must not delay commands, but the machine may be busy."""


@pytest.fixture
def exposed(grid: Grid) -> Iterator[User]:
    """A user with a certificate, whose temporary directory is open to everybody, as /tmp is."""
    keep = ("ALIENPY_JCENTRAL", "ALIENPY_JCENTRAL_PORT", "X509_CERT_DIR", "X509_USER_CERT", "X509_USER_KEY")
    for user in make_user({name: value for name, value in grid.exports.items() if name in keep}):
        shared = user.home / "shared"
        shared.mkdir()
        shared.chmod(0o1777)
        user.variables["TMPDIR"] = str(shared)
        yield user


def names(user: User) -> tuple[Path, Path]:
    folder = Path(user.variables["TMPDIR"])
    return folder / f"tokencert_{os.getuid()}.pem", folder / f"tokenkey_{os.getuid()}.pem"


def fifo(path: Path) -> None:
    os.mkfifo(path)


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def link(path: Path) -> None:
    path.symlink_to("/dev/zero")


def dangling(path: Path) -> None:
    path.symlink_to("/nonexistent")


def text(path: Path) -> None:
    path.write_text("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n")


def folder(path: Path) -> None:
    path.mkdir()


@needs_root
@pytest.mark.parametrize("plant", [fifo, huge, link, dangling, text, folder])
@pytest.mark.parametrize("target", [0, 1])
def test_a_file_of_another_user_is_ignored_with_a_warning(
    exposed: User, plant: Callable[[Path], None], target: int
) -> None:
    path = names(exposed)[target]
    plant(path)
    os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    before = path.lstat().st_ino
    done = exposed.run("whoami", timeout=LIMIT)
    assert (done.returncode, done.stdout) == (0, "alice\n"), done.stderr
    assert done.stderr.startswith(f"warning: {path} belongs to another user (uid {NOBODY}), so it is not used")
    assert len(done.stderr.splitlines()) == 1
    assert exposed.must("whoami", timeout=LIMIT) == "alice"
    assert path.lstat().st_ino == before


@needs_root
@pytest.mark.parametrize("target", [0, 1])
def test_the_token_is_kept_in_the_home_where_a_default_name_is_taken(exposed: User, target: int) -> None:
    path = names(exposed)[target]
    text(path)
    os.chown(path, NOBODY, NOBODY)
    own = exposed.home / ".globus" / path.name
    exposed.must("token-init", timeout=LIMIT)
    assert own.stat().st_mode & 0o077 == 0
    for words in (("token-info",), ("token-verify",), ("tokenkey-match",), ("login",)):
        assert exposed.run(*words, timeout=LIMIT).returncode == 0, words
    del exposed.variables["X509_USER_CERT"], exposed.variables["X509_USER_KEY"]
    exposed.kill_daemon()
    assert exposed.must("whoami", timeout=LIMIT) == "alice"
    removed = exposed.must("logout", timeout=LIMIT)
    assert f"removed {own}" in removed
    assert str(path) not in removed
    assert path.exists()
    assert not own.exists()


@needs_root
def test_a_token_of_somebody_else_is_never_used(exposed: User, grid: Grid) -> None:
    credentials = Path(grid.exports["JALIEN_TOKEN_CERT"]).parent
    for path, name in zip(names(exposed), ("user-bob.pem", "user-bob.key.pem"), strict=True):
        shutil.copy(credentials / name, path)
        path.chmod(0o600)
        os.chown(path, NOBODY, NOBODY)
    done = exposed.run("whoami")
    assert (done.returncode, done.stdout) == (0, "alice\n"), done.stderr
    assert "belongs to another user" in done.stderr
    for path in names(exposed):
        own = exposed.home / ".globus" / path.name
        assert own.exists()
    assert "CN=alice" in exposed.must("token-info", timeout=LIMIT)


@pytest.mark.parametrize("plant", [fifo, huge, link, folder])
def test_a_special_or_huge_file_does_not_block_commands(exposed: User, plant: Callable[[Path], None]) -> None:
    plant(names(exposed)[0])
    assert exposed.must("whoami", timeout=LIMIT) == "alice"
    for name in ("X509_USER_CERT", "X509_USER_KEY"):
        before = exposed.variables[name]
        exposed.variables[name] = str(names(exposed)[0])
        done = exposed.run("whoami", timeout=LIMIT)
        assert done.returncode == 107
        assert len(done.stderr.splitlines()) == 3
        exposed.variables[name] = before


def test_files_that_the_user_named_may_be_links_and_files_in_the_home_too(exposed: User, grid: Grid) -> None:
    globus = exposed.home / ".globus"
    globus.mkdir()
    for name, file in (("X509_USER_CERT", "usercert.pem"), ("X509_USER_KEY", "userkey.pem")):
        (globus / file).symlink_to(exposed.variables.pop(name))
    assert exposed.must("certkey-match").startswith(f"{globus}/usercert.pem")
    shared = Path(exposed.variables["TMPDIR"])
    for variable, name in (("JALIEN_TOKEN_CERT", "cert"), ("JALIEN_TOKEN_KEY", "key")):
        (shared / name).symlink_to(grid.exports[variable])
        exposed.variables[variable] = str(shared / name)
    assert exposed.must("tokenkey-match").startswith(f"{shared}/cert")


@needs_root
def test_a_planted_key_beside_our_own_token_is_passed_over_too(exposed: User) -> None:
    exposed.must("token-init")
    certificate, key = names(exposed)
    assert certificate.exists()
    key.unlink()
    fifo(key)
    os.chown(key, NOBODY, NOBODY)
    exposed.kill_daemon()
    done = exposed.run("whoami", timeout=LIMIT)
    assert (done.returncode, done.stdout) == (0, "alice\n"), done.stderr
    assert f"{key} belongs to another user" in done.stderr


@needs_root
def test_a_planted_file_does_not_hide_that_the_users_key_is_encrypted(exposed: User, tmp_path: Path) -> None:
    issued = Authority(tmp_path).issue("alice", passphrase="secret")
    exposed.variables["X509_USER_CERT"], exposed.variables["X509_USER_KEY"] = issued.certificate, issued.key
    fifo(names(exposed)[0])
    os.chown(names(exposed)[0], NOBODY, NOBODY)
    done = exposed.run("whoami", timeout=LIMIT, start_new_session=True)
    assert done.returncode == 107
    assert "belongs to another user" in done.stderr
    assert "is encrypted" in done.stderr
