"""Texts of the catalogue in an editor, on a sandbox grid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.harness import Grid, User, eventually


@pytest.fixture
def folder(user: User) -> str:
    """Create a separate directory of the catalogue with the file `text`; make it the current directory."""
    name = f"{user.must('pwd')}{user.home.name}/"
    user.must("mkdir", "-p", name)
    user.must("cd", name)
    (user.home / "text").write_text("one\n")
    user.must("cp", "file:text", "text@disk:2")
    return name


def editor(user: User, script: str) -> None:
    """Create a script EDITOR in PATH with an additional argument; `$1` is the path of the text."""
    place = user.home / "bin"
    place.mkdir(exist_ok=True)
    (place / "my-editor").write_text(f"#!/bin/sh\n[ $1 = --own ] && shift\n{script}\n")
    (place / "my-editor").chmod(0o755)
    user.variables |= {"PATH": f"{place}:/usr/bin:/bin", "EDITOR": "my-editor --own"}


def guid(user: User, lfn: str) -> str:
    return str(user.json("stat", lfn)["results"][0]["guid"])


def names(user: User) -> list[str]:
    return user.must("ls", "-a").splitlines()


def test_a_changed_text_takes_the_place_of_the_old_one_which_becomes_the_backup(user: User, folder: str) -> None:
    """F173."""
    editor(user, 'echo two >> "$1"')
    before = guid(user, "text")
    assert user.must("edit", "text") == f"Uploaded {folder}text"
    assert user.must("cat", "text") == "one\ntwo"
    assert guid(user, "text~") == before
    assert len(user.json("whereis", "text")["results"]) == 2
    user.must("edit", "text")
    assert (user.must("cat", "text"), user.must("cat", "text~")) == ("one\ntwo\ntwo", "one\ntwo")
    assert names(user) == ["text", "text~"]


def test_an_unchanged_text_is_not_uploaded(user: User, folder: str) -> None:
    """F173: also where the editor has written it again."""
    editor(user, 'cp "$1" "$1.x"; rm "$1"; mv "$1.x" "$1"')
    before = guid(user, "text")
    assert user.json("edit", "text") == {"lfn": f"{folder}text", "outcome": "unchanged"}
    assert (guid(user, "text"), names(user)) == (before, ["text"])


def test_a_backup_may_carry_the_date_and_the_storage_may_be_named(user: User, folder: str) -> None:
    """F173."""
    editor(user, 'echo two >> "$1"')
    user.must("edit", "-datebck", "text@ALICE::SANDBOX::SE2")
    backup, text = sorted(names(user), key=len, reverse=True)
    assert text == "text"
    assert re.fullmatch(r"text\.\d{8}_\d{6}", backup)
    assert [replica["seName"] for replica in user.json("whereis", "text")["results"]] == ["ALICE::SANDBOX::SE2"]


def test_a_new_name_makes_a_new_file(user: User, folder: str) -> None:
    """F173."""
    editor(user, 'echo new > "$1"')
    user.must("edit", "fresh")
    assert user.must("cat", "fresh") == "new"


def test_an_editor_that_fails_changes_nothing_and_the_text_is_kept(user: User, folder: str) -> None:
    """F173."""
    editor(user, 'echo two >> "$1"; exit 5')
    before = guid(user, "text")
    done = user.run("edit", "text")
    assert done.returncode == 5
    kept = re.search(r"saved in (\S+);", done.stderr)
    assert kept
    assert Path(kept[1]).read_text() == "one\ntwo\n"
    assert guid(user, "text") == before


def test_a_text_whose_upload_fails_is_kept_and_its_path_printed(user: User, folder: str) -> None:
    """F173: the upload fails because another user has changed the file, whose text is kept."""
    (user.home / "theirs").write_text("theirs\n")
    editor(user, f'echo two >> "$1"; {user.command} cp -f file:theirs {folder}text')
    done = user.run("edit", "text")
    assert done.returncode == 1
    assert "another user changed" in done.stderr
    kept = re.search(r"saved in (\S+);", done.stderr)
    assert kept
    assert Path(kept[1]).read_text() == "one\ntwo\n"
    assert Path(kept[1]).parent.stat().st_mode & 0o777 == 0o700
    assert user.must("cat", "text") == "theirs"
    assert names(user) == ["text"]


def test_a_text_is_kept_if_its_terminal_disappears(user: User, folder: str) -> None:
    """F173: the log contains the path."""
    editor(user, 'echo two >> "$1"; sleep 60')
    process = user.start("edit", "text")
    scratch = user.home / ".local/state/aliend/default/scratch"
    eventually(lambda: any(b"two" in text.read_bytes() for text in scratch.glob("*/text")))
    process.kill()
    log = scratch.parent / "aliend.log"
    eventually(lambda: "an editor is still open in " in log.read_text())
    kept = Path(log.read_text().partition("an editor is still open in ")[2].splitlines()[0])
    assert (kept / "text").read_text() == "one\ntwo\n"
    assert "Traceback" not in log.read_text()


def test_a_text_survives_the_death_of_the_daemon_under_the_open_editor(user: User, folder: str) -> None:
    """F173: the client names it, and a new daemon leaves it alone."""
    editor(user, f'touch "{user.home}/open"; while [ ! -e "{user.home}/go" ]; do sleep 0.05; done; echo two >> "$1"')
    process = user.start("edit", "text")
    eventually((user.home / "open").exists)
    user.kill_daemon()
    user.must("pwd")
    (user.home / "go").touch()
    _, errors = process.communicate(timeout=120)
    kept = re.search(r"saved in (\S+); upload it with `(alienctl cp -f file:\S+ \S+)`", errors.decode())
    assert kept
    assert Path(kept[1]).read_text() == "one\ntwo\n"
    user.must(*kept[2].split()[1:])
    assert user.must("cat", f"{folder}text") == "one\ntwo"


def test_a_text_whose_editor_was_killed_is_kept(user: User, folder: str) -> None:
    """F173."""
    editor(user, 'echo two >> "$1"; kill -9 $$')
    done = user.run("edit", "text")
    assert done.returncode == 137
    kept = re.search(r"saved in (\S+);", done.stderr)
    assert kept
    assert Path(kept[1]).read_text() == "one\ntwo\n"


def test_a_named_editor_is_taken_from_the_path(user: User, folder: str) -> None:
    """F173: vi, vim, nano and mcedit (with -u)."""
    editor(user, "exit 9")
    script = '#!/bin/sh\nname=$(basename "$0")\n[ "$1" = -u ] && { name="$name -u"; shift; }\necho "$name" >> "$1"\n'
    for name in ("vi", "vim", "nano", "mcedit"):
        (user.home / "bin" / name).write_text(script)
        (user.home / "bin" / name).chmod(0o755)
        user.must(name, "text")
    assert user.must("cat", "text").split("\n") == ["one", "vi", "vim", "nano", "mcedit -u"]


def test_without_an_editor_of_ones_own_vi_is_the_last_resort(user: User, folder: str) -> None:
    """F173."""
    editor(user, "exit 9")
    (user.home / "bin" / "my-editor").rename(user.home / "bin" / "vi")
    (user.home / "bin" / "vi").write_text('#!/bin/sh\necho vi >> "$1"\n')
    user.variables |= {"EDITOR": "", "PATH": f"{user.home}/bin:{user.home}/only"}
    (user.home / "bin" / "sh").symlink_to("/bin/sh")
    assert user.run("edit", "text").stderr == ""
    assert user.must("cat", "text") == "one\nvi"


def test_names_that_cannot_be_edited_are_refused(user: User, grid: Grid, folder: str) -> None:
    """F173."""
    editor(user, "exit 9")
    for words in (("edit",), ("edit", "a", "b"), ("edit", "file:text"), ("edit", "-x", "text"), ("edit", folder)):
        assert user.run(*words).returncode == 22
    user.variables["EDITOR"] = "'half"
    done = user.run("edit", "text")
    assert (done.returncode, "EDITOR is not a valid command line" in done.stderr) == (22, True)
