"""The text of the systemd user units."""

from __future__ import annotations

from pathlib import Path

import pytest

from alienctl.daemon import systemd_unit
from alienctl.daemon.directories import unit_of
from alienctl.invocation import Invocation


def unit(monkeypatch: pytest.MonkeyPatch, program: str, profile: str = "default", **variables: str) -> list[str]:
    monkeypatch.setattr("sys.executable", str(Path(program).with_name("python")))
    monkeypatch.setattr("os.access", lambda path, _mode: path == program)
    environment = {name.encode(): value.encode() for name, value in {"HOME": "/h", **variables}.items()}
    invocation = Invocation(["--profile", profile, "daemon", "install"], environment)
    return systemd_unit._unit(Path(systemd_unit.file_of(invocation)).name, invocation).splitlines()


def test_the_unit_gets_the_real_command_and_keeps_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = unit(monkeypatch, "/my env/100%/a$b/aliend")
    assert 'ExecStart="/my env/100%%/a$$b/aliend" --foreground --profile default' in lines
    assert not any(line.startswith("Environment=") for line in lines)


def test_the_template_takes_the_profile_from_the_name_of_the_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "ExecStart=/v/aliend --foreground --profile %i" in unit(monkeypatch, "/v/aliend", "test")


def test_the_directories_of_the_shell_are_those_of_the_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = unit(monkeypatch, "/v/aliend", XDG_STATE_HOME="/my state/50%", XDG_CONFIG_HOME="/c")
    assert 'Environment="XDG_STATE_HOME=/my state/50%%"' in lines
    assert "Environment=XDG_CONFIG_HOME=/c" in lines


@pytest.mark.parametrize(("profile", "name"), [("default", "aliend.service"), ("test-1.x", "aliend@test-1.x.service")])
def test_each_profile_has_a_unit(profile: str, name: str) -> None:
    assert unit_of(profile) == name
