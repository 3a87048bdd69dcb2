"""The xrootd program is found in all supported places; the message for a missing one names the install command."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from aliend.sandbox.layout import Layout
from aliend.sandbox.storage.xrootd_program import find, install_command, missing_message

SCRIPT = '#!/bin/sh\ncase "$LD_LIBRARY_PATH" in {wanted}) exit 0;; *) exit 1;; esac\n'


class Machine:
    """A machine on which programs can be installed; each runs only with the library path that it needs."""

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root / "grid")
        self.cvmfs = root / "cvmfs"
        self.bin = root / "bin"
        self.conda = root / "conda"
        self.home = root / "home"

    def install(self, directory: Path, libraries: str = "") -> str:
        directory.mkdir(parents=True, exist_ok=True)
        for name in ("xrootd", "xrdcp"):
            (directory / name).write_text(SCRIPT.format(wanted=libraries or '""'))
            (directory / name).chmod(0o755)
        return str(directory / "xrootd")

    def package(self, name: str, loads: str = "") -> Path:
        root = self.cvmfs / f"el9-{platform.machine()}" / "Packages" / name
        (root / "lib").mkdir(parents=True)
        module = root / "etc/modulefiles" / root.parent.name
        module.parent.mkdir(parents=True)
        module.write_text(f"#%Module1.0\n# Dependencies\nmodule load BASE/1.0 {loads}\n")
        return root

    def found(self) -> str | None:
        environment = {"PATH": str(self.bin), "HOME": str(self.home)}
        installation = find(self.layout, environment, self.cvmfs)
        return installation.server if installation else None


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_installations_are_searched_in_order(machine: Machine) -> None:
    assert machine.found() is None
    listed = machine.home / ".conda/environments.txt"
    listed.parent.mkdir(parents=True)
    listed.write_text(f"/nonexistent\n{machine.conda}\n")
    in_conda = machine.install(machine.conda / "bin")
    assert machine.found() == in_conda
    unpacked = machine.install(machine.layout.xrootd / "usr/bin")
    assert machine.found() == unpacked
    root = machine.package("XRootD/v5.6.1-1")
    on_cvmfs = machine.install(root / "bin", f'"{root}/lib"')
    assert machine.found() == on_cvmfs
    on_path = machine.install(machine.bin)
    assert machine.found() == on_path


def test_an_unusable_installation_is_skipped(machine: Machine) -> None:
    machine.install(machine.bin, "a-library-that-is-missing")
    unpacked = machine.install(machine.layout.xrootd / "usr/bin")
    assert machine.found() == unpacked


def test_the_newest_version_on_cvmfs_gets_all_its_libraries(machine: Machine) -> None:
    zlib = machine.package("zlib/v1.3-2")
    openssl = machine.package("OpenSSL/v1.1.1-7", "zlib/v1.3-2 OpenSSL/v1.1.1-7")
    machine.install(machine.package("XRootD/v5.9.2-1") / "bin")
    newest = machine.package("XRootD/v5.10.0-1", "OpenSSL/v1.1.1-7")
    server = machine.install(newest / "bin", f'"{newest}/lib:{openssl}/lib:{zlib}/lib"')
    assert machine.found() == server


def test_unpacked_packages_use_their_own_libraries(machine: Machine) -> None:
    libraries = machine.layout.xrootd / "usr/lib/some-linux-gnu"
    libraries.mkdir(parents=True)
    server = machine.install(machine.layout.xrootd / "usr/bin", f'"{libraries}"')
    found = find(machine.layout, {"PATH": ""}, machine.cvmfs)
    assert found
    assert found.command == ("env", f"LD_LIBRARY_PATH={libraries}", server)
    assert found.copier == str(machine.layout.xrootd / "usr/bin/xrdcp")


@pytest.mark.parametrize(
    ("os_release", "command"),
    [
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "sudo apt install xrootd-server xrootd-client"),
        ({"ID": "fedora"}, "sudo dnf install xrootd-server xrootd-client"),
        (
            {"ID": "almalinux", "ID_LIKE": "rhel centos fedora"},
            "sudo dnf install epel-release && sudo dnf install xrootd-server xrootd-client",
        ),
        ({"ID": "arch"}, "conda create -n xrootd -c conda-forge xrootd"),
        ({}, "conda create -n xrootd -c conda-forge xrootd"),
    ],
)
def test_the_message_contains_the_distributions_command(os_release: dict[str, str], command: str) -> None:
    assert install_command(os_release) == command
    layout = Layout(Path("/home/someone/grid"))
    assert f"`{command}`" in missing_message(layout, can_fetch=False, os_release=os_release)
    offer = missing_message(layout, can_fetch=True, os_release=os_release).splitlines()
    assert len(offer) == 3
    assert "`alienctl sandbox up --fetch`" in offer[1]
    assert offer[1].endswith("MB)")
    assert offer[2] == "and unpacks them into /home/someone/grid/xrootd (12 to 110 MB)"
