"""The library alienpy runs in the Python of other programs: 3.9 or newer, standard library only."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from alienctl import ClientError
from alienctl.local import install_names

ROOT = Path(__file__).parents[3]
ON_DEMAND = (
    "recovery daemon/silence daemon/process daemon/record local/child_process local/wire_replies local/prompt "
    "local/stdin_forwarder local/debug_log"
)
"""Modules that a command imports only in some cases."""


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(install_names, "program", lambda: "/opt/bin/alienctl")
    install_names.install(["--python", str(tmp_path / "lib")], as_json=False)
    return tmp_path / "lib"


def run(packages: Path, program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(packages)!r})\n{program}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_both_packages_share_one_session(packages: Path) -> None:
    program = """
import alienpy.alien, xjalienfs.wb_api
from alienpy import xrd_core, global_vars
print(alienpy.alien.AlienSessionInfo is xjalienfs.wb_api.AlienSessionInfo, alienpy.alien.RET is xrd_core.RET)
"""
    assert run(packages, program) == "True True\n"


def test_a_missing_name_says_what_to_do(packages: Path) -> None:
    program = (
        "from alienpy import alien\ntry:\n    alien.mk_xml_local\nexcept AttributeError as error:\n    print(error)"
    )
    assert "aliend's alienpy has no 'mk_xml_local' in alienpy.alien" in run(packages, program)


def test_an_installation_that_is_gone_is_named(packages: Path) -> None:
    init = packages / "alienpy" / "__init__.py"
    init.write_text(init.read_text().replace(str(ROOT), "/nowhere"))
    program = "try:\n    import alienpy\nexcept ImportError as error:\n    print(error)"
    assert run(packages, program).startswith("aliend is no longer installed in /nowhere; run `alienctl install-names")


def test_an_older_python_is_named(packages: Path) -> None:
    program = "sys.version_info = (3, 8)\ntry:\n    import alienpy\nexcept ImportError as error:\n    print(error)"
    assert "needs Python 3.9 or newer, but this is " in run(packages, program)


def test_the_hint_quotes_a_directory_with_blanks(tmp_path: Path, packages: Path) -> None:
    text, _ = install_names.install(["--python", str(tmp_path / "my lib")], as_json=False)
    assert f"export PYTHONPATH='{tmp_path}/my lib'$" in text
    text, _ = install_names.install([str(tmp_path / "my bin")], as_json=False)
    assert f"export PATH='{tmp_path}/my bin':$PATH" in text


@pytest.mark.parametrize("args", [["--python"], ["--python", ""], ["--python", "a", "b"], [""], []])
def test_exactly_one_directory_is_named(args: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    example = "--python ~/lib/python`" if args and args[0] else "install-names ~/bin`"
    with pytest.raises(ClientError, match=example):
        install_names.install(args, as_json=False)
    assert list(tmp_path.iterdir()) == []


def test_packages_of_others_are_not_replaced(tmp_path: Path, packages: Path) -> None:
    install_names.install(["--python", str(packages)], as_json=False)  # ours are
    (tmp_path / "site/alienpy").mkdir(parents=True)
    (tmp_path / "site/alienpy/__init__.py").write_text("real = True\n")
    with pytest.raises(ClientError, match="already exists and is not our package"):
        install_names.install(["--python", str(tmp_path / "site")], as_json=False)
    assert not (tmp_path / "site/xjalienfs").exists()


def modules(packages: Path) -> list[Path]:
    """The modules of ours that a program loads, at once or later."""
    program = "import alienpy; print(*(m.__file__ for n, m in list(sys.modules.items()) if n.startswith('alienctl')))"
    return [
        *map(Path, run(packages, program).split()),
        *(ROOT / "alienctl" / f"{name}.py" for name in ON_DEMAND.split()),
    ]


def test_everything_it_loads_is_python_3_9(packages: Path) -> None:
    problems = []
    for path in modules(packages):
        tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
        lazy = any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)
        problems += [f"{path.name}:{line}" for line in ([] if lazy else evaluated_unions(tree))]
        problems += [path.name for word in ("slots=True", "strict=", "import Self") if word in path.read_text()]
    assert problems == []


def evaluated_unions(tree: ast.Module) -> list[int]:
    """The lines with `X | Y` in annotations that Python evaluates: of functions, classes and modules, not of locals."""
    found: list[ast.expr | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found += [arg.annotation for arg in (*node.args.args, *node.args.kwonlyargs, *node.args.posonlyargs)]
            found.append(node.returns)
        elif isinstance(node, ast.ClassDef | ast.Module):
            found += [each.annotation for each in node.body if isinstance(each, ast.AnnAssign)]
    return [
        inner.lineno
        for annotation in found
        if annotation is not None
        for inner in ast.walk(annotation)
        if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.BitOr)
    ]
