"""The command, its names, the daemon, its workers and the sandbox use their own Python and libraries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness import ALIENCTL, Grid, User, make_user

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("isolation")]
OLDER = ("grpcio==1.60.0", "protobuf==4.25.3", "websockets==10.4", "cryptography==42.0.8")
PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"
LIBRARIES = ("libXrdCl.so.3", "libXrdCl.so.4", "libssl.so.3", "libcrypto.so.3", "libstdc++.so.6", "libz.so.1")


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of older libraries, as the experiment's software environment puts into PYTHONPATH."""
    directory = tmp_path_factory.mktemp("older")
    install = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
    subprocess.run([*install, "--target", str(directory), *OLDER], check=True, capture_output=True)
    return directory


def trap(file: Path) -> None:
    """A module that leaves the file `executed` beside the user's home, and fails."""
    file.parent.mkdir(parents=True, exist_ok=True)
    code = "import posix; posix.close(posix.open({!r}, posix.O_CREAT | posix.O_WRONLY))\nraise ImportError({!r})\n"
    file.write_text(code.format(str(executed(file)), str(file)), encoding="utf-8")


def executed(file: Path) -> Path:
    """Return the files that traps have created below the home."""
    home = next(parent for parent in file.parents if parent.name.startswith("user"))
    return home / "executed"


def software_environment(user: User, older: Path) -> dict[str, str]:
    """Variables like those of `alienv enter`, with modules that must never be executed."""
    for name in ("select.py", "sitecustomize.py", "XRootD/__init__.py", "aliend/__init__.py", "alienctl/__init__.py"):
        trap(user.home / "sw" / name)
    trap(user.home / "python/lib" / PYTHON / "encodings/__init__.py")
    trap(user.home / ".local/lib" / PYTHON / "site-packages/usercustomize.py")
    trap(user.home / "startup.py")
    return {
        "PYTHONHOME": str(user.home / "python"),
        "PYTHONPATH": f"{user.home / 'sw'}:{older}",
        "PYTHONSTARTUP": str(user.home / "startup.py"),
        "PYTHONWARNINGS": "error",
        "PYTHONUSERBASE": str(user.home / ".local"),
    }


def broken_libraries(user: User) -> str:
    """A directory of libraries that cannot be loaded, without those that Python itself needs to start."""
    needed = subprocess.run(
        ["ldd", os.path.realpath(sys.executable)], capture_output=True, text=True, check=True
    ).stdout
    directory = user.home / "lib"
    directory.mkdir()
    for name in LIBRARIES:
        if name in needed:
            continue
        (directory / name).write_bytes(b"a library of another system")
    return str(directory)


def test_the_traps_catch_a_python_that_is_not_isolated(user: User, older: Path) -> None:
    variables = software_environment(user, older)
    python = subprocess.run([sys.executable, "-c", ""], env={**user.environment, **variables}, capture_output=True)
    assert python.returncode != 0
    assert executed(user.home / "sw").exists()


def test_commands_and_copies_work_in_the_software_environment(user: User, older: Path) -> None:
    user.variables.update(software_environment(user, older))
    home = user.must("pwd")
    (user.home / "up").write_bytes(os.urandom(1000))
    user.must("cp", "file:up", f"{home}{user.home.name}")
    user.must("cp", f"{home}{user.home.name}", "file:back")
    assert (user.home / "back").read_bytes() == (user.home / "up").read_bytes()
    assert not executed(user.home / "sw").exists()


def test_all_programs_are_isolated(user: User, older: Path) -> None:
    user.variables.update(software_environment(user, older))
    programs = Path(ALIENCTL).parent
    user.must("install-names", "names")
    for words in (
        (str(programs / "aliend"), "--version"),
        (str(programs / "alien-cert-info"),),
        (str(user.home / "names/alien_pwd"),),
        (str(user.home / "names/alien.py"), "pwd"),
    ):
        done = subprocess.run(words, env=user.environment, capture_output=True, text=True, timeout=120)
        assert (words, done.returncode, done.stderr) == (words, 0, "")
    assert not executed(user.home / "sw").exists()


def test_a_sandbox_grid_starts_in_the_software_environment(user: User, older: Path) -> None:
    user.variables.update(software_environment(user, older))
    user.variables["XDG_STATE_HOME"] = str(user.home / "state")
    try:
        user.must("sandbox", "up", timeout=120)
    finally:
        user.run("sandbox", "down", timeout=120)
    assert not executed(user.home / "sw").exists()


@pytest.mark.parametrize("line", ["!env -0 > seen", "pwd | env -0 > seen"])
def test_programs_of_the_user_get_the_environment_of_the_user(user: User, older: Path, line: str) -> None:
    user.variables.update(software_environment(user, older))
    user.variables.update({"LD_LIBRARY_PATH": "/nonexistent", "alienctl_test": "a b\nc", "PWD": str(user.home)})
    user.must(line)
    seen = dict(text.split("=", 1) for text in (user.home / "seen").read_text().split("\0") if text)
    added = {"PATH", "ALIEN_PROFILE", "ALIEN_SESSION", "_", "SHLVL", "OLDPWD"}
    assert {name: value for name, value in seen.items() if name not in added} == {
        name: value for name, value in user.environment.items() if name not in added
    }


def test_a_library_path_with_foreign_libraries_does_no_harm(user: User) -> None:
    user.variables["LD_LIBRARY_PATH"] = broken_libraries(user)
    home = user.must("pwd")
    (user.home / "up").write_bytes(b"bytes")
    user.must("cp", "file:up", f"{home}{user.home.name}")
    assert user.must("cat", f"{home}{user.home.name}") == "bytes"


def test_a_library_path_that_was_asked_for_and_does_not_fit_is_one_sentence(user: User) -> None:
    user.variables["ALIEND_LIBRARY_PATH"] = broken_libraries(user)
    done = user.run("pwd")
    assert done.returncode == 127
    assert "the daemon could not be started: cannot load a library: " in done.stderr
    assert "ALIEND_LIBRARY_PATH" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_daemon_and_its_workers_run_without_the_variables(user: User, older: Path) -> None:
    user.variables.update(software_environment(user, older))
    user.variables["LD_LIBRARY_PATH"] = "/nonexistent"
    (user.home / "up").write_bytes(b"bytes")
    user.must("cp", "file:up", f"{user.must('pwd')}{user.home.name}")
    daemon = user.pid()
    children = Path(f"/proc/{daemon}/task/{daemon}/children").read_text(encoding="ascii").split()
    assert children
    for pid in [daemon, *map(int, children)]:
        names = {entry.partition(b"=")[0] for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")}
        assert not [name for name in names if name.startswith((b"PYTHON", b"LD_"))]


def test_a_program_path_with_blanks_and_links_is_found(grid: Grid, tmp_path: Path) -> None:
    """The checkout's own programs, through a directory and a chain of links."""
    place = tmp_path / "a b  c"
    place.mkdir()
    (place / "first").symlink_to(ALIENCTL)
    (place / "alien_pwd").symlink_to("first")
    for user in make_user(grid.exports):
        user.command = str(place / "alien_pwd")
        user.variables["PYTHONHOME"] = "/nonexistent"
        assert user.must().startswith("/alice/")
        done = subprocess.run(["alien_pwd"], env={**user.environment, "PATH": f"{place}:{os.environ['PATH']}"})
        assert done.returncode == 0
        user.command = ALIENCTL
