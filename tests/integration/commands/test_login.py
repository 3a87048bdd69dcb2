"""Logging in as a new user does: from a .p12 file to a listing, with and without a terminal, and what may go wrong."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pexpect
import pytest

from tests.harness import ALIENCTL, Grid, User, eventually, make_user
from tests.integration.central.service import DAY, Authority

BUNDLE_PHRASE, KEY_PHRASE = "bundle secret 1", "key secret 2"
LIMIT = 60


def credentials_of(grid: Grid) -> Path:
    return Path(grid.exports["JALIEN_TOKEN_CERT"]).parent


@pytest.fixture
def newcomer(grid: Grid) -> Iterator[User]:
    """Create a user with an empty home and the address of the sandbox's service."""
    keep = ("ALIENPY_JCENTRAL", "ALIENPY_JCENTRAL_PORT", "X509_CERT_DIR")
    for user in make_user({name: value for name, value in grid.exports.items() if name in keep}):
        (user.home / "tmp").mkdir()
        user.variables["TMPDIR"] = str(user.home / "tmp")
        yield user


def export(certificate: Path, key: Path, target: Path, *options: str, phrase: str = BUNDLE_PHRASE) -> Path:
    """Make a .p12 file as openssl does."""
    target.parent.mkdir(exist_ok=True)
    command = ["openssl", "pkcs12", "-export", *options, "-in", str(certificate), "-inkey", str(key)]
    subprocess.run([*command, "-passout", f"pass:{phrase}", "-out", str(target)], check=True, capture_output=True)
    return target


def bundle_of_alice(grid: Grid, user: User, *options: str, phrase: str = BUNDLE_PHRASE) -> Path:
    source = credentials_of(grid)
    target = user.home / "Downloads/myCertificate.p12"
    return export(source / "user-alice.pem", source / "user-alice.key.pem", target, *options, phrase=phrase)


def put_pair(user: User, certificate: Path, key: Path) -> None:
    globus = user.home / ".globus"
    globus.mkdir(exist_ok=True)
    shutil.copy(certificate, globus / "usercert.pem")
    shutil.copy(key, globus / "userkey.pem")
    (globus / "userkey.pem").chmod(0o600)


def put_pair_of_alice(user: User, grid: Grid) -> None:
    put_pair(user, credentials_of(grid) / "user-alice.pem", credentials_of(grid) / "user-alice.key.pem")


def token_files(user: User) -> tuple[Path, Path]:
    return user.home / f"tmp/tokencert_{os.getuid()}.pem", user.home / f"tmp/tokenkey_{os.getuid()}.pem"


def at_a_terminal(user: User, *words: str, answers: list[tuple[str, str]]) -> tuple[str, int]:
    """Run `alienctl ARGS` at a terminal, wait for each prompt and answer it; return output and exit code."""
    environment = {**user.environment, "TERM": "dumb"}
    child = pexpect.spawn(ALIENCTL, list(words), env=environment, cwd=str(user.home), encoding="utf-8", timeout=LIMIT)
    child.setwinsize(24, 400)
    shown = ""
    for prompt, answer in answers:
        child.expect_exact(prompt)
        shown += f"{child.before}{prompt}"
        if "ass phrase" in prompt or "Repeat" in prompt:
            eventually(lambda: not child.getecho())
        child.sendline(answer)
    child.expect(pexpect.EOF)
    shown += str(child.before)
    child.close()
    assert child.exitstatus is not None, shown
    return shown.replace("\r\n", "\n"), child.exitstatus


def assert_no_secret_is_written(user: User, *secrets: str) -> None:
    files = [file for file in user.home.rglob("*") if file.is_file()]
    assert files
    found = [file for file in files if any(secret.encode() in file.read_bytes() for secret in secrets)]
    assert found == []


