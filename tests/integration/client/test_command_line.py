"""The command line on a real grid: rows F080-F100 and F108 of the incumbent's features."""

from __future__ import annotations

import os
import pty
import select
import shlex
import signal
import subprocess

import pytest

from tests.harness import Grid, User

NEWLINE = "\n"


def fed(user: User, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run alienctl with commands on standard input."""
    return subprocess.run(
        [user.command, *words],
        env=user.environment,
        cwd=user.home,
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
    )


def seen_on_a_terminal(user: User, *words: str) -> bytes:
    """Return the complete output of a command on a separate terminal."""
    pid, terminal = pty.fork()
    if not pid:
        os.execve(user.command, [user.command, *words], {**user.environment, "TERM": "xterm"})
    shown = b""
    try:
        while select.select([terminal], [], [], 60)[0] and (data := os.read(terminal, 4096)):
            shown += data
    except OSError:
        shown += b""  # EIO: the other side of the terminal has ended
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)
    return shown


def test_f080_f081_arguments_strings_and_chains(user: User) -> None:
    user.must("mkdir", "-p", "chain/sub")
    assert user.must("ls", "chain") == user.must("ls chain") == "sub/"
    home = user.must("home")
    assert user.must("cd chain; pwd\nls") == f"{home}chain/{NEWLINE}sub/"
    user.must("cd; rm -r chain")


def test_f082_quotes_are_respected(user: User) -> None:
    user.must("mkdir 'a;b | c'; touch 'a;b | c/x y'")
    assert user.must("ls 'a;b | c'") == "x y"
    user.must("rm -r 'a;b | c'")


def test_f082_an_open_quote_is_refused_and_nothing_is_done(user: User) -> None:
    done = user.run("mkdir half; ls 'x")
    assert (done.returncode, done.stdout) == (22, "")
    assert "unclosed quote: mkdir half; ls 'x" in done.stderr
    assert user.run("stat", "half").returncode == 2


def test_f083_the_status_is_the_last_ones_or_with_strict_the_first_failure(user: User) -> None:
    assert user.run("stat nope; pwd").returncode == 0
    strict = user.run("--strict", "stat nope; pwd")
    assert (strict.returncode, strict.stdout) == (2, "")


def test_f084_the_users_shell_gives_its_status(user: User) -> None:
    assert user.run("!exit 3").returncode == 3
    assert user.must("!echo $HOME; pwd") == f"{user.home}{NEWLINE}{user.must('pwd')}"
    assert user.run("!kill -TERM $$").returncode == 143


def test_f085_output_is_piped_to_the_shell(user: User) -> None:
    user.must("mkdir -p pipes; touch 'pipes/ä 1' pipes/b")
    assert user.must("ls pipes | wc -l") == "2"
    assert user.must("ls pipes | grep ä | sed s/ä/Z/") == "Z 1"
    assert user.run("ls pipes | exit 5").returncode == 5
    assert user.must("ls pipes | head -1; ls pipes | tail -1; pwd").splitlines() == ["b", "ä 1", user.must("pwd")]
    assert user.must("version | head -1").startswith("alienctl ")
    assert user.must("cp -h | wc -l") == str(len(user.must("help", "cp").splitlines()))
    user.must("rm -r pipes")


def test_f085_a_pipeline_that_has_seen_enough_ends_the_command(user: User) -> None:
    user.must("mkdir -p many")
    user.must(*("touch", *(f"many/{number:03d}" for number in range(40))))
    home = user.must("home")
    assert user.must("find many * | head -1; pwd") == f"{home}many/000{NEWLINE}{home}"
    user.must("rm -r many")


def test_f086_a_failed_command_starts_no_pipeline(user: User) -> None:
    done = user.run("ls nope | echo started")
    assert (done.returncode, done.stdout) == (2, "")
    assert user.must("mkdir silent | wc -c; rmdir silent") == "0"


def test_f087_a_local_file_holds_commands(user: User) -> None:
    batch = user.home / "cmds.txt"
    batch.write_text("# it's a comment\npwd\nmkdir -p \\\n  batch\n\nls batch | wc -l; exit 4\npwd\n")
    done = user.run("cmds.txt")
    assert (done.stdout, done.returncode) == (f"{user.must('home')}{NEWLINE}0{NEWLINE}", 4)
    assert user.run(str(batch)).returncode == 4
    user.must("rmdir batch")


def test_f087_a_command_wins_over_a_file_of_its_name(user: User) -> None:
    for name in ("pwd", "whois"):
        (user.home / name).write_text("!echo from the file\n")
    assert user.must("pwd") == user.must("home")
    assert "from the file" not in user.run("whois").stdout
    assert user.must("./pwd") == "from the file"


def test_f088_commands_come_on_standard_input(user: User) -> None:
    done = fed(user, "pwd\nls nope\nwhoami\n# end\n")
    assert (done.stdout, done.returncode) == (f"{user.must('home')}{NEWLINE}alice{NEWLINE}", 0)
    assert fed(user, "whoami\nstat nope").returncode == 2
    strict = fed(user, "stat nope\nwhoami\n", "--strict")
    assert (strict.stdout, strict.returncode) == ("", 2)
    assert fed(user, "").returncode == 0
    assert fed(user, "!cat\nls 'a\n").returncode == 22


def test_f088_a_program_can_give_a_command_and_read_its_answer(user: User) -> None:
    process = subprocess.Popen(
        [user.command], env=user.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    with process:
        assert process.stdin
        assert process.stdout
        for _ in range(3):
            process.stdin.write("whoami\n")
            assert process.stdout.readline() == "alice\n"
        process.stdin.write("exit 6\n")
        assert process.wait(60) == 6


def test_f089_json_for_one_command_of_a_chain_and_by_the_environment(user: User) -> None:
    assert '"exitcode": "0"' in user.must("pwd -json; pwd")
    assert user.must("pwd -json; pwd").splitlines()[-1] == user.must("home")
    user.variables["ALIENPY_JSON"] = "true"
    assert user.json("whoami") == user.json("whoami")
    assert user.must("pwd").startswith("{")
    user.variables["ALIENPY_JSON"] = "0"
    assert len(user.run("whoami", env={**user.environment, "ALIENPY_JSONRAW": "1"}).stdout.splitlines()) == 1
    assert user.must("pwd") == user.must("home")


def test_f094_an_unknown_command_ends_with_1_and_near_names(user: User) -> None:
    done = user.run("fnd", "x")
    assert (done.returncode, done.stdout) == (1, "")
    assert "did you mean find" in done.stderr
    assert user.run("xyzzyx").returncode == 1
    user.variables["ALIENPY_ALLOW_UNKNOWN_CMDS"] = "1"
    assert user.run("fnd").returncode == 2


def test_f094_the_service_is_asked_for_its_commands_once(user: User, grid: Grid) -> None:
    user.must("whoami")
    grid.stats("--reset")
    user.run("fnd")
    user.run("fnd")
    user.must("whois", "alice")
    assert sum(grid.stats()["commands"].values()) == 2


def test_f096_help_inside_of_quotes_is_the_commands(user: User) -> None:
    assert user.must("ls -h") == user.must("ls", "-h")
    page = user.must("help", "cp")
    assert user.must("cp -h") == page
    assert user.must("cp -h; pwd -h") == f"{page}{NEWLINE}{user.must('help', 'pwd')}"
    assert user.must("quit -h") == user.must("help exit") == user.must("help", "exit")
    assert user.must("? cp") == user.must("help", "cp")


def test_f097_aliases_replace_command_names(user: User) -> None:
    (user.home / ".alienpy_aliases").write_text('q=pwd;whoami\nhere="ls -a"\n')
    assert user.must("q") == f"{user.must('home')}{NEWLINE}alice"
    assert user.must("echo", "q") == "q"
    user.must("mkdir", "al as")
    assert user.must("here", "al as") == user.must("ls", "-a", "al as")
    user.must("rmdir", "al as")


def test_f098_time_adds_a_line(user: User) -> None:
    lines = user.must("time pwd").splitlines()
    assert lines[0] == user.must("home")
    assert lines[1].startswith(">>>ProcessInput time: ")
    assert user.run("time", "stat", "nope").returncode == 2


def test_f099_the_last_status_is_printed(user: User) -> None:
    user.variables["ALIEN_SESSION"] = "status"
    assert user.run("stat nope").returncode == 2
    assert user.must("exitcode") == "2"
    assert user.must("exitcode") == "0"
    assert user.must("stat nope; $?") == "2"
    user.run("stat nope")
    assert user.must("--session", "another", "$?") == "0"
    assert user.json("exitcode")["results"] == [{"exitcode": "2", "message": "2"}]


@pytest.mark.parametrize("word", ["exit", "quit", "logout"])
def test_f100_exit_with_a_code_and_a_message(user: User, word: str) -> None:
    done = user.run(f"{word} 7 err so it is; pwd")
    assert (done.stdout, done.stderr, done.returncode) == ("", "so it is\n", 7)
    assert user.run(word, "3", "all", "done").stdout == "all done\n"
    assert user.run(f"stat nope; {word}").returncode == 2
    assert user.run(word, "999").returncode == 22


def test_f108_a_reader_that_ends_is_not_an_error(user: User) -> None:
    script = f"{shlex.quote(user.command)} 'ls; ls; ls' | head -1"
    done = subprocess.run(["sh", "-c", script], env=user.environment, capture_output=True, text=True, timeout=120)
    assert done.stderr == ""


def test_f108_an_interrupt_ends_the_whole_chain(user: User, grid: Grid) -> None:
    user.must("pwd")
    with grid.fault("delay", "30", "--command", "whoami"):
        process = user.start("echo begun; whoami; echo never")
        assert process.stdout
        assert process.stdout.readline() == b"begun\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stdout.read() == b""


def test_names_cannot_command_a_terminal(user: User) -> None:
    user.must("mkdir", "hostile")
    user.must("touch", "hostile/a\x1b[2Jb\u202ec")
    assert user.must("ls", "hostile") == "a\x1b[2Jb\u202ec"
    assert b"a\\x1b[2Jb\\u202ec" in seen_on_a_terminal(user, "ls", "hostile")
    assert b"hostile/x\\x07y" in seen_on_a_terminal(user, "stat", "hostile/x\x07y")
    assert b"a\x1b[2Jb" in seen_on_a_terminal(user, "--raw", "ls", "hostile")
    assert b"a\x1b[2Jb" in seen_on_a_terminal(user, "ls hostile | cat")
    user.must("rm", "-r", "hostile")


def test_f109_a_script_on_a_terminal_runs_commands_and_can_be_interrupted(user: User) -> None:
    script = user.home / "script.sh"
    script.write_text(f"#!/bin/sh\n{user.command} pwd\n{user.command} whoami &\nwait\necho end\n")
    script.chmod(0o755)
    runner = User(user.home, user.variables, command=str(script))
    shown = seen_on_a_terminal(runner)
    assert shown.replace(b"\r", b"").decode() == f"{user.must('home')}{NEWLINE}alice{NEWLINE}end{NEWLINE}"


def test_the_shell_of_a_chain_speaks_to_the_same_session(user: User) -> None:
    user.must("mkdir", "-p", "inner")
    here = user.must("--session", "one", "cd inner; !alienctl pwd")
    assert here == f"{user.must('home')}inner/"
    user.must("rmdir", "inner")
