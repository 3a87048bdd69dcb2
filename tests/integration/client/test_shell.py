"""The interactive shell on a terminal: rows F120-F130 and F105 of the incumbent's features."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pexpect
import pytest

from tests.harness import Grid, User, eventually

SIZE = (30, 160)
ENTER = "\r"


class Shell:
    """`alienctl` on a separate terminal."""

    def __init__(self, user: User, *words: str, **variables: str) -> None:
        environment = {**user.environment, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", **variables}
        del environment["ALIEN_SESSION"]  # each shell has a session of its own
        self.child = pexpect.spawn(
            user.command,
            list(words),
            env=environment,
            cwd=str(user.home),
            timeout=120,
            encoding="utf-8",
            dimensions=SIZE,
        )

    def prompt(self, directory: str) -> None:
        """Wait for an empty prompt in a directory; behind one that is not empty stands a blank."""
        self.child.expect(re.escape(f"AliEn[alice]:{directory} >") + r"\x1b\[")

    def type(self, text: str) -> None:
        """Type, as fast as a program does."""
        self.child.send(text)

    def shows(self, text: str) -> None:
        """Wait until something is shown."""
        self.child.expect_exact(text)

    def says(self, line: str) -> None:
        """Wait for a line of a command's output."""
        self.child.expect(r"\n(?:\x1b\[[0-9;?]*[a-zA-Z])*" + re.escape(line) + "\r\n")

    def end(self) -> int:
        """Wait for its end; the exit code."""
        self.child.expect(pexpect.EOF)
        self.child.close()
        return int(self.child.exitstatus if self.child.exitstatus is not None else -1)


@contextmanager
def a_shell(user: User, *words: str, **variables: str) -> Iterator[Shell]:
    shell = Shell(user, *words, **variables)
    try:
        yield shell
    finally:
        shell.child.close(force=True)


@pytest.fixture
def home(user: User) -> str:
    return user.must("home")


def test_f120_prompt_shows_user_and_directory(user: User, home: str) -> None:
    user.must("mkdir", "-p", "prompted")
    with a_shell(user) as shell:
        shell.prompt(home)
        shell.type(f"cd prompted{ENTER}")
        shell.prompt(f"{home}prompted/")
        shell.type(f"exit 7{ENTER}")
        assert shell.end() == 7
    user.must("rmdir", "~/prompted")


