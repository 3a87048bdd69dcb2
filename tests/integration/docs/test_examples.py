"""The examples of README.md and docs/ run on a sandbox grid and print what the pages show."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import ROOT, clean_environment

PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    if "```console" in path.read_text(encoding="utf-8")
)
_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_PREPARE = 'alienctl sandbox up > sandbox.log; eval "$(alienctl sandbox env)"\n'


def examples(page: str) -> list[tuple[str, list[str]]]:
    """The commands of a page, each with the lines of output that the page shows."""
    found: list[tuple[str, list[str]]] = []
    for block in _BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def pattern(lines: list[str]) -> re.Pattern[str]:
    """A pattern for the shown lines: `...` stands for any lines, numbers, months and units may differ."""
    parts = []
    for line in lines:
        if line == "...":
            parts.append(r"(?:.*\n)*?")
            continue
        text = re.escape(line)
        text = re.sub(r"\d+(?:\\\.\d+)?", r"[\\d.]+", text)
        text = re.sub(r"(?<=\])\\ [KMGT]?i?B\b", r" [KMGT]?i?B", text)
        text = re.sub(r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)", r"[A-Z][a-z]{2}", text)
        parts.append(re.sub(r"(?:\\ )+", r" +", text) + r" *\n")
    return re.compile("".join(parts))


@pytest.fixture
def shell() -> Iterator[Path]:
    """A home directory of a new user; its grid and its daemon are stopped afterwards."""
    home = Path(tempfile.mkdtemp(prefix="docs", dir="/tmp"))
    (home / "run").mkdir(mode=0o700)
    yield home
    run(home, "alienctl --profile sandbox daemon stop; alienctl daemon stop; alienctl sandbox down")
    shutil.rmtree(home, ignore_errors=True)


def run(home: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in bash, as the user of `home`."""
    environment = {
        **clean_environment(),
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home / "run"),
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
    }
    return subprocess.run(
        ["bash", "-c", script], cwd=home, env=environment, capture_output=True, text=True, timeout=110, check=False
    )


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_work(page: str, shell: Path) -> None:
    listed = examples(page)
    script = "" if any("sandbox up" in command for command, _ in listed) else _PREPARE
    for number, (command, _) in enumerate(listed):
        script += f"exec 3>&1 > out.{number} 2>&1\n{command}\necho $? > code.{number}\nexec 1>&3 2>&3\n"
    done = run(shell, script)
    for number, (command, lines) in enumerate(listed):
        output = shell / f"out.{number}"
        assert output.exists(), f"{command} was not reached: {done.stderr}"
        printed = output.read_text(encoding="utf-8")
        code = (shell / f"code.{number}").read_text(encoding="utf-8").strip()
        assert code == "0", f"{page}: {command}: {code}\n{printed}"
        assert pattern(lines).fullmatch(printed), f"{page}: {command} printed\n{printed}"


def test_the_python_example_of_the_readme_works(shell: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    (shell / "example.py").write_text("\n".join(blocks), encoding="utf-8")
    done = run(shell, f"{_PREPARE}python example.py")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    files = [line.split()[0] for line in lines if ".root" in line]
    assert "part00.root" in files
    assert lines[-2:] == ["100", f"done {len(files)}"]
    assert sorted(path.name for path in (shell / "copied").rglob("*.root")) == sorted(files)


def test_the_documentation_builds_without_warnings(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site" / "first-hour" / "index.html").exists()


def test_all_links_of_the_readme_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).exists()] == []
