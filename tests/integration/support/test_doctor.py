"""`alienctl doctor` on a healthy set-up and on broken ones, each made here, with real processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.harness import UNPRIVILEGED, Grid, User, make_user
from tests.integration.support.test_bug_report import contents

MANY = 30


def findings(user: User, *words: str) -> dict[str, dict[str, Any]]:
    """The checks of `doctor --json`, by name."""
    done = user.run(*words, "doctor", "--json")
    document = json.loads(done.stdout)
    assert done.returncode == (0 if document["healthy"] else 1), done.stderr
    return {check["check"]: check for check in document["checks"]}


def tree(user: User) -> dict[str, tuple[int, int, float]]:
    """Mode, size and time of every file in the home."""
    found = {}
    for path in sorted(user.home.rglob("*")):
        facts = path.lstat()
        found[str(path)] = facts.st_mode, facts.st_size, facts.st_mtime
    return found


def own_credentials(user: User) -> None:
    """Copy the credentials to the user's home, where they may be changed."""
    for name in ("JALIEN_TOKEN_CERT", "JALIEN_TOKEN_KEY", "X509_USER_CERT", "X509_USER_KEY"):
        target = user.home / name
        shutil.copy(user.variables[name], target)
        user.variables[name] = str(target)


def configure(user: User, text: str) -> Path:
    file = user.home / ".config/aliend/config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def state(user: User) -> Path:
    directory = user.home / ".local/state/aliend/default"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    return directory


@pytest.fixture(scope="module")
def patient(grid: Grid) -> Iterator[User]:
    """A user whose set-up the tests break and mend."""
    yield from make_user(grid.exports)


@pytest.fixture
def case(patient: User) -> Iterator[User]:
    """The user with a fresh home and without a daemon."""
    variables = dict(patient.variables)
    yield patient
    patient.run("daemon", "stop", "--force")
    patient.variables, patient.prefix = variables, ()
    for path in patient.home.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    for path in patient.home.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    (patient.home / "run").mkdir(mode=0o700)


def test_a_healthy_set_up_has_no_problem_and_stays_as_it_is(case: User) -> None:
    case.must("cp", "data/run1/part00.root", "file:x")
    before = tree(case)
    found = findings(case)
    assert len(found) > MANY
    assert {name: check["text"] for name, check in found.items() if check["state"] == "problem"} == {}
    for name in ("certificate", "pair", "token", "login", "clock", "port", "daemon", "version", "database", "xrootd"):
        assert found[name]["state"] == "ok", found[name]
    case.must("daemon", "stop")
    stopped = tree(case)
    assert findings(case)["login"]["state"] == "ok"
    assert tree(case) == stopped
    assert set(before) >= {name for name in stopped if "aliend.db" in name}


def test_without_credentials_and_network_it_says_what_is_missing(stranger: User) -> None:
    found = findings(stranger)
    assert {name for name, check in found.items() if check["state"] == "problem"} >= {"certificate", "token", "port"}
    assert found["chain"]["state"] == "unchecked"
    assert list(stranger.home.rglob("*")) == [stranger.home / "run"]
    text = stranger.run("doctor", "--problems").stdout
    assert "-> import your certificate with `alienctl cert-import FILE.p12`" in text


def test_a_hung_daemon_delays_nothing_for_long(case: User) -> None:
    case.must("pwd")
    pid = case.pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        case.must("bug-report", "-o", "report.tar.gz")
    finally:
        os.kill(pid, signal.SIGCONT)
    files = contents(case.home / "report.tar.gz")
    found = {check["check"]: check for check in json.loads(files["doctor.json"])["checks"]}
    assert f"run `kill -CONT {pid}`" in json.loads(files["status.json"])["reason"]
    assert files["doctor.txt"].startswith("problem     daemon ")
    assert "does not answer" in found["throttle"]["text"]
    assert found["daemon"]["state"] == "problem"
    assert f"aliend (pid {pid}) is stopped" in found["daemon"]["text"]
    assert found["login"]["state"] == "ok"


def test_an_earlier_session_of_others_does_not_count(case: User) -> None:
    case.must("pwd")
    case.variables |= {"ALIENPY_JCENTRAL": "localhost", "ALIENPY_JCENTRAL_PORT": "9"}
    found = findings(case)
    assert found["login"]["state"] == "problem"
    assert "cannot connect to localhost:9" in found["login"]["text"]
    assert "correct or unset ALIENPY_JCENTRAL and ALIENPY_JCENTRAL_PORT" in found["port"]["remedy"]
    assert found["clock"]["text"] == "the service cannot be reached"
    assert found["throttle"]["text"] == "the daemon has no session with these credentials yet"


