"""`root-plugin`: the lines in `.rootrc`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alienctl import ClientError
from alienctl.local import root_plugin


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root_plugin, "program", lambda: "/opt/bin/alienctl")


def test_the_plugin_is_part_of_the_package() -> None:
    path, code = root_plugin.run(["path"], as_json=False)
    assert (Path(path).name, code) == ("aliend_plugin.C", 0)
    plugins = Path(path).parent / "plugins"
    assert [path.name for path in sorted(plugins.glob("*/P*.C"))] == ["P005_AliendFile.C", "P005_AliendGrid.C"]
    assert (Path(path).parent / "aliend.C").exists()
    assert json.loads(root_plugin.run(["path"], as_json=True)[0]) == {"macro": path}


def test_a_last_line_without_an_end_stays_a_line(tmp_path: Path) -> None:
    file = tmp_path / "rootrc"
    for _ in range(2):
        with file.open("a") as rootrc:
            rootrc.write("Gui.Backend: native")
        root_plugin.run(["install", str(file)], as_json=False)
    assert file.read_text().splitlines()[:3] == ["Gui.Backend: native", "Gui.Backend: native", root_plugin._BEGIN]


def test_other_lines_and_the_mode_stay(tmp_path: Path) -> None:
    file = tmp_path / "rootrc"
    file.write_text("Gui.Backend: native\n# Root.PluginPath: in a comment")
    file.chmod(0o640)
    for _ in range(2):
        root_plugin.run(["install", str(file)], as_json=False)
    text = file.read_text()
    assert text.startswith("Gui.Backend: native\n# Root.PluginPath: in a comment\n# aliend: begin")
    assert text.count("Aliend.Command: /opt/bin/alienctl\n") == 1
    assert text.count("Unix.*.Root.PluginPath: $(ROOTSYS)/etc/plugins:") == 1
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_link_to_the_file_stays(tmp_path: Path) -> None:
    link = tmp_path / ".rootrc"
    link.symlink_to(tmp_path / "dotfiles")
    root_plugin.run(["install", str(link)], as_json=False)
    assert (link.is_symlink(), "aliend: begin" in (tmp_path / "dotfiles").read_text()) == (True, True)


def test_a_plugin_path_of_the_user_is_not_replaced(tmp_path: Path) -> None:
    file = tmp_path / "rootrc"
    file.write_text("Unix.*.Root.PluginPath: /mine\n")
    with pytest.raises(ClientError, match=r"sets Root.PluginPath itself; add .*/aliend/root/plugins to it"):
        root_plugin.run(["install", str(file)], as_json=False)
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("words", [[], ["remove"], ["install", "a", "b"], ["install", "-f"]])
def test_other_arguments_are_refused(words: list[str]) -> None:
    with pytest.raises(ClientError, match="root-plugin takes install"):
        root_plugin.run(words, as_json=False)
