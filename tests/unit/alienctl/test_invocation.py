"""The options before the command, the variables for the daemon, and the path of the socket."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import alienctl
import aliend
from alienctl import ClientError, NoDaemonError, main
from alienctl.help import pages
from alienctl.invocation import Invocation
from alienctl.transport import check_directory, socket_path


def test_client_options_must_precede_the_command() -> None:
    invocation = Invocation(["--profile", "p", "--json", "--session=s", "--no-autostart", "ls", "--profile", "x"], {})
    assert (invocation.profile, invocation.session, invocation.autostart) == ("p", "s", False)
    assert invocation.args == ["--json", "ls", "--profile", "x"]
    assert invocation.command == "ls"


def test_the_environment_names_profile_and_session() -> None:
    invocation = Invocation(["pwd"], {b"ALIEN_PROFILE": b"sandbox", b"ALIEN_SESSION": b"work"})
    assert (invocation.profile, invocation.session) == ("sandbox", "work")
    assert invocation.socket.endswith("/sandbox.sock")


def test_without_a_name_the_session_is_the_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "isatty", lambda descriptor: descriptor == 2)
    assert Invocation(["pwd"], {}).session == f"sid:{os.getsid(0)}"


@pytest.mark.parametrize(
    ("has_terminal", "as_alienpy", "base"),
    [(False, False, f"sid:{os.getsid(0)}"), (True, True, "alien.py"), (False, True, "alien.py")],
)
def test_without_a_terminal_and_as_alienpy_the_session_is_new(
    monkeypatch: pytest.MonkeyPatch, has_terminal: bool, as_alienpy: bool, base: str
) -> None:
    monkeypatch.setattr(os, "isatty", lambda _: has_terminal)
    first, second = (Invocation(["pwd"], {}, as_alienpy=as_alienpy).session for _ in range(2))
    assert first != second
    for name in (first, second):
        assert (name[:5], name.split(":", 2)[2]) == ("once:", base)
    assert Invocation(["pwd"], {b"ALIEN_SESSION": b"mine"}, as_alienpy=as_alienpy).session == "mine"


@pytest.mark.parametrize(
    ("name", "is_alienpy"),
    [("/bin/alien.py", True), ("alien_ls", True), ("alien-token-init", True), ("/alien_x/alienctl", False)],
)
def test_the_names_of_alienpy_are_known(name: str, is_alienpy: bool) -> None:
    assert main._is_alienpy(name) is is_alienpy


@pytest.mark.parametrize("words", [["--profile", "a/b"], ["--profile="], ["--profile"], ["--profile", "x" * 65]])
def test_an_invalid_profile_name_is_rejected(words: list[str]) -> None:
    with pytest.raises(ClientError, match="name") as caught:
        Invocation(words, {})
    assert caught.value.code == 22


def test_only_variables_of_the_list_go_to_the_daemon() -> None:
    environment = {
        b"ALIEN_SITE": b"CERN",
        b"X509_USER_CERT": "/ü".encode(),
        b"XRD_STREAMTIMEOUT": b"5",
        b"HOME": b"/home/u",
        b"SECRET": b"1",
        b"PATH": b"/bin",
        b"PAGER": b"\xff",
    }
    assert Invocation(["pwd"], environment).variables() == {
        b"ALIEN_SITE": b"CERN",
        b"X509_USER_CERT": "/ü".encode(),
        b"XRD_STREAMTIMEOUT": b"5",
        b"HOME": b"/home/u",
    }


def test_a_selecting_variable_that_is_not_utf8_is_rejected() -> None:
    with pytest.raises(ClientError, match="JALIEN_TOKEN_CERT"):
        Invocation(["pwd"], {b"JALIEN_TOKEN_CERT": b"/\xff"}).variables()


def test_the_socket_is_in_the_runtime_directory_when_that_is_ours(tmp_path: Path) -> None:
    runtime = os.fsencode(tmp_path)
    assert socket_path("p", {b"XDG_RUNTIME_DIR": runtime}) == f"{tmp_path}/aliend/p.sock"
    assert socket_path("p", {b"XDG_RUNTIME_DIR": runtime, b"ALIEND_SOCKET": b"/s/x"}) == "/s/x"
    assert not socket_path("p", {b"XDG_RUNTIME_DIR": runtime + b"/none"}).startswith(str(tmp_path))


def test_a_socket_path_over_107_bytes_is_a_clear_error() -> None:
    assert socket_path("p", {b"ALIEND_SOCKET": b"/" + b"x" * 106})
    with pytest.raises(ClientError, match="107 bytes"):
        socket_path("p", {b"ALIEND_SOCKET": b"/" + b"x" * 107})


def test_a_socket_directory_that_others_could_use_is_refused(tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    ours.mkdir(mode=0o700)
    check_directory(f"{ours}/x.sock")
    link = tmp_path / "link"
    link.symlink_to(ours)
    with pytest.raises(ClientError, match="link"):
        check_directory(f"{link}/x.sock")
    ours.chmod(0o755)
    with pytest.raises(ClientError, match="0755") as caught:
        check_directory(f"{ours}/x.sock")
    assert caught.value.code == 22


def test_a_socket_directory_of_another_user_is_rejected(tmp_path: Path) -> None:
    theirs = Path("/proc/1") if os.getuid() else tmp_path / "theirs"
    if not os.getuid():
        theirs.mkdir(mode=0o700)
        os.chown(theirs, 65534, 65534)
    with pytest.raises(ClientError, match="belongs to the user with id"):
        check_directory(f"{theirs}/x.sock")


def test_a_missing_socket_directory_means_that_no_daemon_runs(tmp_path: Path) -> None:
    with pytest.raises(NoDaemonError):
        check_directory(f"{tmp_path}/none/x.sock")


def test_client_and_daemon_have_one_version_and_one_contract() -> None:
    assert (alienctl.VERSION, alienctl.CONTRACT) == (aliend.VERSION, aliend.CONTRACT)


def test_the_help_lists_commands_and_refuses_unknown_ones() -> None:
    assert " whereis " in pages.text()
    assert pages.text_of("cp").startswith("alienctl cp ")
    with pytest.raises(ClientError, match="no help"):
        pages.text_of("nosuch")


@pytest.mark.parametrize(
    ("words", "hint"),
    [("--profil x ls", "did you mean --profile"), ("--sesion=a ls", "did you mean --session"), ("-x ls", "see `alien")],
)
def test_an_unknown_option_before_the_command_is_no_command(words: str, hint: str) -> None:
    with pytest.raises(ClientError, match=f"unknown option .*; {hint}") as caught:
        Invocation(words.split(), {})
    assert caught.value.code == 22
    for word in ("-h", "--help", "-help", "-V"):
        assert Invocation([word], {}).command == word
