"""Installs this tree with another version, contract or schema in a separate virtual environment."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.harness import ROOT

MIGRATION = "CREATE TABLE made_by_a_later_version (number INTEGER) STRICT;"


def install(place: Path, version: str, *, contract: int = 0, migration: str = "") -> str:
    """Install this tree as `version`, perhaps with another contract and one more migration; return its `alienctl`."""
    tree, environment = place / "tree", place / "venv"
    for name in ("aliend", "alienctl"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        _replace(tree / name / "__init__.py", r'VERSION = ".*"', f'VERSION = "{version}"')
        if contract:
            _replace(tree / name / "__init__.py", r"CONTRACT = \d+", f"CONTRACT = {contract}")
    shutil.copytree(ROOT / "systemd", tree / "systemd")
    if migration:
        schema = tree / "aliend/store/schema.py"
        schema.write_text(f"{schema.read_text(encoding='utf-8')}\n\nMIGRATIONS += ({migration!r},)\n", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    (packages,) = (environment / "lib").glob("python*/site-packages")
    (packages / "tree.pth").write_text(f"{tree}\n{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    for script in (ROOT / "bin").iterdir():
        text = script.read_text(encoding="utf-8")
        target = environment / "bin" / script.name
        target.write_text(re.sub(r"\A#!python$", f"#!{environment}/bin/python", text, flags=re.M), encoding="utf-8")
        target.chmod(0o755)
    return str(environment / "bin/alienctl")


def _replace(file: Path, pattern: str, text: str) -> None:
    changed, count = re.subn(pattern, text, file.read_text(encoding="utf-8"))
    assert count == 1, (file, pattern)
    file.write_text(changed, encoding="utf-8")
