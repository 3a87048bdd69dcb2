"""Completion: what the daemon offers, and how real shells use it (F124, F125 on the command line)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.harness import Grid, User


@pytest.fixture
def settled(user: User) -> Iterator[User]:
    """A user with a few names in the catalogue and on the disk."""
    user.must("mkdir", "-p", "complete/d1", "complete/two words")
    user.must("touch", "complete/file.root")
    (user.home / "local dir").mkdir()
    (user.home / "local.txt").touch()
    yield user
    user.must("rm", "-r", "complete")


def offered(user: User, line: str) -> list[str]:
    return user.must("__complete", "fish", line).splitlines()


def test_f124_commands_options_and_names_are_offered(settled: User) -> None:
    assert {"ls", "la", "ll"} <= set(offered(settled, "alienctl l"))
    assert "whois" in offered(settled, "alienctl who")
    assert offered(settled, "alienctl ls compl") == ["complete/"]
    assert offered(settled, "alienctl ls complete/") == [
        "complete/d1/",
        "complete/file.root",
        "complete/two words/",
    ]
    assert offered(settled, "alienctl cd complete/") == ["complete/d1/", "complete/two words/"]
    assert "--detach" in offered(settled, "alienctl cp --d")
    assert "-r" in offered(settled, "alienctl find -")
    assert offered(settled, "alienctl transfers wa") == ["wait", "watch"]


def test_f124_names_follow_the_sessions_directory_and_quotes(settled: User) -> None:
    settled.must("cd", "complete")
    assert offered(settled, "alienctl ls d") == ["d1/"]
    assert offered(settled, "alienctl ls 'two w") == ["two words/"]
    assert offered(settled, "alienctl ls two\\ w") == ["two words/"]
    assert offered(settled, "alienctl ls ../complete/f") == ["../complete/file.root"]
    settled.must("cd")


def test_f125_local_paths_are_offered_after_file(settled: User) -> None:
    assert offered(settled, "alienctl cp file:lo") == ["file:local dir/", "file:local.txt"]
    assert offered(settled, "alienctl cert-import lo") == ["local dir/", "local.txt"]
    assert offered(settled, f"alienctl cp file:{settled.home}/local.") == [f"file:{settled.home}/local.txt"]


def test_storage_elements_and_transfer_jobs_are_offered(settled: User) -> None:
    assert offered(settled, "alienctl cp x y@ALICE::SANDBOX::SE1") == ["y@ALICE::SANDBOX::SE1"]
    job = settled.must("cp", "--detach", "complete/file.root", "file:got")
    number = re.findall(r"\d+", job)[0]
    assert number in [line.partition("\t")[0] for line in offered(settled, "alienctl transfers show ")]


def test_only_jobs_that_the_verb_applies_to_are_offered_newest_first_with_a_description(settled: User) -> None:
    (settled.home / "f").write_bytes(bytes(3_000_000))
    settled.must("cp", "file:f", "complete/big@disk:1")
    slow = [settled.must("cp", "--detach", "--limit", "50K", "complete/big", f"file:got{one}") for one in range(2)]
    done = settled.must("cp", "--detach", "complete/big", "file:again")
    settled.must("transfers", "wait", done)
    settled.must("transfers", "pause", slow[0])
    assert [line.split("\t")[0] for line in offered(settled, "alienctl transfers cancel ")] == slow[::-1]
    (paused,) = offered(settled, "alienctl transfers resume ")
    assert paused == f"{slow[0]}\tpaused, 0/1 files, to {settled.home}/got0"
    assert f"{slow[0]}\t" not in "".join(offered(settled, f"alienctl transfers pause {slow[1]} "))
    assert done in [line.split("\t")[0] for line in offered(settled, "alienctl transfers clean ")]
    assert "failed" in offered(settled, "alienctl transfers retry --state ")
    child = in_a_shell(settled, ["bash", "--norc", "--noprofile", "-i"], "READY>")
    child.sendline("bind 'set enable-bracketed-paste off'; eval \"$(alienctl completion bash)\"")
    child.expect_exact("READY>")
    child.send("alienctl transfers resume \t")
    child.expect_exact(f"alienctl transfers resume {slow[0]} ")
    child.send("\x15alienctl transfers cancel \t\t")
    child.expect(rf"{slow[1]} +active, 0/1 files, to {settled.home}/got1")
    child.sendline("\x15exit")
    child.expect(pexpect.EOF)
    settled.must("transfers", "cancel", "--all")


def test_a_slow_service_does_not_delay_completion_and_answers_the_next_one(settled: User, grid: Grid) -> None:
    settled.must("pwd")
    with grid.fault("delay", "2", "--command", "ls"):
        assert offered(settled, "alienctl ls complete/d") == []
        for _ in range(30):
            if offered(settled, "alienctl ls complete/d"):
                break
        assert offered(settled, "alienctl ls complete/d") == ["complete/d1/"]


def test_without_a_daemon_none_is_started(stranger: User) -> None:
    assert "cp" in offered(stranger, "alienctl c")
    assert offered(stranger, "alienctl ls ") == []
    assert stranger.run("daemon", "status").returncode == 3


def in_a_shell(user: User, command: list[str], prompt: str) -> pexpect.spawn[str]:
    environment = {
        **user.environment,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TERM": "dumb",
        "PS1": prompt,
    }
    child = pexpect.spawn(
        command[0],
        command[1:],
        env=environment,
        cwd=str(user.home),
        timeout=120,
        encoding="utf-8",
        dimensions=(24, 200),
    )
    child.expect_exact(prompt)
    return child


def test_f124_bash_completes(settled: User) -> None:
    child = in_a_shell(settled, ["bash", "--norc", "--noprofile", "-i"], "READY>")
    child.sendline("bind 'set enable-bracketed-paste off'; eval \"$(alienctl completion bash)\"")
    child.expect_exact("READY>")
    for typed, shown in (
        ("alienctl ls compl\t", "alienctl ls complete/"),
        ("alienctl ls complete/tw\t", "alienctl ls complete/two\\ words/"),
        ("alienctl ls 'complete/tw\t", "alienctl ls 'complete/two words/"),
        ("alienctl ls complete/fi\t", "alienctl ls complete/file.root "),
        ("alienctl cp file:local.\t", "alienctl cp file:local.txt "),
        ("alienctl cp file:local.txt x@ALICE::SANDBOX::SE1\t", "x@ALICE::SANDBOX::SE1 "),
        ("alienctl whoa\t", "alienctl whoami "),
    ):
        child.send(typed)
        child.expect_exact(shown)
        child.send("\x15")
    child.sendline("exit")
    child.expect(pexpect.EOF)


def test_f124_zsh_completes(settled: User) -> None:
    child = in_a_shell(settled, ["zsh", "-f", "-i"], "READY>")
    child.sendline("unsetopt zle_bracketed_paste; autoload -U compinit && compinit -u -D; unset zle_bracketed_paste")
    child.expect_exact("READY>")
    child.sendline('eval "$(alienctl completion zsh)"; print loa""ded')
    child.expect_exact("loaded")
    child.expect_exact("READY>")
    for typed, shown in (
        ("alienctl ls compl\t", "complete/"),
        ("\x15alienctl ls complete/tw\t", "two\\ words/"),
        ("\x15alienctl cp file:local.\t", "file:local.txt "),
    ):
        child.send(typed)
        child.expect_exact(shown)
    child.send("\x15exit\n")
    child.expect(pexpect.EOF)


def test_f124_fish_completes(settled: User) -> None:
    script = "alienctl completion fish | source; complete -C 'alienctl ls complete/'"
    environment = {**settled.environment, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["fish", "--no-config", "-c", script], env=environment, cwd=settled.home, capture_output=True, timeout=120
    )
    assert done.stdout.split() == [b"complete/d1/", b"complete/file.root", b"complete/two", b"words/"]
