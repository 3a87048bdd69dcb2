"""Commands for the content of files: cat, head, tail, less, more, run, exec, on a sandbox grid."""

from __future__ import annotations

import base64
import os
import pty
import select
import subprocess
import zipfile
from pathlib import Path

from tests.harness import Grid, User, eventually

LINES = "".join(f"{number}\n" for number in range(1, 60_001))
NASTY = "$(touch pwned) `id`;a&b"


def put(user: User, lfn: str, content: bytes) -> None:
    (user.home / "content").write_bytes(content)
    user.must("cp", "-f", "file:content", lfn)


def output_of(user: User, *words: str) -> bytes:
    """Run a command that must succeed; return its output in bytes."""
    return subprocess.run(
        [user.command, *words],
        env=user.environment,
        cwd=user.home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    ).stdout


def scratch(user: User) -> list[Path]:
    """Return the remaining private files."""
    return [path for path in user.home.rglob("*") if "scratch" in path.parent.name]


def test_cat_prints_files_one_after_the_other_byte_for_byte(user: User, folder: str) -> None:
    """F170."""
    content = os.urandom(3_000_001)
    put(user, "a", content)
    put(user, NASTY, b"small")
    user.must("touch", "empty")
    assert output_of(user, "cat", "a", NASTY, "empty", f"alien://{folder}a") == content + b"small" + content
    assert not (user.home / "pwned").exists()


def test_cat_prints_the_present_content(user: User, folder: str) -> None:
    """F174: nothing old is ever shown."""
    for content in (b"one", b"two"):
        put(user, "a", content)
        assert output_of(user, "cat", "a") == content


def test_a_member_of_an_archive_is_printed(user: User, grid: Grid, folder: str) -> None:
    """F170."""
    members = user.must("find", "/alice/cern.ch/user/a/alice/archive", "*.dat").splitlines()
    assert members
    archive = user.home / "archive.zip"
    user.must("cp", f"{members[0].rpartition('/')[0]}/root_archive.zip", f"file:{archive}")
    with zipfile.ZipFile(archive) as opened:
        assert output_of(user, "cat", members[0]) == opened.read(members[0].rpartition("/")[2])


def test_wrong_bytes_are_reported_by_exit_code_and_message(user: User, grid: Grid, folder: str) -> None:
    """F170: what was printed is compared with the catalogue's md5."""
    put(user, "a@ALICE::SANDBOX::SE1", b"x" * 100_000)
    with grid.fault("corrupt", "ALICE::SANDBOX::SE1", f"{folder}a"):
        done = user.run("cat", "a", errors="replace")
    assert done.returncode == 5
    assert "not the file: wrong content: md5 is" in done.stderr


def test_cat_rejects_names_that_are_not_files(user: User, folder: str) -> None:
    """F170."""
    assert (user.run("cat", "missing").returncode, user.run("cat", folder).returncode) == (2, 21)
    for words in (
        ("cat",),
        ("cat", "file:a"),
        ("head", "-n", "x", "a"),
        ("tail", "-n", "1", "-c", "1"),
    ):
        done = user.run(*words)
        assert (done.returncode, done.stdout) == (22, "")
        assert done.stderr


def test_head_and_tail_print_lines_and_bytes(user: User, folder: str) -> None:
    """F170."""
    put(user, "a", LINES.encode())
    assert output_of(user, "head", "a").decode() == "".join(f"{n}\n" for n in range(1, 11))
    assert output_of(user, "head", "-n", "50000", "a").decode() == LINES[: LINES.index("50001\n")]
    assert output_of(user, "head", "-c", "7", "a") == LINES[:7].encode()
    assert output_of(user, "tail", "-n", "2", "a") == b"59999\n60000\n"
    assert output_of(user, "tail", "-n", "45000", "a").decode() == LINES[LINES.index("15001\n") :]
    assert output_of(user, "tail", "-c", "6", "a") == b"60000\n"
    for command in ("head", "tail"):
        assert (
            output_of(user, command, "-n", "70000", "a")
            == output_of(user, command, "-c", "900000", "a")
            == LINES.encode()
        )
        assert output_of(user, command, "-n", "0", "a") == b""
    put(user, "b", b"one\ntwo")
    assert output_of(user, "tail", "-n", "1", "b") == b"two"


def test_contents_as_json(user: User, folder: str) -> None:
    put(user, "a", "grüße\n".encode())
    put(user, "b", b"\xff\x00")
    assert user.json("cat", "a")["results"][0]["content"] == "grüße\n"
    (binary,) = user.json("head", "-c", "1", "b")["results"]
    assert (binary["encoding"], base64.b64decode(binary["content"])) == ("base64", b"\xff")


