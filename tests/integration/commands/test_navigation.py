"""The stack of directories of a session, as bash has it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness import User


@pytest.fixture
def stack(user: User) -> Iterator[User]:
    """A user with the stack ~/d3 ~/d2 ~/d1 ~."""
    user.must("mkdir", "-p", "d1", "d2", "d3")
    for name in ("d1", "d2", "d3"):
        user.must("--session", "s", "pushd", f"~/{name}")
    user.variables["ALIEN_SESSION"] = "s"
    yield user
    user.must("cd")  # the service deletes no directory that the session is in
    user.must("rm", "-r", "~/d1", "~/d2", "~/d3")


def test_home_is_printed(user: User) -> None:
    assert user.must("home") == user.must("pwd")


def test_f143_directories_are_pushed_and_popped(stack: User) -> None:
    home = stack.must("home")
    assert stack.must("dirs") == "~/d3 ~/d2 ~/d1 ~"
    assert stack.must("popd") == "~/d2 ~/d1 ~"
    assert stack.must("pwd") == f"{home}d2/"
    assert stack.must("cd", "-") == f"{home}d3/"
    assert stack.must("dirs") == "~/d3 ~/d1 ~"


def test_f143_stack_is_swapped_and_turned(stack: User) -> None:
    home = stack.must("home")
    assert stack.must("pushd") == "~/d2 ~/d3 ~/d1 ~"
    assert stack.must("pushd", "+2") == "~/d1 ~ ~/d2 ~/d3"
    assert stack.must("pushd", "-0") == "~/d3 ~/d1 ~ ~/d2"
    assert stack.must("pwd") == f"{home}d3/"
    assert stack.must("dirs", "+1") == "~/d1"
    assert stack.must("dirs", "-0") == "~/d2"


def test_f143_with_n_the_directory_is_unchanged(stack: User) -> None:
    home = stack.must("home")
    assert stack.must("popd", "-n") == "~/d3 ~/d1 ~"
    assert stack.must("pushd", "-n", "~/d2") == "~/d3 ~/d2 ~/d1 ~"
    assert stack.must("popd", "+1") == "~/d3 ~/d1 ~"
    assert stack.must("pwd") == f"{home}d3/"


def test_f143_stack_is_emptied_and_ends_in_sentences(stack: User) -> None:
    assert stack.must("dirs", "-c") == ""
    assert stack.must("dirs") == "~/d3"
    for words in (["popd"], ["pushd"], ["pushd", "+1"], ["dirs", "-l"], ["popd", "x"], ["pushd", "a", "b"]):
        done = stack.run(*words)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (22, "", 1), words
    assert stack.run("pushd", "no-such").returncode == 2
    assert stack.must("dirs") == "~/d3"


def test_f143_a_removed_directory_is_not_entered(stack: User) -> None:
    stack.must("rmdir", "~/d2")
    assert stack.run("popd").returncode == 2
    assert stack.must("dirs") == "~/d3 ~/d2 ~/d1 ~"
    assert stack.must("popd", "+1") == "~/d3 ~/d1 ~"
    stack.must("mkdir", "~/d2")


def test_stack_survives_a_killed_daemon(stack: User) -> None:
    stack.kill_daemon()
    assert stack.must("dirs") == "~/d3 ~/d2 ~/d1 ~"
    assert stack.json("dirs")["results"][0]["message"] == "~/d3 ~/d2 ~/d1 ~"
