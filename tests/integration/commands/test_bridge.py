"""`bridge`: alienpy, unmodified, works through the daemon's connections."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import ROOT, Grid, User, clean_environment, make_user

ALIENPY = str(ROOT / ".venv-alienpy" / "bin" / "alien.py")
LINE = "pwd; cd data; pwd; ls; find run1 part0; cd nowhere; cd run1; stat part00.root; whoami"
PROCESSES = 20
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def bridged(grid: Grid) -> Iterator[User]:
    """A user whose bridge is on."""
    done = subprocess.run(["make", "-C", str(ROOT), ".venv-alienpy/.done"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for user in make_user(grid.exports):
        user.variables["TMPDIR"] = str(user.home)
        user.must("bridge", "on")
        yield user


def environment(user: User, grid: Grid, *, direct: bool = False) -> dict[str, str]:
    """The environment of alienpy: it finds the bridge by its file, or goes to the service."""
    variables = {**clean_environment(), **grid.exports, "HOME": str(user.home), "TMPDIR": str(user.home)}
    if not direct:
        del variables["ALIENPY_JCENTRAL"], variables["ALIENPY_JCENTRAL_PORT"]
    return variables


def start(user: User, grid: Grid, line: str, *, direct: bool = False) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [ALIENPY, line],
        env=environment(user, grid, direct=direct),
        cwd=user.home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outcome(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=240)
    return process.returncode, out, err


def test_alienpy_gives_the_same_results_through_the_bridge(bridged: User, grid: Grid) -> None:
    through, direct = start(bridged, grid, LINE), start(bridged, grid, LINE, direct=True)
    assert outcome(through)[:2] == outcome(direct)[:2]
    assert int(bridged.json("bridge")["requests"]) > 8


def test_alienpy_copies_both_ways_through_the_bridge(bridged: User, grid: Grid, tmp_path: Path) -> None:
    (tmp_path / "up").write_text("content\n")
    name = f"bridge-{bridged.home.name}"
    lines = f"mkdir {name}; cp file:{tmp_path}/up {name}/up; cp {name}/up file:{tmp_path}/down; rm -r {name}"
    code, out, err = outcome(start(bridged, grid, lines))
    assert (code, (tmp_path / "down").read_text()) == (0, "content\n"), f"{out}\n{err}"


def test_twenty_processes_share_four_connections(bridged: User, grid: Grid) -> None:
    grid.stats("--reset")
    running = [start(bridged, grid, "cd data; ls; pwd") for _ in range(PROCESSES)]
    results = [outcome(process) for process in running]
    # On a busy machine alienpy repeats a handshake after five seconds, and reports that on standard error.
    assert {(code, out) for code, out, _ in results} == {(0, "run1/\nrun2/\n/alice/cern.ch/user/a/alice/data/\n")}, (
        results
    )
    assert grid.stats()["connections"]["most"] <= 4
    assert grid.stats()["logins"] <= 4


def test_a_new_daemon_turns_the_bridge_on_again(bridged: User) -> None:
    before = bridged.json("bridge", "status")
    bridged.kill_daemon()
    bridged.must("pwd")
    after = bridged.json("bridge", "status")
    assert (after["running"], after["port"], after["announced"]) == (True, before["port"], True)
    bridged.must("bridge", "off")
    assert not Path(before["file"]).exists()
    bridged.must("daemon", "stop")
    assert bridged.must("bridge") == "the bridge is off; turn it on with `alienctl bridge on`"
    [database] = bridged.home.rglob("aliend.db")
    (database.parent / "bridge").mkdir()
    done = bridged.run("bridge", "off")
    assert (done.returncode, "off, but will be on again after a restart" in done.stderr) == (22, True)


def test_a_jbox_that_runs_is_announced_instead(grid: Grid) -> None:
    for user in make_user(grid.exports):
        user.variables["TMPDIR"] = str(user.home)
        file = Path(user.must("bridge", "on").splitlines()[1].removeprefix("programs find it by "))
        user.must("bridge", "off")
        other = subprocess.Popen(["sleep", "600"])
        try:
            jbox = f"JALIEN_HOST = localhost\nJALIEN_WSPORT = 9\nJALIEN_PID = {other.pid}\n"
            file.write_text(jbox)
            reported = user.must("bridge", "on")
            assert f"{file} belongs to a JBox (pid {other.pid}), which programs find first" in reported
            assert "export JALIEN_HOST=127.0.0.1 JALIEN_WSPORT=" in reported
            user.must("bridge", "off")
            assert file.read_text() == jbox
            user.must("bridge", "on")
            other.kill()
            other.wait()
            assert user.must("bridge", "on").endswith(f"programs find it by {file}")
        finally:
            other.kill()
            other.wait()
