"""What `make dist` builds works in an empty virtual environment: the command, a copy, and all that it carries."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import ROOT, Grid, User, make_user

pytestmark = pytest.mark.timeout(600)


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
    place = tmp_path_factory.mktemp("empty")
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
    assert any(name.endswith(".data/data/share/man/man1/alienctl.1") for name in names)
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


def test_an_installed_wheel_puts_its_unit_in_place(newcomer: User, environment: Path) -> None:
    newcomer.must("daemon", "install")
    unit = newcomer.home / ".config/systemd/user/aliend.service"
    assert f"ExecStart={environment}/bin/aliend --foreground" in unit.read_text(encoding="utf-8")
