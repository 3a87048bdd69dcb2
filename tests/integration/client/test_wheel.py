"""The result of `make dist` works in an empty virtual environment: the command, a copy, and all its files."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.harness import ROOT, Grid, User, make_user

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("wheel")]


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(directory), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return directory


@pytest.fixture(scope="module")
def environment(archives: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("empty") / "a b"  # pip writes other first lines of scripts where a path has blanks
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    (wheel,) = archives.glob("*.whl")
    install = [str(place / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel)]
    subprocess.run(install, check=True)
    return place


@pytest.fixture
def newcomer(grid: Grid, environment: Path) -> Iterator[User]:
    for user in make_user(grid.exports):
        user.command = str(environment / "bin/alienctl")
        yield user


def test_the_wheel_carries_the_contract_and_the_unit(archives: Path) -> None:
    (wheel,) = archives.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "aliend/proto/aliend/v1/transfers.proto" in names
    assert "aliend/systemd/aliend.service" in names
    assert {"aliend/authorities/igtf.pem", "aliend/authorities/copyright"} <= set(names)
    assert any(name.endswith(".data/scripts/alienctl") for name in names)
    shared = {name.partition(".data/data/share/")[2] for name in names} - {""}
    assert shared == {
        "man/man1/alienctl.1",
        "man/man1/aliend.1",
        "bash-completion/completions/alienctl",
        "zsh/site-functions/_alienctl",
        "fish/vendor_completions.d/alienctl.fish",
    }
    assert "aliend/data/service_commands.txt" in names
    assert "alienctl/pages/coming-from-alienpy.md" in names
    assert not any(name.startswith("tests") for name in names)


def test_the_source_archive_carries_the_tests(archives: Path) -> None:
    (archive,) = archives.glob("*.tar.gz")
    with tarfile.open(archive) as content:
        names = [name.partition("/")[2] for name in content.getnames()]
    assert {"Makefile", "README.md", "LICENSE", "tests/harness.py", "bin/alienctl"} <= set(names)


def test_an_installed_wheel_lists_and_copies(newcomer: User) -> None:
    home = newcomer.must("pwd")
    (newcomer.home / "here.txt").write_bytes(b"from the wheel\n" * 100)
    name = f"{home}wheel-{newcomer.home.name}.txt"
    newcomer.must("cp", "file:here.txt", f"{name}@disk:2")
    assert len(newcomer.json("whereis", name)["results"]) == 2
    newcomer.must("cp", name, "file:back.txt")
    assert (newcomer.home / "back.txt").read_bytes() == (newcomer.home / "here.txt").read_bytes()


@pytest.mark.parametrize("name", ["alienctl", "aliend"])
def test_man_finds_the_pages_of_an_installed_wheel(environment: Path, name: str) -> None:
    page = environment / f"share/man/man1/{name}.1"
    done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", str(page)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert f"{name.upper()}(1)" in done.stdout


def completing_shell(user: User, environment: Path, command: list[str]) -> pexpect.spawn[str]:
    """An interactive shell that finds the installed commands first, and data files as on a usual system."""
    variables = {
        **user.environment,
        "PATH": f"{environment}/bin:{os.environ['PATH']}",
        "XDG_DATA_DIRS": f"{environment}/share:/usr/share",
        "TERM": "dumb",
        "PS1": "READY>",
    }
    child = pexpect.spawn(
        command[0], command[1:], env=variables, cwd=str(user.home), timeout=120, encoding="utf-8", dimensions=(24, 200)
    )
    child.expect_exact("READY>")
    return child


def test_bash_completes_with_the_installed_file(newcomer: User, environment: Path) -> None:
    child = completing_shell(newcomer, environment, ["bash", "--norc", "--noprofile", "-i"])
    file = environment / "share/bash-completion/completions/alienctl"
    child.sendline(f"bind 'set enable-bracketed-paste off'; source '{file}'")
    child.expect_exact("READY>")
    child.send("alienctl cert-imp\t")
    child.expect_exact("alienctl cert-import ")
    child.send("\x15exit\n")
    child.expect(pexpect.EOF)


def test_zsh_completes_with_the_installed_file_at_the_first_tab(newcomer: User, environment: Path) -> None:
    child = completing_shell(newcomer, environment, ["zsh", "-f", "-i"])
    functions = environment / "share/zsh/site-functions"
    child.sendline(f'fpath=("{functions}" $fpath); autoload -U compinit && compinit -u -D; print loa""ded')
    child.expect_exact("loaded")
    child.expect_exact("READY>")
    child.send("alienctl cert-imp\t")
    child.expect_exact("cert-import ")
    child.send("\x15exit\n")
    child.expect(pexpect.EOF)


def test_fish_completes_with_the_installed_file(newcomer: User, environment: Path) -> None:
    variables = {
        **newcomer.environment,
        "PATH": f"{environment}/bin:{os.environ['PATH']}",
        "XDG_DATA_DIRS": f"{environment}/share:/usr/share",
    }
    command = ["fish", "--no-config", "-c", f"source '{environment}/share/fish/vendor_completions.d/alienctl.fish'; "]
    command[-1] += "complete -C 'alienctl cert-imp'"
    done = subprocess.run(command, env=variables, cwd=newcomer.home, capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["cert-import"]


def test_an_installed_wheel_knows_the_commands_of_the_service(newcomer: User) -> None:
    for name in list(newcomer.variables):
        if name.startswith(("JALIEN_", "X509_")):
            newcomer.variables[name] = "/nonexistent/file.pem"
    assert "central service" in newcomer.must("help", "guidinfo")
    assert newcomer.run("guidinf").returncode == 1


def test_an_installed_wheel_puts_its_unit_in_place(newcomer: User, environment: Path) -> None:
    newcomer.must("daemon", "install")
    unit = newcomer.home / ".config/systemd/user/aliend.service"
    assert f'ExecStart="{environment}/bin/aliend" --foreground' in unit.read_text(encoding="utf-8")


@pytest.mark.parametrize("installer", ["pipx", "uv"])
def test_a_program_that_is_a_link_to_the_installed_one_is_isolated(
    newcomer: User, archives: Path, installer: str
) -> None:
    (wheel,) = map(str, archives.glob("*.whl"))
    tools = {"XDG_DATA_HOME": str(newcomer.home / "share"), "XDG_BIN_HOME": str(newcomer.home / "links")}
    tools |= {"PIPX_HOME": str(newcomer.home / "pipx"), "PIPX_BIN_DIR": str(newcomer.home / "links")}
    program = Path(sys.executable).with_name(installer)
    python = ("--python", sys.executable)
    words = ("install", *python, wheel) if installer == "pipx" else ("tool", "install", *python, wheel)
    subprocess.run([program, *words], env={**os.environ, **tools}, check=True, capture_output=True, cwd=newcomer.home)
    newcomer.command = str(newcomer.home / "links/alienctl")
    assert Path(newcomer.command).is_symlink()
    newcomer.variables |= {"PYTHONHOME": "/nonexistent", "PYTHONPATH": "/nonexistent"}
    assert newcomer.must("pwd").startswith("/alice/")
    newcomer.must("install-names", "names")
    newcomer.command = str(newcomer.home / "names/alien_pwd")
    assert newcomer.must().startswith("/alice/")
    newcomer.command = str(newcomer.home / "links/alienctl")
    aliend = [str(newcomer.home / "links/aliend"), "--version"]
    assert subprocess.run(aliend, env=newcomer.environment, capture_output=True).stdout.startswith(b"aliend ")


def test_the_start_costs_few_file_opens(newcomer: User) -> None:
    """The shell's lines and Python together open at most 10 files more than Python alone."""
    newcomer.must("pwd")
    python = str(Path(newcomer.command).with_name("python"))
    assert opens(newcomer, newcomer.command, "pwd") <= opens(newcomer, python, "-c", "pass") + 10
    newcomer.must("install-names", "names")
    name = str(newcomer.home / "names/alien_pwd")
    assert opens(newcomer, name) <= opens(newcomer, python, "-c", "pass") + 10


def opens(user: User, *command: str) -> int:
    """Return the number of files that a run opens."""
    trace = ["strace", "-f", "-e", "trace=open,openat", *command]
    # in this locale programs read no catalogues, so that the count is that of the programs
    environment = {**user.environment, "LC_ALL": "C"}
    traced = subprocess.run(trace, env=environment, capture_output=True, text=True, check=True, timeout=120)
    return sum("open" in line and "= -1" not in line for line in traced.stderr.splitlines())
