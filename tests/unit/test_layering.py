"""The rules of the house: who may import whom, how long things may be, what `core` may not know."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST_FUNCTION = 60
LONGEST_MODULE = 400
CORE_MAY_NOT = {"asyncio", "socket", "ssl", "time", "random", "os", "logging", "grpc", "threading", "subprocess"}

# which of our own packages each room may import, besides itself, the errors and the version
MAY_IMPORT: dict[str, set[str]] = {
    "aliend/core": set(),
    "aliend/central": {"core"},
    "aliend/storage": {"core"},
    "aliend/store": {"core"},
    "aliend/engine": {"core", "central", "storage", "store"},
    "aliend/services": {"core", "commands", "parts", "sessions", "engine", "reload", "v1"},
    "aliend/commands": {"core", "parts", "sessions", "engine", "central", "storage", "config"},
    "aliend/sandbox": set(),
}
OF_ALL = {"errors", "VERSION", "CONTRACT"}


def sources() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return [ROOT / name for name in listed if not name.startswith("aliend/v1/") and (ROOT / name).exists()]


def product() -> list[Path]:
    return [path for path in sources() if path.relative_to(ROOT).parts[0] in ("aliend", "alienctl")]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_there_are_sources_to_look_at() -> None:
    assert len(product()) > 20


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    allowed = MAY_IMPORT[room] | OF_ALL | {Path(room).name}
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in product()
        if path.is_relative_to(ROOT / room)
        for name in imports(path)
        if (name.startswith("aliend.") and name.split(".")[1] not in allowed) or name.startswith("alienctl")
    ]
    assert wrong == []


def test_core_is_pure() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in product()
        if path.is_relative_to(ROOT / "aliend/core")
        for name in imports(path)
        if name.split(".")[0] in CORE_MAY_NOT
    ]
    assert wrong == []


def test_the_sandbox_shares_no_code_with_the_daemon() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in product()
        if path.is_relative_to(ROOT / "aliend/sandbox")
        for name in imports(path)
        if name.startswith("aliend.") and not name.startswith("aliend.sandbox")
    ]
    assert wrong == []


def test_the_client_knows_only_the_contract_and_only_in_its_api() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in product()
        if path.is_relative_to(ROOT / "alienctl")
        for name in imports(path)
        if name.startswith("aliend.") and not (path.name == "api.py" and name.startswith("aliend.v1"))
    ]
    assert wrong == []


def test_only_services_see_protobuf_types() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in product()
        if path.is_relative_to(ROOT / "aliend")
        and not path.is_relative_to(ROOT / "aliend/services")
        and path.name != "daemon.py"
        for name in imports(path)
        if name.startswith(("aliend.v1", "google.protobuf"))
    ]
    assert wrong == []


def test_only_config_and_the_programs_read_the_environment() -> None:
    allowed = {"aliend/config.py", "aliend/__main__.py"}
    wrong = [
        str(path.relative_to(ROOT))
        for path in product()
        if path.is_relative_to(ROOT / "aliend")
        and not path.is_relative_to(ROOT / "aliend/sandbox")
        and str(path.relative_to(ROOT)) not in allowed
        and ("os.environ" in path.read_text(encoding="utf-8") or "os.getenv" in path.read_text(encoding="utf-8"))
    ]
    assert wrong == []


def test_no_module_is_longer_than_400_lines() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in product()}
    assert [f"{path.relative_to(ROOT)}: {n}" for path, n in lengths.items() if n > LONGEST_MODULE] == []


def test_no_function_is_longer_than_60_lines() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in product()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno + 1 > LONGEST_FUNCTION
    ]
    assert wrong == []
