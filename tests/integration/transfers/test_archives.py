"""Members of an archive on a sandbox grid."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from tests.harness import Grid, User, eventually

SIZES = {"first.dat": 20 * 1024, "second.dat": 300}


def content(lfn: str, size: int) -> bytes:
    return hashlib.shake_128(lfn.encode()).digest(size)


def test_a_directory_of_members_costs_one_ticket_for_the_archive(user: User, grid: Grid) -> None:
    home = user.must("home").rstrip("/")
    eventually(lambda: user.run("ls", f"{home}/archive").returncode == 0)
    for number, (words, variables) in enumerate([((), {}), (("-noxrdzip",), {}), ((), {"ALIENPY_NOXRDZIP": "1"})]):
        grid.stats("--reset")
        target = Path(user.home) / f"back{number}"
        user.must("cp", *words, f"{home}/archive/", f"file:{target}/", env={**user.environment, **variables})
        for name, size in SIZES.items():
            assert (target / name).read_bytes() == content(f"{home}/archive/{name}", size)
        assert (target / "root_archive.zip").exists()
        asked = grid.stats()["commands"]["access"]
        assert asked == (1 if number else 2), "one for root_archive.zip itself; the other is used again"


ROOT = [f"a{number:02}.root" for number in range(60)]
LOGS = [f"l{number:02}.log" for number in range(20)]


def output_of_a_job(user: User) -> str:
    """Create a directory with two archives, their members, and a plain file; the members' bytes differ."""
    directory = f"{user.must('home').rstrip('/')}/output-{user.home.name}"
    (user.home / "work.jdl").write_text(
        f'Executable = "/bin/date"; SandboxWait = "0"; SandboxRun = "0"; OutputDir = "{directory}"; Output = '
        f'{{"root_archive.zip:{",".join(ROOT)}@disk=1", "logs.zip:{",".join(LOGS)}@disk=1", "stdout@disk=1"}};',
        encoding="utf-8",
    )
    user.must("submit", "file:work.jdl")
    eventually(lambda: user.run("ls", f"{directory}/stdout").returncode == 0)
    return directory


def commands(user: User, grid: Grid, *words: str) -> tuple[set[str], int, int]:
    """Copy with a fresh daemon: the names that came, and how often `access` and `stat` were sent."""
    user.must("daemon", "restart")
    user.must("pwd")
    target = user.home / "came"
    shutil.rmtree(target, ignore_errors=True)
    grid.stats("--reset")
    user.must("cp", *words, f"file:{target}/")
    sent = grid.stats()["commands"]
    for path in target.iterdir():
        assert path.suffix == ".zip" or path.read_bytes().startswith(f"{path.name}: ".encode()) or path.name == "stdout"
    return {path.name for path in target.iterdir()}, sent["access"], sent["stat"]


def test_f209_an_unnamed_archive_costs_one_ticket(user: User, grid: Grid) -> None:
    directory = output_of_a_job(user)
    assert commands(user, grid, "-name", "ext_root", f"{directory}/") == (set(ROOT), 1, 1)


def test_f209_two_archives_cost_two_tickets_and_a_look_for_every_fifty(user: User, grid: Grid) -> None:
    directory = output_of_a_job(user)
    names, tickets, looks = commands(user, grid, f"{directory}/")
    assert names == {*ROOT, *LOGS, "root_archive.zip", "logs.zip", "stdout"}
    assert tickets == 5, "two for archives, one each for the three files that are none's"
    assert looks < 8


def test_f210_whole_archives_cost_one_ticket_each(user: User, grid: Grid) -> None:
    directory = output_of_a_job(user)
    names, tickets, looks = commands(user, grid, "-noxrdzip", "-exclude", ".zip", f"{directory}/")
    assert names == {*ROOT, *LOGS, "stdout"}
    assert tickets == 3
    assert looks < 8


def test_f209_a_member_that_was_renamed_is_read_from_the_archive(user: User, grid: Grid) -> None:
    directory = output_of_a_job(user)
    user.must("mv", f"{directory}/a07.root", f"{directory}/renamed.root")
    user.must("daemon", "restart")
    grid.stats("--reset")
    user.must("cp", "-name", "ext_root", f"{directory}/", "file:came/")
    assert grid.stats()["commands"]["access"] == 1
    assert (user.home / "came/renamed.root").read_bytes().startswith(b"a07.root: ")
