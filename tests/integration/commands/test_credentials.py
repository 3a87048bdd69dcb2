"""Certificates and tokens as the incumbent client has them, row by row of its list of features, on a real grid."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness import Grid, User, alive, eventually, make_user
from tests.integration.central.service import DAY, Authority

PASSPHRASE = "open sesame"


def credentials_of(grid: Grid) -> Path:
    return Path(grid.exports["JALIEN_TOKEN_CERT"]).parent


def token_files(user: User) -> tuple[Path, Path]:
    folder = user.home / "tmp"
    return folder / f"tokencert_{os.getuid()}.pem", folder / f"tokenkey_{os.getuid()}.pem"


def put_user_certificate(user: User, grid: Grid, name: str = "alice", passphrase: str = "") -> None:
    globus = user.home / ".globus"
    globus.mkdir(exist_ok=True)
    source = credentials_of(grid)
    shutil.copy(source / f"user-{name}.pem", globus / "usercert.pem")
    (globus / "userkey.pem").unlink(missing_ok=True)
    key = source / f"user-{name}.key.pem"
    if passphrase:
        encrypt = ["openssl", "rsa", "-aes256", "-passout", f"pass:{passphrase}", "-in", str(key)]
        subprocess.run([*encrypt, "-out", str(globus / "userkey.pem")], check=True, capture_output=True)
    else:
        shutil.copy(key, globus / "userkey.pem")
    (globus / "userkey.pem").chmod(0o400)


def base(grid: Grid) -> dict[str, str]:
    keep = ("ALIENPY_JCENTRAL", "ALIENPY_JCENTRAL_PORT", "X509_CERT_DIR")
    return {name: value for name, value in grid.exports.items() if name in keep}


@pytest.fixture
def bare(grid: Grid) -> Iterator[User]:
    """A user of the grid without certificate and token."""
    for user in make_user(base(grid)):
        (user.home / "tmp").mkdir()
        user.variables["TMPDIR"] = str(user.home / "tmp")
        yield user


@pytest.fixture
def owner(bare: User, grid: Grid) -> User:
    """A user with a certificate whose key is open, and no token."""
    put_user_certificate(bare, grid)
    return bare


@pytest.fixture
def locked(bare: User, grid: Grid) -> User:
    """A user with a certificate whose key is encrypted, and no token."""
    put_user_certificate(bare, grid, passphrase=PASSPHRASE)
    return bare


def subject(user: User) -> str:
    return str(user.json("daemon", "status")["central"][0]["subject"])


def test_f030_user_certificate_in_its_usual_place_and_by_variables(owner: User) -> None:
    assert owner.must("cert-info").startswith("DN >>> C=CH/O=Sandbox Grid/CN=alice\n")
    (owner.home / ".globus").rename(owner.home / "elsewhere")
    assert owner.run("cert-info").returncode == 2
    owner.variables["X509_USER_CERT"] = str(owner.home / "elsewhere/usercert.pem")
    owner.variables["X509_USER_KEY"] = str(owner.home / "elsewhere/userkey.pem")
    assert owner.must("cert-info").startswith("DN >>> C=CH/O=Sandbox Grid/CN=alice\n")
    assert owner.must("whoami") == "alice"


def test_f031_first_command_with_the_users_certificate_writes_a_token(owner: User) -> None:
    owner.must("ls")
    for file in token_files(owner):
        assert stat.S_IMODE(file.stat().st_mode) == 0o400
    assert "O=AliEn2/CN=Users/CN=alice/OU=alice" in subject(owner)
    assert [central["logins"] for central in owner.json("daemon", "status")["central"]] == [1]


def test_f032_token_variables_name_other_files(owner: User) -> None:
    owner.variables["JALIEN_TOKEN_CERT"] = str(owner.home / "my.pem")
    owner.variables["JALIEN_TOKEN_KEY"] = str(owner.home / "my.key")
    owner.must("token-init")
    assert (owner.home / "my.pem").exists()
    assert owner.must("tokenkey-match").startswith(f"{owner.home}/my.pem and the key {owner.home}/my.key")
    assert not any(file.exists() for file in token_files(owner))


@pytest.mark.parametrize("header", ["RSA PRIVATE KEY", "PRIVATE KEY"])
def test_f033_token_as_text_with_either_kind_of_key(bare: User, grid: Grid, header: str) -> None:
    key = Path(grid.exports["JALIEN_TOKEN_KEY"])
    convert = ["openssl", "pkey", "-in", str(key), *(["-traditional"] if header.startswith("RSA") else [])]
    text = subprocess.run(convert, check=True, capture_output=True, text=True).stdout
    assert text.startswith(f"-----BEGIN {header}-----")
    bare.variables["JALIEN_TOKEN_CERT"] = Path(grid.exports["JALIEN_TOKEN_CERT"]).read_text()
    bare.variables["JALIEN_TOKEN_KEY"] = text
    assert bare.must("whoami") == "alice"
    left = [file for file in bare.home.rglob("*") if file.is_file() and b"PRIVATE KEY-----" in file.read_bytes()]
    assert left == []
    refused = bare.run("token-init")
    assert refused.returncode == 22
    assert "given as text" in refused.stderr


def test_f034_token_of_less_than_ten_minutes_is_replaced(owner: User, tmp_path: Path) -> None:
    short = Authority(tmp_path).issue("alice", ends=300)
    for file, source in zip(token_files(owner), (short.certificate, short.key), strict=True):
        shutil.copy(source, file)
        file.chmod(0o600)
    owner.must("ls")
    assert "Sandbox Authority" in owner.must("token-info")


def test_f035_expired_token_is_renewed_with_the_users_certificate(owner: User, tmp_path: Path) -> None:
    old = Authority(tmp_path).issue("alice", begins=-2 * DAY, ends=-DAY)
    for file, source in zip(token_files(owner), (old.certificate, old.key), strict=True):
        shutil.copy(source, file)
        file.chmod(0o600)
    assert owner.run("token-info").returncode == 2
    assert owner.must("whoami") == "alice"
    assert owner.run("token-info").returncode == 0


def at_a_terminal(user: User, words: list[str], answers: list[bytes]) -> tuple[str, int]:
    """Run a command at a separate terminal and answer each prompt for a passphrase; return output and exit code."""
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(user.home)
        os.execve(words[0], words, user.environment | {"TERM": "xterm"})
    shown, seen = b"", 0
    try:
        while select.select([terminal], [], [], 60)[0]:
            data = os.read(terminal, 4096)
            shown += data
            while shown.count(b"Passphrase of") > seen and answers and shown.endswith(b": "):
                seen += 1
                os.write(terminal, answers.pop(0))
            if not data:
                break
    except OSError:
        shown += b""  # EIO: the other side has ended
    finally:
        os.close(terminal)
    return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_f036_passphrase_is_asked_for_at_the_terminal_also_from_a_script(locked: User) -> None:
    script = ["/bin/bash", "-c", f"{locked.command} whoami; echo code=$?"]
    shown, _ = at_a_terminal(locked, script, [b"wrong\n", f"{PASSPHRASE}\n".encode()])
    assert "does not open the key" in shown
    assert "alice\r\ncode=0" in shown
    assert PASSPHRASE not in shown
    assert all(file.exists() for file in token_files(locked))


def test_f036_unlocked_key_is_only_in_memory(locked: User) -> None:
    shown, code = at_a_terminal(locked, [locked.command, "token-init"], [f"{PASSPHRASE}\n".encode()])
    assert (code, "EXPIRE >>>" in shown) == (0, True)
    locked.must("token-init")  # no terminal here: the daemon still has the key
    key = b"BEGIN RSA PRIVATE KEY", b"BEGIN PRIVATE KEY"
    written = [file for file in locked.home.rglob("*") if file.is_file() and any(k in file.read_bytes() for k in key)]
    assert written == [token_files(locked)[1]]
    locked.kill_daemon()
    again = locked.run("token-init", start_new_session=True)
    assert again.returncode == 107
    assert "encrypted" in again.stderr


def test_f036_without_a_terminal_a_program_of_the_user_may_answer(locked: User) -> None:
    program = locked.home / "askpass"
    program.write_text(f'#!/bin/sh\necho "$1" > {locked.home}/prompt\necho "{PASSPHRASE}"\n')
    program.chmod(0o700)
    locked.variables["ALIEND_ASKPASS"] = str(program)
    assert locked.must("whoami", start_new_session=True) == "alice"
    assert (locked.home / "prompt").read_text() == f"Passphrase of {locked.home}/.globus/userkey.pem: \n"


def test_f036_a_refused_passphrase_is_explained_in_three_lines(locked: User) -> None:
    done = locked.run("whoami", start_new_session=True)
    assert (done.returncode, done.stdout) == (107, "")
    assert len(done.stderr.splitlines()) == 3
    assert "encrypted" in done.stderr


def test_f037_without_credentials_one_message_and_no_connection(bare: User) -> None:
    done = bare.run("ls")
    assert done.returncode == 107
    assert len(done.stderr.splitlines()) == 1
    assert bare.json("daemon", "status")["central"][0]["logins"] == 0


def test_f038_token_is_private_under_any_umask_and_never_written_through_a_link(owner: User) -> None:
    certificate, key = token_files(owner)
    owner.must("token-init", umask=0)
    assert [stat.S_IMODE(file.stat().st_mode) for file in (certificate, key)] == [0o400, 0o400]
    before = certificate.read_bytes()
    key.rename(owner.home / "kept")
    target = owner.home / "target"
    target.write_text("untouched")
    key.symlink_to(target)
    refused = owner.run("token-init")
    assert refused.returncode == 22
    assert "symbolic link" in refused.stderr
    assert (target.read_text(), certificate.read_bytes()) == ("untouched", before)
    assert sorted(file.name for file in certificate.parent.iterdir()) == sorted([certificate.name, key.name])


def test_f042_service_of_another_authority_is_refused(owner: User, tmp_path: Path) -> None:
    owner.variables["X509_CERT_DIR"] = str(Path(Authority(tmp_path).ca).parent)
    done = owner.run("whoami")
    assert done.returncode == 107
    assert "not signed by an authority in" in done.stderr
    assert not any(file.exists() for file in token_files(owner))


def test_f043_options_of_token_init_reach_the_service(bare: User, grid: Grid) -> None:
    put_user_certificate(bare, grid, "admin")
    info = bare.must("token-init", "-v", "5", "-u", "alice")
    assert "CN=admin/OU=alice" in info
    begin, end = (line.split(" >>> ")[1] for line in info.splitlines()[2:])
    assert begin[:7] <= end[:7]
    assert bare.must("whoami") == "alice"
    put_user_certificate(bare, grid, "alice")  # the request of an administrator would not be reduced
    reduced = bare.run("token-init", "-v", "99")
    assert reduced.returncode == 0
    assert "Reducing the validity from 99 to 31" in reduced.stderr


def test_f043_new_role_applies_immediately(bare: User, grid: Grid) -> None:
    put_user_certificate(bare, grid, "admin")
    assert bare.must("whoami") == "admin"
    bare.must("token-init", "-u", "bob")
    assert bare.must("whoami") == "bob"
    assert bare.must("home").endswith("/b/bob/")
    bare.must("token-init")
    assert bare.must("whoami") == "admin"


def test_f043_refused_role_leaves_the_old_token(owner: User) -> None:
    owner.must("token-init")
    before = token_files(owner)[0].read_bytes()
    refused = owner.run("token-init", "-u", "admin")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "Switching user" in refused.stderr
    assert token_files(owner)[0].read_bytes() == before


def test_f043_files_on_the_service_are_never_asked_for(owner: User) -> None:
    for words in (("token-init", "-wcert", "/tmp/x"), ("token", "-wkey=/tmp/x"), ("token-init", "-w", "/tmp/x")):
        done = owner.run(*words)
        assert done.returncode == 22, words


def test_f044_help_of_token_init_comes_from_the_service(owner: User) -> None:
    assert "token-init" in owner.must("token-init", "-h")


def test_f045_token_prints_pem_and_writes_nothing(user: User, grid: Grid) -> None:
    before = Path(grid.exports["JALIEN_TOKEN_CERT"]).read_bytes()
    done = user.run("token", "-v", "1")
    assert done.returncode == 0
    assert "BEGIN CERTIFICATE" in done.stdout
    assert "BEGIN RSA PRIVATE KEY" in done.stdout
    assert "only printed, not stored" in done.stderr
    assert Path(grid.exports["JALIEN_TOKEN_CERT"]).read_bytes() == before
    assert user.run("token", "-u", "bob").returncode == 22


def test_f046_expired_token_shows_its_dates_and_fails(bare: User, tmp_path: Path) -> None:
    old = Authority(tmp_path).issue("alice", begins=-2 * DAY, ends=-DAY)
    shutil.copy(old.certificate, token_files(bare)[0])
    done = bare.run("token-info")
    assert done.returncode == 2
    assert [line.split(" >>> ")[0] for line in done.stdout.splitlines()] == ["DN", "ISSUER", "BEGIN", "EXPIRE"]
    assert "expired" in done.stderr
    token_files(bare)[0].write_text("garbage")
    assert bare.run("token-info").returncode == 2


def test_f047_token_destroy_removes_both_files_also_of_an_expired_token(owner: User, tmp_path: Path) -> None:
    old = Authority(tmp_path).issue("alice", begins=-2 * DAY, ends=-DAY)
    shutil.copy(old.certificate, token_files(owner)[0])
    shutil.copy(old.key, token_files(owner)[1])
    assert len(owner.must("token-destroy").splitlines()) == 2
    assert not any(file.exists() for file in token_files(owner))
    assert owner.must("token-destroy") == "no token to remove"


def test_f047_destroyed_token_is_not_used_any_more(user: User, grid: Grid) -> None:
    for name in ("JALIEN_TOKEN_CERT", "JALIEN_TOKEN_KEY"):
        copied = user.home / name
        shutil.copy(grid.exports[name], copied)
        user.variables[name] = str(copied)
    user.variables |= {"X509_USER_CERT": "/nonexistent", "X509_USER_KEY": "/nonexistent"}
    user.must("whoami")
    user.must("token-destroy")
    assert user.run("whoami").returncode == 107


def test_f048_chains_are_verified(owner: User, tmp_path: Path) -> None:
    assert owner.run("token-verify").returncode == 2
    owner.must("token-init")
    assert owner.run("cert-verify").returncode == owner.run("token-verify").returncode == 0
    foreign = Authority(tmp_path).issue("alice")
    owner.variables["X509_USER_CERT"] = foreign.certificate
    failed = owner.run("cert-verify")
    assert failed.returncode == 1
    assert "not signed by an authority" in failed.stderr
    broken = owner.home / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    owner.variables["X509_USER_CERT"] = str(broken)
    assert owner.run("cert-verify").returncode == 5


def test_f049_matching_and_mismatched_keys_are_distinguished(owner: User, grid: Grid) -> None:
    owner.must("token-init")
    assert owner.run("certkey-match").returncode == owner.run("tokenkey-match").returncode == 0
    owner.variables["X509_USER_CERT"] = str(credentials_of(grid) / "user-bob.pem")
    assert owner.run("certkey-match").returncode == 42
    owner.variables["X509_USER_CERT"] = "/nonexistent"
    assert owner.run("certkey-match").returncode == 5


def test_f049_pair_with_an_encrypted_key_asks(locked: User) -> None:
    shown, code = at_a_terminal(locked, [locked.command, "certkey-match"], [f"{PASSPHRASE}\n".encode()])
    assert (code, "are a pair" in shown) == (0, True)
    assert locked.run("certkey-match", start_new_session=True).returncode == 5


def repository(folder: Path, fill: Callable[[Path], None]) -> str:
    """A git repository with the files that `fill` makes."""
    folder.mkdir()
    fill(folder)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(folder)]
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--allow-empty", "-m", "all"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    return f"file://{folder}"


def test_f050_authorities_are_installed_with_hashed_names(owner: User, grid: Grid) -> None:
    ca = Path(grid.exports["X509_CERT_DIR"]) / "sandbox.pem"

    def fill(folder: Path) -> None:
        (folder / "cern").mkdir()
        shutil.copy(ca, folder / "cern/CERN-GridCA.pem")
        (folder / "README.md").write_text("not in a directory")

    source = repository(owner.home / "repository", fill)
    said = owner.must("getCAcerts", "-from", source, umask=0o022)
    installed = owner.home / ".globus/certificates"
    assert str(installed) in said
    hashed = subprocess.run(
        ["openssl", "x509", "-hash", "-noout", "-in", ca], check=True, capture_output=True, text=True
    ).stdout.strip()
    assert sorted(file.name for file in installed.iterdir()) == sorted(["CERN-GridCA.pem", f"{hashed}.0"])
    assert stat.S_IMODE(installed.stat().st_mode) == 0o755
    owner.variables["X509_CERT_DIR"] = str(installed)
    assert owner.must("whoami") == "alice"


def test_f050_old_authorities_stay_until_new_ones_are_whole(owner: User, grid: Grid) -> None:
    old = owner.home / "cas/certificates"
    old.mkdir(parents=True)
    (old / "old.pem").write_text("old")
    empty = repository(owner.home / "empty", lambda folder: (folder / "x").mkdir())
    for source, code in (
        (empty, 22),
        ("file:///nonexistent", 107),
        ("ext::sh -c true", 22),
        ("http://x.invalid/", 107),
    ):
        done = owner.run("getCAcerts", "-from", source, "cas")
        assert (done.returncode, done.stdout) == (code, ""), done
        assert (old / "old.pem").read_text() == "old"
    ca = Path(grid.exports["X509_CERT_DIR"]) / "sandbox.pem"

    def fill(folder: Path) -> None:
        (folder / "new").mkdir()
        shutil.copy(ca, folder / "new/new.pem")

    owner.must("getCAcerts", "-from", repository(owner.home / "good", fill), "cas")
    assert (old / "new.pem").exists()
    assert not (old / "old.pem").exists()
    assert [file.name for file in old.parent.iterdir()] == ["certificates"]


def test_f050_without_git_the_authorities_that_ship_with_us_are_installed(owner: User) -> None:
    (owner.home / "bin").mkdir()
    owner.variables["PATH"] = f"{Path(owner.command).parent}:{owner.home}/bin"
    done = owner.run("getCAcerts")
    assert done.returncode == 0, done.stderr
    assert "git, which is not installed" in done.stderr
    assert "the authorities that ship with aliend" in done.stderr
    installed = owner.home / ".globus/certificates"
    names = {file.name for file in installed.iterdir()}
    assert {"CERN-GridCA.pem", "CERN-Root-2.pem"} <= names
    chain = ["openssl", "verify", "-CApath", str(installed), str(installed / "CERN-GridCA.pem")]
    subprocess.run(chain, check=True, capture_output=True)
    named = owner.run("getCAcerts", "-from", "https://example.invalid/cas.git", "elsewhere")
    assert named.returncode == 22
    assert not (owner.home / "elsewhere/certificates").exists()


def issued_by_the_grid(owner: User, grid: Grid, seconds: int, names: tuple[str, str] = ("alice", "alice")) -> None:
    """Put a token of the grid's own authority into place that ends in so many seconds."""
    made = subprocess.run(
        [sys.executable, "-c", _MAKE, str(credentials_of(grid).parent), str(seconds), *names],
        check=True,
        capture_output=True,
    )
    certificate, key = json.loads(made.stdout)
    for file, text in zip(token_files(owner), (certificate, key), strict=True):
        file.unlink(missing_ok=True)
        file.write_text(text)
        file.chmod(0o600)