@pytest.mark.parametrize("options", [(), ("-legacy",)], ids=["modern", "legacy"])
def test_an_empty_home_and_a_bundle_lead_to_a_listing(newcomer: User, grid: Grid, options: tuple[str, ...]) -> None:
    bundle = bundle_of_alice(grid, newcomer, *options)
    key = newcomer.home / ".globus/userkey.pem"
    shown, code = at_a_terminal(
        newcomer,
        "-debug",
        "login",
        answers=[
            (f"Import {bundle}? [Y/n] ", ""),
            (f"Passphrase of {bundle}: ", BUNDLE_PHRASE),
            (f"New passphrase for {key} (empty: none): ", KEY_PHRASE),
            ("Repeat the passphrase: ", KEY_PHRASE),
        ],
    )
    assert code == 0, shown
    assert "you are alice at " in shown
    assert "(31 days)" in shown or "(30 days)" in shown
    certificate, token_key = token_files(newcomer)
    assert f"the token is in {certificate}, its key in {token_key}" in shown
    assert stat.S_IMODE((newcomer.home / ".globus/usercert.pem").stat().st_mode) == 0o644
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert sorted(file.name for file in key.parent.iterdir()) == ["usercert.pem", "userkey.pem"]
    assert BUNDLE_PHRASE not in shown
    assert KEY_PHRASE not in shown
    assert newcomer.must("ls") is not None
    assert newcomer.must("whoami") == "alice"
    newcomer.must("token-init")  # the daemon holds the key that was unlocked
    assert (newcomer.home / "alien_py.log").read_text()
    assert_no_secret_is_written(newcomer, BUNDLE_PHRASE, KEY_PHRASE)


def test_a_second_login_only_prints_the_user(newcomer: User, grid: Grid) -> None:
    put_pair_of_alice(newcomer, grid)
    first = newcomer.must("login")
    before = token_files(newcomer)[0].read_bytes()
    second = newcomer.must("login")
    assert second.splitlines() == first.splitlines()[-2:]
    assert token_files(newcomer)[0].read_bytes() == before


def test_login_answers_in_json(newcomer: User, grid: Grid) -> None:
    put_pair_of_alice(newcomer, grid)
    document = newcomer.json("login")
    assert document["user"] == "alice"
    assert [document["certificate"], document["key"]] == [str(file) for file in token_files(newcomer)]
    assert document["ends_ms"] > time.time() * 1000


def test_without_a_terminal_login_reports_what_it_needs(newcomer: User, grid: Grid) -> None:
    done = newcomer.run("login", start_new_session=True)
    assert (done.returncode, done.stdout) == (107, "")
    assert len(done.stderr.splitlines()) == 3
    assert "no certificate in" in done.stderr
    assert done.stderr.count("`") == 2
    bundle = bundle_of_alice(grid, newcomer)
    done = newcomer.run("login", start_new_session=True)
    assert (done.returncode, done.stdout) == (107, "")
    assert len(done.stderr.splitlines()) == 3
    assert f"whether to import {bundle}" in done.stderr
    assert done.stderr.endswith("run at a terminal: `alienctl login`\n")
    assert not (newcomer.home / ".globus").exists()


def test_without_a_terminal_an_encrypted_key_is_named(newcomer: User, grid: Grid) -> None:
    put_pair_of_alice(newcomer, grid)
    key = newcomer.home / ".globus/userkey.pem"
    source = credentials_of(grid) / "user-alice.key.pem"
    encrypt = ["openssl", "pkcs8", "-topk8", "-v2", "aes256", "-in", str(source), "-passout", f"pass:{KEY_PHRASE}"]
    subprocess.run([*encrypt, "-out", str(key)], check=True, capture_output=True)
    done = newcomer.run("login", start_new_session=True)
    assert done.returncode == 107
    assert f"the key {key} is encrypted" in done.stderr
    assert "run at a terminal: `alienctl login`" in done.stderr
    answers = [(f"Passphrase of {key}: ", phrase) for phrase in ("wrong 1", "wrong 2", "wrong 3")]
    shown, code = at_a_terminal(newcomer, "login", answers=answers)
    assert code == 107
    assert shown.count("does not open the key") == 3
    assert "`alienctl cert-import FILE.p12`" in shown
    shown, code = at_a_terminal(newcomer, "login", answers=[*answers[:2], (f"Passphrase of {key}: ", KEY_PHRASE)])
    assert code == 0, shown
    assert "you are alice" in shown