def test_a_reader_that_leaves_ends_the_reading(user: User, folder: str) -> None:
    """F170: as with any `cat | head`."""
    put(user, "a", LINES.encode() * 20)
    piped = f"{user.command} cat a | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", piped], env=user.environment, cwd=user.home, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.split() == ["1", "141"]
    assert output_of(user, "head", "-n", "1", "a") == b"1\n"


def at_a_terminal(user: User, keys: bytes, awaited: bytes, *words: str, **variables: str) -> tuple[bytes, int]:
    """Run a command on a terminal; type `keys` when `awaited` has appeared. What was shown, and the exit code."""
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(user.home)
        os.execve(user.command, [user.command, *words], {**user.environment, "TERM": "xterm", **variables})
    shown, typed = b"", False
    try:
        while select.select([terminal], [], [], 60)[0] and (data := os.read(terminal, 65536)):
            shown += data
            if awaited in shown and not typed:
                os.write(terminal, keys)
                typed = True
    except OSError:
        shown += b""  # the other side has ended
    finally:
        os.close(terminal)
    return shown, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_less_pages_on_a_terminal_and_prints_elsewhere(user: User, folder: str) -> None:
    """F170: the pager is the user's own and has the terminal's keys, long before the whole file is there."""
    put(user, "a", LINES.encode() * 20)
    assert output_of(user, "less", "a") == output_of(user, "more", "a") == LINES.encode() * 20
    pager = "sh -c 'read line; echo first $line; read key < /dev/tty; echo key $key; exit 4'"
    shown, code = at_a_terminal(user, b"q\r", b"first 1", "less", "-S", "a", PAGER=pager)
    assert b"key q" in shown
    assert code == 4


def test_more_without_a_pager_of_ones_own_is_more(user: User, folder: str) -> None:
    """F170."""
    put(user, "a", LINES.encode())
    shown, code = at_a_terminal(user, b"q", b"--More--", "more", "a", PAGER="")
    assert b"\n10\r" in shown
    assert b"60000" not in shown
    assert code == 0


def test_run_puts_paths_in_the_place_of_names(user: User, folder: str) -> None:
    """F171, F174: private files have their own names, and are removed afterwards."""
    put(user, "a", b"one\n")
    put(user, NASTY, b"two\n")
    assert user.must("run", "-noout", "-force", "cat", NASTY) == "two"
    assert user.must("run", "cat", "alien:a", f"alien:{NASTY}", "alien:a") == "one\ntwo\none"
    kinds = user.must("run", "sh", "-c", 'stat -c "%a %n" "$1" "${1%/*}" | sed "s:/.*/::"', "sh", "a").splitlines()
    assert kinds == ["600 a", "700 0"]
    assert user.run("run", "sh", "-c", "exit 3", "a").returncode == 3
    assert user.run("run", "/nonexistent/program", "a").returncode == 127
    assert not (user.home / "pwned").exists()
    assert scratch(user) == []


def test_run_without_a_program_or_a_file_is_refused(user: User, folder: str) -> None:
    """F171."""
    for words in (("run",), ("run", "cat"), ("run", "--json", "cat", "a"), ("exec",)):
        assert user.run(*words).returncode == 22
    assert user.run("run", "cat", "missing").returncode == 2


def test_exec_runs_a_script_with_its_arguments(user: User, folder: str) -> None:
    """F172."""
    put(user, "script", b'#!/bin/sh\necho "$# $1"\nexit 7\n')
    done = user.run("exec", "script", "an argument", "b")
    assert (done.stdout, done.returncode) == ("2 an argument\n", 7)
    assert scratch(user) == []


def test_the_next_daemon_removes_what_a_crash_left_except_texts_in_an_editor(user: User, folder: str) -> None:
    """F174."""
    put(user, "a", b"text")
    begins = ("", "", 'echo changed >> "$1"; ')
    for number, (words, begin) in enumerate(zip(("run", "edit", "edit"), begins, strict=True)):
        opened = user.home / f"opened{number}"
        script = f'{begin}touch "{opened}"; while [ -d "{user.home}" ]; do sleep 0.2; done #'
        editor = f"sh -c '{script}' sh"
        program = ["sh", "-c", script, "sh"] if words == "run" else []
        user.variables["EDITOR"] = editor
        user.start(words, *program, "a")
        eventually(opened.exists)
    user.kill_daemon()
    user.must("pwd")
    kept = {path.read_bytes() for place in scratch(user) for path in place.rglob("a")}
    assert kept == {b"text", b"textchanged\n"}  # both editors are still open