_MAKE = """
import json, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from cryptography.x509.oid import NameOID as N
from aliend.sandbox import certificates
from aliend.sandbox.layout import Layout
names = [(N.COUNTRY_NAME, "ch"), (N.ORGANIZATION_NAME, "AliEn2"), (N.COMMON_NAME, "Users")]
names += [(N.COMMON_NAME, sys.argv[3]), (N.ORGANIZATIONAL_UNIT_NAME, sys.argv[4])]
until = datetime.now(UTC) + timedelta(seconds=int(sys.argv[2]))
print(json.dumps(certificates.issue_token(Layout(Path(sys.argv[1])), names, until)))
"""


def test_f051_a_token_near_expiry_is_renewed_while_the_daemon_runs(owner: User, grid: Grid) -> None:
    issued_by_the_grid(owner, grid, 1800)
    before = owner.must("token-info")
    assert owner.must("whoami") == "alice"
    after = owner.must("token-info")
    assert after.splitlines()[3] > before.splitlines()[3]
    assert owner.must("whoami") == "alice"
    assert owner.json("daemon", "status")["warnings"] == []
    pid = owner.pid()
    assert alive(pid)


def test_f051_new_token_replaces_the_connections_without_a_failed_command(owner: User, grid: Grid) -> None:
    owner.must("token-init")
    looping = 'for i in $(seq 40); do "$0" whoami || exit 1; done'
    loop = subprocess.Popen(
        ["bash", "-c", looping, owner.command], env=owner.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    for _ in range(3):
        owner.must("token-init")
    said, complaints = loop.communicate(timeout=120)
    assert (loop.returncode, complaints) == (0, b"")
    assert said.decode().split() == ["alice"] * 40


def test_f051_end_that_cannot_be_avoided_is_warned_of_once_and_shown_in_the_status(bare: User, grid: Grid) -> None:
    issued_by_the_grid(bare, grid, 7200)
    done = bare.run("whoami")
    assert done.returncode == 0
    assert "warning: your token" in done.stderr
    assert "in 119 minutes" in done.stderr or "in 2 hours" in done.stderr
    assert bare.run("whoami").stderr == ""
    assert "your token" in bare.json("daemon", "status")["warnings"][0]


def test_f051_locked_key_is_named_in_the_warning(locked: User, grid: Grid) -> None:
    issued_by_the_grid(locked, grid, 7200)
    assert "token-init" in locked.run("whoami").stderr


def test_f051_renewed_token_has_the_role_of_the_old_one(bare: User, grid: Grid) -> None:
    put_user_certificate(bare, grid, "admin")
    bare.must("token-init", "-u", "bob")
    issued_by_the_grid(bare, grid, 1800, ("admin", "bob"))
    assert bare.must("whoami") == "bob"
    assert bare.must("token-info").startswith("DN >>> C=ch/O=AliEn2/CN=Users/CN=admin/OU=bob\n")
    assert bare.json("daemon", "status")["warnings"] == []


def test_f051_token_written_by_another_program_is_used(bare: User, grid: Grid) -> None:
    issued_by_the_grid(bare, grid, 7200)
    bare.run("whoami")
    issued_by_the_grid(bare, grid, 40 * int(DAY))
    ends = bare.must("token-info").splitlines()[3].removeprefix("EXPIRE >>> ").replace(" ", "T") + "Z"
    bare.must("ls")
    eventually(lambda: bare.json("daemon", "status")["central"][0]["certificate_ends"] == ends)


@pytest.mark.parametrize("name", ["alien-token-init", "alien-token-info", "alien-token-destroy", "alien-cert-info"])
def test_f052_executables_of_the_incumbent_client(owner: User, name: str) -> None:
    if name in ("alien-token-info", "alien-token-destroy"):
        owner.must("token-init")
    command = str(Path(owner.command).with_name(name))
    done = subprocess.run([command], env=owner.environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert ("removed" if name == "alien-token-destroy" else "DN >>> ") in done.stdout


def test_a_file_that_is_not_a_token_is_never_overwritten(owner: User) -> None:
    precious = owner.home / "thesis.tex"
    precious.write_text("\\documentclass{book}")
    owner.variables["JALIEN_TOKEN_CERT"] = str(precious)
    assert owner.must("whoami") == "alice"
    refused = owner.run("token-init")
    assert refused.returncode == 22
    assert "is not a token, so it is not overwritten" in refused.stderr
    assert precious.read_text() == "\\documentclass{book}"


def test_a_certificate_that_is_not_a_token_is_not_renewed(bare: User, grid: Grid) -> None:
    own = bare.home / "own.pem"
    shutil.copy(credentials_of(grid) / "user-bob.pem", own)
    put_user_certificate(bare, grid, "alice")
    bare.variables["JALIEN_TOKEN_CERT"] = str(own)
    bare.variables["JALIEN_TOKEN_KEY"] = str(credentials_of(grid) / "user-bob.key.pem")
    before = own.read_bytes()
    assert bare.must("whoami") == "bob"
    assert own.read_bytes() == before


def test_transfers_wait_for_a_token_and_resume_automatically(bare: User, grid: Grid) -> None:
    issued_by_the_grid(bare, grid, int(DAY) * 10)
    (bare.home / "file").write_text("content")
    bare.must("mkdir", "-p", "waiting")
    bare.must("token-destroy")
    job = bare.must("cp", "--detach", "file:file", "waiting/file").split()[-1]
    eventually(lambda: "no certificate" in bare.must("transfers", "show", job))
    issued_by_the_grid(bare, grid, int(DAY) * 10)
    bare.must("transfers", "wait", job, "--timeout", "100", timeout=110)
    bare.must("rm", "-r", "waiting")