def test_variables_that_name_missing_credentials_are_named(case: User) -> None:
    case.must("pwd")
    names = ("JALIEN_TOKEN_CERT", "JALIEN_TOKEN_KEY", "X509_USER_CERT", "X509_USER_KEY")
    case.variables |= {name: f"{case.home}/{name}.pem" for name in names}
    found = findings(case)
    assert found["login"]["remedy"] == f"correct or unset {', '.join(names)}; then run `alienctl login`"
    assert "(named by X509_USER_CERT)" in found["certificate"]["text"]


def test_a_connected_session_does_not_hide_a_pair_that_does_not_match(case: User) -> None:
    case.must("pwd")
    case.variables |= {"X509_USER_CERT": case.variables["JALIEN_TOKEN_CERT"], "JALIEN_TOKEN_CERT": f"{case.home}/gone"}
    finding = findings(case)["login"]
    assert finding["state"] == "problem"
    assert "does not belong to the certificate" in finding["text"]


def open_key(user: User) -> None:
    own_credentials(user)
    Path(user.variables["X509_USER_KEY"]).chmod(0o644)


def another_key(user: User) -> None:
    own_credentials(user)
    shutil.copy(user.variables["JALIEN_TOKEN_KEY"], user.variables["X509_USER_KEY"])


def no_authorities(user: User) -> None:
    (user.home / "ca").mkdir()
    configure(user, f'[tls]\nca = "{user.home}/ca"\n')
    user.variables.pop("X509_CERT_DIR", None)


def wrong_configuration(user: User) -> None:
    configure(user, "[transfers]\nfiles = 0\n")


def open_configuration(user: User) -> None:
    configure(user, "").chmod(0o666)


def closed_port(user: User) -> None:
    user.variables |= {"ALIENPY_JCENTRAL_PORT": "9"}


def unknown_host(user: User) -> None:
    user.variables |= {"ALIENPY_JCENTRAL": "host.invalid"}


def damaged_database(user: User) -> None:
    database = state(user) / "aliend.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE job (id INTEGER)")
    database.write_bytes(database.read_bytes()[:2000] + b"\xff" * 3000)


def linked_state(user: User) -> None:
    (user.home / "elsewhere").mkdir()
    directory = state(user)
    directory.rmdir()
    directory.symlink_to(user.home / "elsewhere")


def unreadable_state(user: User) -> None:
    user.prefix = UNPRIVILEGED
    state(user).chmod(0o000)


def log_is_a_fifo(user: User) -> None:
    os.mkfifo(state(user) / "aliend.log")


def long_socket(user: User) -> None:
    user.variables |= {"ALIEND_SOCKET": f"/tmp/{'x' * 120}/socket"}


def library_is_missing(user: User) -> None:
    user.variables |= {"ALIEND_LIBRARY_PATH": "/nonexistent"}


def misspelt_variable(user: User) -> None:
    user.variables |= {"ALIENPY_JCENTRALL": "x"}


def left_partial_file(user: User) -> None:
    user.must("cp", "data/run1/part00.root", "file:x")
    (user.home / ".x.77.part").write_bytes(b"rest")


BROKEN: list[tuple[Callable[[User], None], str, str]] = [
    (open_key, "key-mode", "can be read by others"),
    (another_key, "pair", "does not belong"),
    (no_authorities, "authorities", "holds no certificates"),
    (wrong_configuration, "configuration", "files of [transfers] must be at least 1"),
    (open_configuration, "configuration-mode", "mode 666"),
    (closed_port, "port", "Connection refused"),
    (unknown_host, "dns", "host.invalid cannot be resolved"),
    (damaged_database, "database", "damaged"),
    (linked_state, "state-directory", "a link is not accepted"),
    (log_is_a_fifo, "log", "it is a FIFO"),
    (unreadable_state, "state-directory", "no file can be written"),
    (long_socket, "socket", "longer than 107 bytes"),
    (library_is_missing, "library-path", "/nonexistent"),
    (misspelt_variable, "variables", "did you mean ALIENPY_JCENTRAL?"),
    (left_partial_file, "partial-files", ".x.77.part"),
]


@pytest.mark.parametrize(("breaks", "check", "part"), BROKEN, ids=[one.__name__ for one, _, _ in BROKEN])
def test_a_broken_set_up_is_explained(case: User, breaks: Callable[[User], None], check: str, part: str) -> None:
    breaks(case)
    finding = findings(case)[check]
    assert finding["state"] in ("warning", "problem"), finding
    assert part in finding["text"]
    assert finding["remedy"]
