"""The log that -debug asks for: rows F091-F093 of the incumbent's features."""

from __future__ import annotations

import os

from tests.harness import Grid, User, needs_root

OTHER = 65534


def test_f091_requests_and_exit_codes_go_to_the_log(user: User) -> None:
    user.must("-debug", "ls", "/")
    log = (user.home / "alien_py.log").read_text()
    assert "alienctl ls /" in log
    assert "central: ls -F -nokeys /: exit code 0" in log or "central: ls -nokeys -F /: exit code 0" in log
    assert log.splitlines()[-1].endswith("exit code 0")
    user.run("stat", "/nope", "-debug", "-debugfile", str(user.home / "other.log"))
    assert "exit code 2" in (user.home / "other.log").read_text()
    user.variables["ALIENPY_DEBUG"] = "1"
    user.variables["ALIENPY_DEBUG_FILE"] = str(user.home / "third.log")
    user.must("pwd")
    assert (user.home / "third.log").stat().st_mode & 0o777 == 0o600


def test_f091_no_log_without_the_option_and_never_an_envelope_in_it(user: User) -> None:
    user.must("pwd")
    assert not (user.home / "alien_py.log").exists()
    (user.home / "up.txt").write_text("content")
    user.must("-debug", "cp", "file:up.txt", "debugged.txt")
    assert "-----BEGIN" not in (user.home / "alien_py.log").read_text()
    user.must("rm", "debugged.txt")
    assert user.run("-debugfile").returncode == 22


def test_f092_a_second_run_appends_on_request_and_works_without_a_writable_home(user: User) -> None:
    log = user.home / "alien_py.log"
    user.must("-debug", "pwd")
    user.must("-debug", "whoami")
    assert "alienctl pwd" not in log.read_text()
    user.variables["ALIENPY_DEBUG_APPEND"] = "1"
    user.must("-debug", "pwd")
    assert "alienctl whoami" in log.read_text()
    log.unlink()
    log.mkdir()
    (user.home / "tmp").mkdir()
    user.variables["TMPDIR"] = str(user.home / "tmp")
    user.must("-debug", "pwd")
    assert "alienctl pwd" in (user.home / "tmp" / "alien_py.log").read_text()


def test_f093_two_commands_at_a_time_keep_both_their_lines(user: User, grid: Grid) -> None:
    user.must("pwd")
    with grid.fault("delay", "1", "--command", "whoami"):
        first = user.start("-debug", "echo begun; whoami")
        assert first.stdout
        assert first.stdout.readline() == b"begun\n"
        user.must("-debug", "pwd")
        assert first.wait(60) == 0
    log = (user.home / "alien_py.log").read_text()
    assert "alienctl pwd" in log
    assert "alienctl echo begun; whoami" in log
    assert len({line.split("]")[0] for line in log.splitlines()}) == 2


@needs_root
def test_a_link_or_a_file_of_another_user_is_no_log(user: User) -> None:
    shared, victim = user.home / "shared", user.home / "victim"
    shared.mkdir()
    shared.chmod(0o1777)
    victim.write_text("content")
    link, file = shared / "link", shared / "file"
    link.symlink_to(victim)
    file.write_text("theirs")
    for path in (link, file):
        os.chown(path, OTHER, OTHER, follow_symlinks=False)
        done = user.run("-debugfile", str(path), "-debug", "pwd")
        assert done.returncode == 0
        assert f"cannot write the log {path}: it belongs to another user (uid {OTHER})" in done.stderr
    assert (victim.read_text(), file.read_text()) == ("content", "theirs")


def test_a_link_of_the_user_and_a_device_can_be_the_log(user: User) -> None:
    (user.home / "link").symlink_to(user.home / "real")
    user.must("-debugfile", "link", "-debug", "pwd")
    assert "alienctl pwd" in (user.home / "real").read_text()
    for device in ("/dev/null", "/dev/stderr"):
        done = user.run("-debugfile", device, "-debug", "pwd")
        assert "cannot write" not in done.stderr


def test_a_name_cannot_forge_a_line_of_the_log(user: User) -> None:
    user.run("-debug", "stat", "new\nDEBUG:alienctl[1]: forged\x1b[31m\x9b\u202e")
    log = (user.home / "alien_py.log").read_text()
    assert "central: stat" in log
    assert log.count("new\\x0aDEBUG:alienctl[1]: forged\\x1b[31m\\x9b\\u202e") > 1
    assert log.replace("\n", "").isprintable()
