"""The recipes in packaging/ fit the tree: what they copy exists, and what they run is valid."""

from __future__ import annotations

import re
import subprocess

from tests.harness import ROOT

RECIPE = ROOT / "packaging" / "aliend.sh"
CONTAINERFILE = ROOT / "packaging" / "Containerfile"


def test_the_containerfile_uses_only_files_of_the_tree_and_no_root_user() -> None:
    text = CONTAINERFILE.read_text(encoding="utf-8")
    used = re.findall(r"/src/(\S+)", text)
    assert used == ["tests/demo.sh"]
    assert all((ROOT / name).exists() for name in used)
    assert text.rindex("USER alice") > text.rindex("RUN ")


def test_the_commands_of_the_containerfile_are_valid_shell() -> None:
    text = CONTAINERFILE.read_text(encoding="utf-8").replace("\\\n", "")
    steps = re.findall(r"^RUN (.*)$", text, flags=re.MULTILINE)
    assert len(steps) == 2
    for step in steps:
        subprocess.run(["sh", "-n", "-c", step], check=True)


def test_the_recipe_never_sets_a_python_variable() -> None:
    header, _, script = RECIPE.read_text(encoding="utf-8").partition("---\n")
    assert "package: aliend" in header
    code = "\n".join(line for line in script.splitlines() if not line.startswith("#"))
    assert not re.search(r"PYTHON(PATH|HOME)", code)
    subprocess.run(["bash", "-n", "-c", script], check=True)