def test_a_program_may_answer_in_place_of_a_terminal(newcomer: User, grid: Grid) -> None:
    bundle = bundle_of_alice(grid, newcomer)
    program = newcomer.home / "askpass"
    program.write_text(f'#!/bin/sh\ncase "$1" in *myCert*) echo "{BUNDLE_PHRASE}";; *) echo "{KEY_PHRASE}";; esac\n')
    program.chmod(0o700)
    newcomer.variables["ALIEND_ASKPASS"] = str(program)
    newcomer.must("cert-import", str(bundle), start_new_session=True)
    assert "you are alice" in newcomer.must("login", start_new_session=True)


def test_import_with_three_wrong_passphrases_changes_nothing(newcomer: User, grid: Grid) -> None:
    bundle = bundle_of_alice(grid, newcomer)
    answers = [(f"Passphrase of {bundle}: ", f"wrong {number}") for number in range(3)]
    shown, code = at_a_terminal(newcomer, "cert-import", str(bundle), answers=answers)
    assert code == 22
    assert "none of 3 passphrases opens" in shown
    assert not (newcomer.home / ".globus").exists()
    assert_no_secret_is_written(newcomer, "wrong 0", "wrong 1")


def test_import_without_a_passphrase_for_the_key(newcomer: User, grid: Grid) -> None:
    bundle = bundle_of_alice(grid, newcomer, phrase="")
    said = newcomer.must("cert-import", "--no-passphrase", str(bundle), start_new_session=True)
    assert "CN=alice" in said
    assert (newcomer.home / ".globus/userkey.pem").read_text().startswith("-----BEGIN PRIVATE KEY-----")
    assert newcomer.must("whoami") == "alice"


def test_files_that_are_there_are_replaced_only_after_yes_and_kept(newcomer: User, grid: Grid) -> None:
    source = credentials_of(grid)
    put_pair(newcomer, source / "user-bob.pem", source / "user-bob.key.pem")
    globus = newcomer.home / ".globus"
    before = {file.name: file.read_bytes() for file in globus.iterdir()}
    bundle = bundle_of_alice(grid, newcomer, phrase="")
    words = ("cert-import", "--no-passphrase", str(bundle))
    refused = newcomer.run(*words, start_new_session=True)
    assert refused.returncode == 22
    assert "standard input is not a terminal" in refused.stderr
    shown, code = at_a_terminal(newcomer, *words, answers=[("The old files are kept. [y/N] ", "")])
    assert (code, "CN=bob" in shown) == (130, True)
    assert {file.name: file.read_bytes() for file in globus.iterdir()} == before
    shown, code = at_a_terminal(newcomer, *words, answers=[("The old files are kept. [y/N] ", "y")])
    assert code == 0, shown
    kept = sorted(file for file in globus.iterdir() if file.name not in before)
    assert [file.name.rpartition(".")[0] for file in kept] == ["usercert.pem", "userkey.pem"]
    assert [file.read_bytes() for file in kept] == [before["usercert.pem"], before["userkey.pem"]]
    assert all(str(file) in shown for file in kept)
    at_a_terminal(newcomer, *words, answers=[("The old files are kept. [y/N] ", "y")])
    assert len(list(globus.iterdir())) == 6
    assert newcomer.must("whoami") == "alice"


def test_the_name_of_a_file_reaches_the_terminal_as_text(newcomer: User, grid: Grid) -> None:
    bundle_of_alice(grid, newcomer).rename(newcomer.home / "Downloads/\x1b[31mred.p12")
    shown, code = at_a_terminal(newcomer, "login", answers=[("[Y/n] ", "n")])
    assert code == 107
    assert "Downloads/\\x1b[31mred.p12? " in shown
    assert "\x1b" not in shown