def test_f121_date_and_local_directory_are_switched(user: User, home: str) -> None:
    with a_shell(user) as shell:
        shell.prompt(home)
        shell.type(f"prompt pwd{ENTER}")
        shell.shows(f"AliEn[alice]:{home} local:{user.home} >")
        shell.type(f"prompt date{ENTER}")
        shell.child.expect(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S* AliEn")
    with a_shell(user, ALIENPY_PROMPT_CWD="1", ALIENPY_PROMPT_DATE="1") as shell:
        shell.child.expect(rf"\d{{4}}-\d\d-\S+ AliEn\[alice\]:{re.escape(home)} local:{user.home} >")


def test_f122_history_is_recalled_in_a_new_shell_and_searched(user: User, home: str) -> None:
    with a_shell(user) as shell:
        shell.prompt(home)
        shell.type(f"echo first{ENTER}")
        shell.prompt(home)
        shell.type(f" echo hidden{ENTER}")
        shell.prompt(home)
        shell.type(f"echo second{ENTER}")
        shell.prompt(home)
    assert (user.home / ".alienpy_history").read_text() == "echo first\necho second\n"
    with a_shell(user) as shell:
        shell.prompt(home)
        shell.type(f"\x1b[A\x1b[A{ENTER}")
        shell.says("first")
        shell.prompt(home)
        shell.type("\x12sec")
        shell.shows("(reverse-i-search)`sec'")
        shell.type(f"{ENTER}{ENTER}")
        shell.says("second")


@pytest.mark.parametrize("words", [["shell", "--private"], ["shell"]])
def test_f123_a_private_shell_touches_no_history(user: User, home: str, words: list[str]) -> None:
    with a_shell(user, *words, **({} if len(words) > 1 else {"ALIENPY_NO_HISTORY": "1"})) as shell:
        shell.prompt(home)
        shell.type(f"echo kept{ENTER}")
        shell.prompt(home)
    assert not (user.home / ".alienpy_history").exists()


def test_f124_f125_tab_completes(user: User, home: str) -> None:
    user.must("mkdir", "-p", "tabbed/two words")
    (user.home / "here.txt").touch()
    with a_shell(user) as shell:
        shell.prompt(home)
        shell.type("ls tabb\t")
        shell.shows("ed/")
        shell.type("tw\t")
        shell.shows("o\\ words/")
        shell.type("\x15stat file:her\t")
        shell.shows("e.txt")
        shell.type("\x15whoa\t")
        shell.shows("mi")
    user.must("rm", "-r", "tabbed")


def test_a_completed_name_cannot_change_the_direction_of_writing(user: User, home: str) -> None:
    (user.home / "photo\u202egpj.exe").touch()
    with a_shell(user) as shell:
        shell.prompt(home)
        shell.type("stat file:pho\t")
        shell.shows("to")
        shell.shows("<202e>")
        shell.shows("gpj.exe")


def test_f126_a_new_shell_starts_in_the_last_directory(user: User, home: str) -> None:
    user.must("mkdir", "-p", "last")
    with a_shell(user) as shell:
        shell.prompt(home)
        shell.type(f"cd last{ENTER}")
        shell.prompt(f"{home}last/")
    with a_shell(user) as shell:
        shell.prompt(f"{home}last/")
    with a_shell(user, ALIENPY_NO_CWD_RESTORE="1") as shell:
        shell.prompt(home)
    user.must("rmdir", "~/last")


def test_f127_two_shells_and_the_command_line_do_not_move_each_other(user: User, home: str) -> None:
    user.must("mkdir", "-p", "one", "two")
    before = user.must("pwd")
    with a_shell(user) as first, a_shell(user) as second:
        first.prompt(home)
        second.prompt(home)
        first.type(f"cd ~/one{ENTER}")
        first.prompt(f"{home}one/")
        second.type(f"cd ~/two{ENTER}")
        second.prompt(f"{home}two/")
        first.type(f"!alienctl pwd{ENTER}")
        first.says(f"{home}one/")
        first.type(f"pwd{ENTER}")
        first.prompt(f"{home}one/")
        assert user.must("pwd") == before
    user.must("rmdir", "~/one", "~/two")


def test_f128_control_c_clears_a_line_and_cancels_a_command(user: User, home: str, grid: Grid) -> None:
    with a_shell(user) as shell:
        shell.prompt(home)
        shell.type("echo unwan\x03")
        shell.prompt(home)
        with grid.fault("delay", "60", "--command", "find"):
            shell.type(f"echo begun; find / x{ENTER}")
            shell.says("begun")
            shell.type("\x03")
            shell.prompt(home)
        shell.type(f"exitcode{ENTER}")
        shell.says("130")
        shell.prompt(home)
        shell.type("\x04")
        assert shell.end() == 0


def test_f128_control_c_is_the_users_programs(user: User, home: str) -> None:
    with a_shell(user) as shell:
        shell.prompt(home)
        shell.type(f"!exec sh -c 'trap \"echo trapped; exit 9\" INT; echo waiting; sleep 60'{ENTER}")
        shell.says("waiting")
        shell.type("\x03")
        shell.shows("trapped\r\n")
        shell.prompt(home)
        shell.type(f"exitcode{ENTER}")
        shell.says("9")


def test_f129_the_banner_is_one_line_and_pipes_and_aliases_work(user: User, home: str) -> None:
    (user.home / ".alienpy_aliases").write_text("q=whoami;echo done\n")
    with a_shell(user) as shell:
        shell.shows("the ALICE Grid")
        shell.prompt(home)
        shell.type(f"q | cat; echo a b | tr a-z A-Z{ENTER}")
        shell.shows("alice")
        shell.shows("done")
        shell.shows("A B")
        shell.prompt(home)


def test_several_pasted_lines_are_carried_out_in_order(user: User, home: str) -> None:
    with a_shell(user) as shell:
        shell.prompt(home)
        shell.type(f"\x1b[200~echo one 1\necho two 2\n\x1b[201~{ENTER}")
        shell.says("one 1")
        shell.shows("two 2\r\n")
        shell.prompt(home)
        shell.type(f"echo 'open{ENTER}")
        shell.type(f"quote'{ENTER}")
        shell.shows("open\r\nquote\r\n")


def test_a_resized_terminal_and_a_restarted_daemon_do_not_end_the_shell(user: User, home: str) -> None:
    with a_shell(user) as shell:
        shell.prompt(home)
        shell.child.setwinsize(20, 100)
        user.must("daemon", "restart")
        shell.type(f"echo still here{ENTER}")
        shell.says("still here")
        shell.prompt(home)
        shell.child.kill(signal.SIGHUP)
        eventually(lambda: not shell.child.isalive())


def test_a_detached_job_that_ends_is_announced_and_one_that_was_followed_is_not(user: User, home: str) -> None:
    (user.home / "up.txt").write_text("x" * 1000)
    with a_shell(user) as shell:
        shell.prompt(home)
        shell.type(f"cp file:up.txt followed.txt{ENTER}")
        shell.prompt(home)
        shell.type(f"cp --detach file:up.txt announced.txt{ENTER}")
        shell.child.expect(r"transfer job (\d+) is complete: 1 file, to \S*announced.txt")
        shell.type(f"exit{ENTER}")
        shell.end()
        assert "followed.txt, to" not in (shell.child.before or "")
    user.must("rm", "~/followed.txt", "~/announced.txt")


def test_trouble_of_the_daemon_is_shown_beside_the_prompt(stranger: User) -> None:
    with a_shell(stranger) as shell:
        shell.child.expect_exact("AliEn[?]:? >")
        shell.type(f"exit 3{ENTER}")
        assert shell.end() == 3


def test_f105_term_is_a_python_prompt_with_a_client(user: User, home: str) -> None:
    with a_shell(user, PYTHON_BASIC_REPL="1") as shell:
        shell.prompt(home)
        shell.type(f"term{ENTER}")
        shell.shows(">>> ")
        shell.type(f"alien.session.GetSession(session_pb2.GetSessionRequest()).session.user * 2{ENTER}")
        shell.shows("'alicealice'")
        shell.shows(">>> ")
        shell.type("\x04")
        shell.prompt(home)


def test_f130_the_session_lives_on_after_token_init(user: User, home: str, grid: Grid) -> None:
    with a_shell(user) as shell:
        shell.prompt(home)
        shell.type(f"token-init{ENTER}")
        shell.shows("EXPIRE")
        shell.prompt(home)
        shell.type(f"whoami{ENTER}")
        shell.says("alice")
        shell.prompt(home)
        logins = grid.stats()["logins"]
        for _ in range(3):
            shell.type(f"whoami{ENTER}")
            shell.says("alice")
            shell.prompt(home)
        assert grid.stats()["logins"] == logins


def test_f107_terminals_show_directories_in_colour(user: User) -> None:
    user.must("mkdir", "painted", "painted/inside")
    with a_shell(user, "ls", "painted") as shell:
        shell.shows("\x1b[1;34minside/\x1b[0m")
        assert shell.end() == 0
    with a_shell(user, "ls", "painted", NO_COLOR="1") as shell:
        shell.child.expect("^inside/\r\n")
        assert shell.end() == 0
    assert user.must("ls", "painted") == "inside/"
