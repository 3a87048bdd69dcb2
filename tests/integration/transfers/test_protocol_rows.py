"""Rows of the incumbent's protocol as a user meets them, on a real grid."""

from __future__ import annotations

import json

from tests.harness import Grid, User


def test_f064_a_request_in_json_is_sent_as_it_is(user: User) -> None:
    home = user.must("pwd")
    assert user.must(json.dumps({"command": "pwd", "options": []})) == home
    refused = user.run(json.dumps({"command": "cd", "options": ["/"]}))
    assert (refused.returncode, refused.stdout) == (22, "")


def test_f065_the_size_of_an_upload_reaches_the_catalogue_as_a_number(user: User) -> None:
    (user.home / "sized").write_bytes(b"x" * 12345)
    user.must("cp", "file:sized", f"sized-{user.home.name}@disk:1")
    assert user.json("stat", f"sized-{user.home.name}")["results"][0]["size"] == "12345"


def test_f066_messages_errors_and_codes_use_the_right_stream(user: User) -> None:
    both = user.run("ls", "/no/such", "/alice")
    assert both.returncode == 2
    assert both.stdout == ""
    *listed, error = both.stderr.splitlines()
    assert listed == user.must("ls", "/alice").splitlines()
    assert error == "No such file or directory : /no/such"


def test_f067_user_and_directory_are_known_after_each_reply(user: User) -> None:
    metadata = user.json("whoami")["metadata"]
    assert (metadata["user"], metadata["currentdir"]) == ("alice", user.must("pwd"))


def test_f070_names_that_are_not_ascii_go_both_ways(user: User) -> None:
    name = f"hé ü 日本-{user.home.name}"
    user.must("mkdir", name)
    assert f"{name}/" in user.must("ls").splitlines()
    assert user.must("stat", name).splitlines()[0].endswith(f"{name}/")
    user.must("rmdir", name)


def test_f071_large_replies_and_more_than_64_commits_are_whole(user: User, grid: Grid) -> None:
    assert len(user.must("find", "/alice/data/crowded", "*").splitlines()) == 2000
    folder = user.home / "many"
    folder.mkdir()
    for number in range(70):
        (folder / f"{number:03}").write_bytes(b"%d" % number * 100)
    user.must("cp", "file:many/", f"many-{user.home.name}/@disk:1")
    assert user.must("ls", f"many-{user.home.name}").split() == [f"{number:03}" for number in range(70)]
    user.must("rm", "-r", f"many-{user.home.name}")