def test_a_pair_with_other_text_around_it_is_copied_byte_for_byte(newcomer: User, grid: Grid) -> None:
    note, source = "Bag Attributes\n    friendlyName: Zoë\n".encode("latin-1"), credentials_of(grid)
    key = note + (source / "user-bob.key.pem").read_bytes()
    (newcomer.home / "usercert.pem").write_bytes((source / "user-bob.pem").read_bytes())
    (newcomer.home / "userkey.pem").write_bytes(key)
    shown, _ = at_a_terminal(newcomer, "login", answers=[("[Y/n] ", "")])
    assert "its key in" in shown
    assert (newcomer.home / ".globus/userkey.pem").read_bytes() == key


@pytest.mark.parametrize("kind", ["text", "certificate only", "directory", "missing", "fifo"])
def test_a_file_that_is_not_a_bundle_is_rejected_in_one_sentence(newcomer: User, grid: Grid, kind: str) -> None:
    path = newcomer.home / "x.p12"
    if kind == "text":
        path.write_text("no bundle")
    elif kind == "certificate only":
        certificate = str(credentials_of(grid) / "user-alice.pem")
        make = ["openssl", "pkcs12", "-export", "-nokeys", "-in", certificate, "-passout", "pass:", "-out", str(path)]
        subprocess.run(make, check=True, capture_output=True)
    elif kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    done = newcomer.run("cert-import", str(path), start_new_session=True)
    assert done.returncode == (2 if kind == "missing" else 22)
    assert str(path) in done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_rc2_that_openssl_does_not_read_is_explained_before_any_question(newcomer: User, grid: Grid) -> None:
    bundle = bundle_of_alice(grid, newcomer, "-legacy")
    newcomer.variables["CRYPTOGRAPHY_OPENSSL_NO_LEGACY"] = "1"
    done = newcomer.run("cert-import", str(bundle), start_new_session=True)
    assert done.returncode == 22
    assert "encrypted with RC2" in done.stderr
    assert f"`openssl pkcs12 -legacy -in {bundle} " in done.stderr


def test_one_of_several_certificates_is_chosen(newcomer: User, grid: Grid) -> None:
    source = credentials_of(grid)
    bundle = bundle_of_alice(grid, newcomer, phrase="")
    shutil.copy(source / "user-bob.pem", newcomer.home / "usercert.pem")
    shutil.copy(source / "user-bob.key.pem", newcomer.home / "userkey.pem")
    os.utime(bundle, (1, 1))
    shown, code = at_a_terminal(newcomer, "login", answers=[("Which one? [1; 0: none] ", "9"), ("0: none] ", "1")])
    assert code == 0, shown
    assert "you are bob" in shown
    assert f"2  {bundle}" in shown
    assert stat.S_IMODE((newcomer.home / ".globus/userkey.pem").stat().st_mode) == 0o600


def test_ctrl_d_at_a_question_changes_nothing(newcomer: User, grid: Grid) -> None:
    bundle_of_alice(grid, newcomer)
    child = pexpect.spawn(ALIENCTL, ["login"], env=newcomer.environment, cwd=str(newcomer.home), timeout=LIMIT)
    child.expect_exact("[Y/n] ")
    child.sendeof()
    child.expect_exact("nothing was changed")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert not (newcomer.home / ".globus").exists()


def test_an_expired_certificate_names_its_end_and_the_clock(newcomer: User, tmp_path: Path) -> None:
    old = Authority(tmp_path).issue("alice", begins=-2 * DAY, ends=-DAY)
    put_pair(newcomer, Path(old.certificate), Path(old.key))
    done = newcomer.run("login", start_new_session=True)
    assert done.returncode == 107
    assert " expired at " in done.stderr
    assert "this machine's clock says " in done.stderr
    assert "get a new one from your certification authority" in done.stderr
    assert len(done.stderr.splitlines()) == 3


