"""Bad input causes one clear message on stderr, a non-zero exit code, and no change."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.harness import Grid, User, eventually, needs_root, sandbox

NOBODY = 65534


def refused(user: User, code: int, *texts: str, words: tuple[str, ...] = ("ls",), lines: int = 1) -> None:
    done = user.run(*words)
    assert (done.returncode, done.stdout) == (code, ""), done
    assert len(done.stderr.strip().splitlines()) == lines, done.stderr
    for text in texts:
        assert text in done.stderr


def certificate(folder: Path, *, days: int) -> dict[str, str]:
    """A self-signed certificate that ends in `days`, and its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")])
    now = datetime.now(tz=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=100))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "other.pem", folder / "other.key"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    encoding = (serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL)
    key_file.write_bytes(key.private_bytes(*encoding, serialization.NoEncryption()))
    key_file.chmod(0o600)
    return {"certificate": str(cert_file), "key": str(key_file)}


def test_no_certificate(stranger: User) -> None:
    refused(stranger, 107, "/nonexistent/token.pem", "usercert.pem", "`alienctl login`")


def test_an_expired_certificate(user: User) -> None:
    old = certificate(user.home, days=-1)
    user.variables |= {"JALIEN_TOKEN_CERT": old["certificate"], "JALIEN_TOKEN_KEY": old["key"]}
    user.variables |= {"X509_USER_CERT": old["certificate"], "X509_USER_KEY": old["key"]}
    refused(user, 107, "expired", old["certificate"], "`alienctl login`", lines=3)


def test_a_key_that_others_can_read(user: User) -> None:
    key = user.home / "open.key"
    key.write_bytes(Path(user.variables["JALIEN_TOKEN_KEY"]).read_bytes())
    key.chmod(0o644)
    user.variables["JALIEN_TOKEN_KEY"] = str(key)
    refused(user, 22, f"chmod 600 {key}")
    assert key.stat().st_mode & 0o777 == 0o644


def test_a_certificate_that_the_service_does_not_know(user: User) -> None:
    other = certificate(user.home, days=1)
    user.variables |= {"JALIEN_TOKEN_CERT": other["certificate"], "JALIEN_TOKEN_KEY": other["key"]}
    refused(user, 129, "localhost:")


def test_a_wrong_ca(user: User) -> None:
    other = certificate(user.home, days=1)
    (user.home / "cas").mkdir()
    (user.home / "cas/other.pem").write_bytes(Path(other["certificate"]).read_bytes())
    user.variables["X509_CERT_DIR"] = str(user.home / "cas")
    refused(user, 107, "cas", "localhost:")


def test_a_wrong_host_name(user: User) -> None:
    config = user.home / ".config/aliend/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[tls]\nserver_name = "central.example"\n', encoding="utf-8")
    refused(user, 107, "central.example", "localhost", "tls.server_name")


def test_an_unreachable_service(user: User) -> None:
    user.variables["ALIENPY_JCENTRAL_PORT"] = "9"
    refused(user, 107, "localhost:9")


def test_a_missing_sandbox(stranger: User) -> None:
    stranger.variables["ALIEN_PROFILE"] = "sandbox"
    refused(stranger, 22, "alienctl sandbox up")


def test_a_mistake_in_the_configuration(user: User) -> None:
    config = user.home / ".config/aliend/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[central]\nhots = 1\n", encoding="utf-8")
    refused(user, 22, "config.toml", "hots")


def test_a_number_of_the_configuration_that_is_too_small(user: User) -> None:
    config = user.home / ".config/aliend/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[transfers]\nkeep_days = -1\n", encoding="utf-8")
    refused(user, 22, "config.toml", "keep_days of [transfers] must be at least 0, not -1")


