"""The page about what is wrong: each message that it explains is produced here, and reads as the page shows it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.harness import ROOT, UNPRIVILEGED, Grid, User, make_user

PAGE = (ROOT / "docs/when-something-is-wrong.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (.+?)\n\n```text\n(.+?)\n```\n", PAGE, re.MULTILINE | re.DOTALL))
"""The messages of the page by heading; `...` stands for any text."""

Producer = Callable[[User], str]


@pytest.fixture(scope="module")
def common(grid: Grid) -> Iterator[User]:
    yield from make_user(grid.exports)


@pytest.fixture
def reader(common: User) -> Iterator[User]:
    """A user whose variables, configuration and daemon a producer may spoil."""
    variables = dict(common.variables)
    yield common
    spoilt = common.variables != variables
    common.variables, common.prefix = variables, ()
    for name in ("config.toml", "ca"):
        path = common.home / ".config/aliend" / name
        if path.exists():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            spoilt = True
    common.stop_daemons()  # the next user may have another socket or state directory
    if spoilt:
        shutil.rmtree(common.home / ".local", ignore_errors=True)


def output(user: User, *words: str) -> str:
    done = user.run(*words)
    return f"{done.stdout}\n{done.stderr}"


def configure(user: User, text: str) -> None:
    file = user.home / ".config/aliend/config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def without_credentials(user: User) -> None:
    for name in ("JALIEN_TOKEN_CERT", "JALIEN_TOKEN_KEY", "X509_USER_CERT", "X509_USER_KEY"):
        user.variables[name] = str(user.home / "none.pem")


def own_user_certificate(user: User) -> None:
    certificate, key = user.variables["X509_USER_CERT"], user.variables["X509_USER_KEY"]
    without_credentials(user)
    user.variables |= {"X509_USER_CERT": str(user.home / "cert.pem"), "X509_USER_KEY": str(user.home / "key.pem")}
    shutil.copy(certificate, user.home / "cert.pem")
    shutil.copy(key, user.home / "key.pem")
    (user.home / "key.pem").chmod(0o600)


def no_certificate(user: User) -> str:
    without_credentials(user)
    return output(user, "pwd")


def open_key(user: User) -> str:
    own_user_certificate(user)
    (user.home / "key.pem").chmod(0o644)
    return output(user, "pwd")


def no_pair(user: User) -> str:
    token_key = user.variables["JALIEN_TOKEN_KEY"]
    own_user_certificate(user)
    (user.home / "key.pem").write_bytes(Path(token_key).read_bytes())
    return output(user, "certkey-match")


def refused_connection(user: User) -> str:
    user.variables["ALIENPY_JCENTRAL_PORT"] = "9"
    return output(user, "pwd")


def unknown_host(user: User) -> str:
    user.variables["ALIENPY_JCENTRAL"] = "host.invalid"
    return output(user, "pwd")


def no_authorities(user: User) -> str:
    (user.home / "empty").mkdir(exist_ok=True)
    user.variables.pop("X509_CERT_DIR", None)
    configure(user, f'[tls]\nca = "{user.home}/empty"\n')
    return output(user, "pwd")


def other_authorities(user: User) -> str:
    place = user.home / ".config/aliend/ca"
    place.mkdir(parents=True, exist_ok=True)
    bundle = (ROOT / "aliend/authorities/igtf.pem").read_text(encoding="utf-8")
    (place / "all.pem").write_text(bundle, encoding="utf-8")
    user.variables["X509_CERT_DIR"] = str(place)
    return output(user, "pwd")


def other_name(user: User) -> str:
    configure(user, '[tls]\nserver_name = "other.example"\n')
    return output(user, "pwd")


def no_such_file(user: User) -> str:
    return output(user, "cp", "none.root", "file:x")


def no_such_directory(user: User) -> str:
    return output(user, "ls", "/alice/none")


def no_permission(user: User) -> str:
    return output(user, "mkdir", "/alice/mine")


def unknown_command(user: User) -> str:
    return output(user, "whoamy")


def no_such_job(user: User) -> str:
    return output(user, "transfers", "show", "4711")


def no_storage(user: User) -> str:
    (user.home / "x").write_text("x", encoding="utf-8")
    return output(user, "cp", "file:x", "x@NO::SUCH::SE")


def long_socket(user: User) -> str:
    user.variables["ALIEND_SOCKET"] = f"/tmp/{'x' * 110}"
    return output(user, "pwd")


def open_socket_directory(user: User) -> str:
    (user.home / "open").mkdir(exist_ok=True)
    (user.home / "open").chmod(0o755)
    user.variables["ALIEND_SOCKET"] = f"{user.home}/open/socket"
    return output(user, "pwd")


def hung_daemon(user: User) -> str:
    user.must("pwd")
    pid = user.pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        return output(user, "pwd")
    finally:
        os.kill(pid, signal.SIGCONT)


def wrong_toml(user: User) -> str:
    configure(user, "[transfers\n")
    return output(user, "daemon", "check")


def unknown_key(user: User) -> str:
    configure(user, "[transfers]\nfile = 3\n")
    return output(user, "daemon", "check")


def no_sandbox(user: User) -> str:
    return output(user, "--profile", "sandbox", "pwd")


def newer_database(user: User) -> str:
    user.variables["XDG_STATE_HOME"] = str(user.home / "state")
    user.must("daemon", "restart")
    user.must("daemon", "stop")
    database = user.home / "state/aliend/default/aliend.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA user_version = 999")
    return output(user, "pwd")


def unwritable_target(user: User) -> str:
    user.prefix = UNPRIVILEGED
    user.variables["XDG_STATE_HOME"] = str(user.home / "state2")
    target = user.home / "closed"
    target.mkdir(exist_ok=True)
    target.chmod(0o500)
    user.run("daemon", "stop")
    user.must("cp", "--detach", "data/run1/part00.root", "file:closed/")
    held = ""
    for _ in range(100):
        held = output(user, "transfers", "show", "1")
        if "permission denied" in held:
            break
    return held


def daemon_in_a_chain(user: User) -> str:
    return output(user, "pwd; daemon restart")


PRODUCERS: dict[str, Producer] = {
    "No certificate": no_certificate,
    "Others can read the key": open_key,
    "Key and certificate do not match": no_pair,
    "Nothing listens at the service's port": refused_connection,
    "The service's name is unknown": unknown_host,
    "No authorities": no_authorities,
    "The service's authority is unknown": other_authorities,
    "The service's certificate has another name": other_name,
    "No such file": no_such_file,
    "No such directory": no_such_directory,
    "A directory cannot be created": no_permission,
    "Unknown command": unknown_command,
    "No such job": no_such_job,
    "No storage element": no_storage,
    "The socket's path is too long": long_socket,
    "The socket's directory is open to others": open_socket_directory,
    "The daemon does not respond": hung_daemon,
    "The configuration is not TOML": wrong_toml,
    "An unknown setting": unknown_key,
    "No sandbox grid": no_sandbox,
    "The database is newer": newer_database,
    "A job is on hold": unwritable_target,
    "A command that ends the daemon": daemon_in_a_chain,
}


def test_the_page_explains_the_messages_that_are_produced_here() -> None:
    assert list(SECTIONS) == list(PRODUCERS)
    assert len(SECTIONS) >= 20


@pytest.mark.parametrize("heading", PRODUCERS)
def test_a_message_reads_as_the_page_shows_it(reader: User, heading: str) -> None:
    printed = " ".join(PRODUCERS[heading](reader).split())
    parts = map(re.escape, " ".join(SECTIONS[heading].split()).split("..."))
    assert re.search(".+?".join(parts), printed), printed