def test_an_expired_bundle_is_not_imported(newcomer: User, tmp_path: Path) -> None:
    old = Authority(tmp_path).issue("alice", begins=-2 * DAY, ends=-DAY)
    bundle = export(Path(old.certificate), Path(old.key), newcomer.home / "old.p12", phrase="")
    done = newcomer.run("cert-import", "--no-passphrase", str(bundle), start_new_session=True)
    assert done.returncode == 22
    assert " expired at " in done.stderr
    assert not (newcomer.home / ".globus").exists()


def test_a_new_bundle_replaces_an_expired_certificate(newcomer: User, grid: Grid, tmp_path: Path) -> None:
    old = Authority(tmp_path).issue("alice", begins=-2 * DAY, ends=-DAY)
    put_pair(newcomer, Path(old.certificate), Path(old.key))
    bundle = bundle_of_alice(grid, newcomer, phrase="")
    answers = [(f"Import {bundle}? [Y/n] ", "y"), ("The old files are kept. [y/N] ", "y"), ("(empty: none): ", "")]
    shown, code = at_a_terminal(newcomer, "login", answers=answers)
    assert code == 0, shown
    assert "you are alice" in shown


@contextmanager
def service_in(days: float, directory: Path) -> Iterator[tuple[Authority, int]]:
    """A service whose clock is so many days ahead of ours, and whose certificate is dated by its clock."""
    authority = Authority(directory, "Clock CA")
    shift = days * DAY
    issued = authority.issue("localhost", host="localhost", begins=shift - 3600, ends=shift + DAY)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return formatdate((timestamp or time.time()) + shift, usegmt=True)

        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield authority, server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("days", [2, -2])
def test_a_wrong_clock_is_compared_with_that_of_the_service(newcomer: User, tmp_path: Path, days: int) -> None:
    with service_in(days, tmp_path) as (authority, port):
        own = authority.issue("alice", begins=-3600, ends=5 * DAY)
        put_pair(newcomer, Path(own.certificate), Path(own.key))
        newcomer.variables |= {
            "ALIENPY_JCENTRAL": "localhost",
            "ALIENPY_JCENTRAL_PORT": str(port),
            "X509_CERT_DIR": str(Path(authority.ca).parent),
        }
        done = newcomer.run("login", start_new_session=True)
    assert done.returncode == 107
    lines = done.stderr.splitlines()
    assert len(lines) == 3
    assert "this machine's clock says " in lines[0]
    assert "the service's clock says " in lines[0]
    assert lines[2] == "then run: `alienctl login`"


def test_a_wrong_clock_is_found_with_a_good_token_too(newcomer: User, tmp_path: Path) -> None:
    with service_in(2, tmp_path) as (authority, port):
        token = authority.issue("alice", begins=-3600, ends=5 * DAY)
        newcomer.variables |= {
            "ALIENPY_JCENTRAL": "localhost",
            "ALIENPY_JCENTRAL_PORT": str(port),
            "X509_CERT_DIR": str(Path(authority.ca).parent),
            "JALIEN_TOKEN_CERT": token.certificate,
            "JALIEN_TOKEN_KEY": token.key,
        }
        done = newcomer.run("login", start_new_session=True)
    assert done.returncode == 107
    assert "the service's clock says " in done.stderr


def test_a_certificate_of_tomorrow_points_at_the_clock(newcomer: User, tmp_path: Path) -> None:
    early = Authority(tmp_path).issue("alice", begins=DAY, ends=2 * DAY)
    put_pair(newcomer, Path(early.certificate), Path(early.key))
    done = newcomer.run("login", start_new_session=True)
    assert done.returncode == 107
    assert "is valid only from " in done.stderr
    assert "this machine's clock says " in done.stderr
    assert "set it" in done.stderr