def test_no_xrootd_binary(tmp_path: Path) -> None:
    state = tmp_path / "state"
    words = [sys.executable, "-m", "aliend.sandbox", "up"]
    done = subprocess.run(
        words, env={"PATH": str(tmp_path), "XDG_STATE_HOME": str(state)}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode != 0
    assert "xrootd-server" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "not" in sandbox(state, "status").stdout


@needs_root
def test_a_socket_directory_of_another_user(user: User) -> None:
    place = user.home / "theirs"
    place.mkdir(mode=0o700)
    os.chown(place, NOBODY, NOBODY)
    user.variables["ALIEND_SOCKET"] = str(place / "s.sock")
    refused(user, 22, str(place), "belongs to the user with id 65534")
    assert list(place.iterdir()) == []


def test_a_socket_directory_that_is_a_link(user: User) -> None:
    (user.home / "real").mkdir(mode=0o700)
    (user.home / "link").symlink_to("real")
    user.variables["ALIEND_SOCKET"] = str(user.home / "link/s.sock")
    refused(user, 22, str(user.home / "link"), "link")


def test_an_invalid_profile_name(user: User) -> None:
    done = user.run("--profile", "../x", "ls")
    assert done.returncode == 22
    assert "profile" in done.stderr


def test_an_unknown_option(user: User) -> None:
    refused(user, 22, "unknown option -x", words=("cp", "-x", "file:a", "b"))


def test_a_missing_local_file(user: User) -> None:
    refused(user, 2, f"{user.home}/missing", words=("cp", "file:missing", "b"))
    assert user.json("transfers", "list", "--all")["jobs"] == []


def test_both_sides_alike(user: User) -> None:
    done = user.run("cp", "a", "b")
    assert (done.returncode, done.stdout) == (22, "")
    assert done.stderr.splitlines() == [
        "cp: source and target are both in the catalogue",
        "to copy within the catalogue, write alien:b; for a local target, write file:b",
    ]
    (user.home / "a").write_bytes(b"a")
    refused(user, 22, "file:", words=("cp", "file:a", "file:b"))


def test_a_database_of_a_newer_schema(user: User) -> None:
    user.must("version")
    state = user.home / ".local/state/aliend/default"
    state.mkdir(parents=True)
    with sqlite3.connect(state / "aliend.db") as database:
        database.execute("PRAGMA user_version = 999")
    database.close()
    before = (state / "aliend.db").read_bytes()
    refused(user, 5, "999", "newer", lines=2)
    assert (state / "aliend.db").read_bytes() == before


@pytest.fixture
def small_disk(user: User) -> Iterator[Path]:
    """A disk of 4 MiB."""
    disk = user.home / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(disk)], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@needs_root
def test_a_full_disk_puts_the_job_on_hold_with_a_message(user: User, small_disk: Path) -> None:
    (user.home / "big").write_bytes(os.urandom(8_000_000))
    user.must("cp", "file:big", f"big-{user.home.name}")
    done = user.run("cp", f"big-{user.home.name}", "file:disk/big")
    assert done.returncode == 4
    assert "need 7.6 MiB" in done.stderr
    assert "transfers resume" in done.stderr
    assert not (small_disk / "big").exists()
    (job,) = user.json("transfers", "list")["jobs"]
    assert job["state"] == "paused"
    subprocess.run(["mount", "-o", "remount,size=40m", str(small_disk)], check=True)
    user.must("transfers", "resume", str(job["job"]))
    user.must("transfers", "wait", str(job["job"]))
    assert (small_disk / "big").read_bytes() == (user.home / "big").read_bytes()


@needs_root
def test_a_full_disk_below_the_database_refuses_the_job(user: User, small_disk: Path) -> None:
    user.variables["XDG_STATE_HOME"] = str(small_disk)
    (user.home / "a").write_bytes(b"a")
    user.must("pwd")
    filler = small_disk / "filler"
    with filler.open("wb") as file:
        while True:
            try:
                os.write(file.fileno(), bytes(4096))
            except OSError:
                break
    done = user.run("cp", "--detach", "file:a", "b")
    assert done.returncode == 5
    assert done.stdout == ""
    assert "full" in done.stderr
    filler.unlink()
    eventually(lambda: user.run("transfers", "list", "--all").returncode == 0)


def test_a_client_of_another_contract_gets_instructions(user: User, grid: Grid) -> None:
    user.must("pwd")
    script = (
        "import sys, alienctl, alienctl.main as m, alienctl.run as r\n"
        "alienctl.CONTRACT = r.CONTRACT = 99\n"
        "sys.argv = ['alienctl', 'pwd']\n"
        "m.entry()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=user.environment,
        cwd=user.home,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode != 0
    assert "alienctl daemon restart" in done.stderr