def test_a_certificate_of_an_unknown_authority_is_explained(newcomer: User, tmp_path: Path) -> None:
    foreign = Authority(tmp_path, "Foreign CA").issue("alice")
    put_pair(newcomer, Path(foreign.certificate), Path(foreign.key))
    done = newcomer.run("login", start_new_session=True)
    assert done.returncode == 129
    assert "its authority is CN=Foreign CA" in done.stderr
    assert "`alienctl cert-import FILE.p12`" in done.stderr


def test_a_service_of_an_unknown_authority_is_explained(newcomer: User, grid: Grid, tmp_path: Path) -> None:
    put_pair_of_alice(newcomer, grid)
    newcomer.variables["X509_CERT_DIR"] = str(Path(Authority(tmp_path).ca).parent)
    done = newcomer.run("login", start_new_session=True)
    assert done.returncode == 107
    assert f"is not signed by an authority in {newcomer.variables['X509_CERT_DIR']}" in done.stderr
    assert "run: `alienctl getCAcerts`" in done.stderr


def test_without_authorities_login_explains_how_to_install_them(newcomer: User, grid: Grid) -> None:
    put_pair_of_alice(newcomer, grid)
    del newcomer.variables["X509_CERT_DIR"]
    empty = newcomer.home / "empty"
    empty.mkdir()
    configuration = newcomer.home / ".config/aliend/config.toml"
    configuration.parent.mkdir(parents=True)
    configuration.write_text(f'[tls]\nca = "{empty}"\n')
    done = newcomer.run("login", start_new_session=True)
    assert done.returncode == 107
    assert str(empty) in done.stderr
    assert "run: `alienctl getCAcerts`" in done.stderr


def test_a_certificate_that_the_service_does_not_know_is_explained(newcomer: User, grid: Grid) -> None:
    made = subprocess.run(
        [sys.executable, "-c", _ISSUE, str(credentials_of(grid).parent)], check=True, capture_output=True
    )
    for name, text in zip(("mallory.pem", "mallory.key"), json.loads(made.stdout), strict=True):
        (newcomer.home / name).write_text(text)
    put_pair(newcomer, newcomer.home / "mallory.pem", newcomer.home / "mallory.key")
    done = newcomer.run("login", start_new_session=True)
    assert done.returncode == 129
    assert "does not know the certificate C=CH/O=Sandbox Grid/CN=mallory" in done.stderr
    assert "register it with the ALICE virtual organisation" in done.stderr
    assert len(done.stderr.splitlines()) <= 3


_ISSUE = """
import json, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from cryptography.x509.oid import NameOID as N
from aliend.sandbox import certificates
from aliend.sandbox.layout import Layout
names = [(N.COUNTRY_NAME, "CH"), (N.ORGANIZATION_NAME, "Sandbox Grid"), (N.COMMON_NAME, "mallory")]
until = datetime.now(UTC) + timedelta(days=9)
print(json.dumps(certificates.issue_token(Layout(Path(sys.argv[1])), names, until)))
"""


def test_a_key_of_another_certificate_is_explained(newcomer: User, grid: Grid) -> None:
    put_pair(newcomer, credentials_of(grid) / "user-alice.pem", credentials_of(grid) / "user-bob.key.pem")
    for problem in ("does not belong to the certificate", "No such file"):
        done = newcomer.run("login", start_new_session=True)
        assert done.returncode == 107
        assert problem in done.stderr
        assert done.stderr.endswith("run: `alienctl cert-import FILE.p12`\n")
        (newcomer.home / ".globus/userkey.pem").unlink(missing_ok=True)


def test_an_unreachable_service_is_named(newcomer: User, grid: Grid) -> None:
    put_pair_of_alice(newcomer, grid)
    newcomer.variables |= {"ALIENPY_JCENTRAL": "localhost", "ALIENPY_JCENTRAL_PORT": "9"}
    done = newcomer.run("login", start_new_session=True)
    assert done.returncode == 107
    assert "cannot connect to localhost:9: connection refused" in done.stderr


def test_logout_removes_the_token_and_the_unlocked_key(newcomer: User, grid: Grid) -> None:
    bundle = bundle_of_alice(grid, newcomer, phrase="")
    answers = [("[Y/n] ", ""), ("(empty: none): ", KEY_PHRASE), ("Repeat the passphrase: ", KEY_PHRASE)]
    at_a_terminal(newcomer, "login", answers=answers)
    assert bundle.exists()
    said = newcomer.must("logout")
    assert [line for line in said.splitlines() if line.startswith("removed ")] == [
        f"removed {file}" for file in reversed(token_files(newcomer))
    ]
    assert "the daemon forgot the keys that you unlocked" in said
    assert not any(file.exists() for file in token_files(newcomer))
    assert newcomer.run("whoami", start_new_session=True).returncode == 107
    assert newcomer.json("logout") == {"removed": [], "forgot_keys": False}


def test_logout_warns_that_a_key_without_passphrase_logs_in_again(newcomer: User, grid: Grid) -> None:
    put_pair_of_alice(newcomer, grid)
    newcomer.must("login")
    assert "has no passphrase" in newcomer.run("logout").stderr


def test_logout_in_a_chain_still_means_exit(newcomer: User, grid: Grid) -> None:
    put_pair_of_alice(newcomer, grid)
    newcomer.must("login")
    assert newcomer.must("whoami; logout; whoami") == "alice"
    assert all(file.exists() for file in token_files(newcomer))


def test_logout_under_the_name_of_the_incumbent_client_still_means_exit(newcomer: User, grid: Grid) -> None:
    put_pair_of_alice(newcomer, grid)
    newcomer.must("login")
    newcomer.must("install-names", "bin")
    newcomer.command = str(newcomer.home / "bin/alien.py")
    assert newcomer.must("logout") == ""
    assert all(file.exists() for file in token_files(newcomer))


def test_token_init_prints_path_and_validity_of_the_token(newcomer: User, grid: Grid) -> None:
    put_pair_of_alice(newcomer, grid)
    done = newcomer.run("token-init", "-v", "5")
    assert done.returncode == 0
    assert [line.split(" >>> ")[0] for line in done.stdout.splitlines()] == ["DN", "ISSUER", "BEGIN", "EXPIRE"]
    assert done.stderr.startswith(f"the token is in {token_files(newcomer)[0]}, valid for ")
    assert done.stderr.endswith(" days\n")


def test_invalid_arguments_of_token_init_are_rejected(newcomer: User, grid: Grid) -> None:
    put_pair_of_alice(newcomer, grid)
    for words in (["nonsense"], ["-v", "5", "nonsense"], ["nonsense", "-u", "alice"]):
        done = newcomer.run("token-init", *words)
        assert done.returncode == 22
        assert "'nonsense'" in done.stderr
    assert not any(file.exists() for file in token_files(newcomer))


def test_version_and_help_need_no_credentials(newcomer: User) -> None:
    assert newcomer.must("-V") == newcomer.must("version")
    assert newcomer.must("whereis", "--help") == newcomer.must("help", "whereis")
    assert newcomer.must("token-init", "-h") == newcomer.must("help", "token-init")
    for words in (("help", "guidinfo"), ("guidinfo", "--help")):
        said = newcomer.must(*words)
        assert said.startswith("guidinfo is a command of the central service")
        assert "`alienctl login`" in said
    assert "alienctl login" in newcomer.must("login", "--help")
    assert "alienctl cert-import" in newcomer.must("help", "cert-import")


def test_an_unknown_command_is_rejected_without_credentials(newcomer: User) -> None:
    for words in (("whreis",), ("whreis", "--help"), ("help", "whreis")):
        done = newcomer.run(*words)
        assert done.returncode == 1
        assert "did you mean whereis" in done.stderr


def test_without_credentials_a_command_points_at_login(newcomer: User) -> None:
    done = newcomer.run("ls")
    assert done.returncode == 107
    assert "`alienctl login`" in done.stderr
