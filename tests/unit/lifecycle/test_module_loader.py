"""The modules that the daemon imports after its start."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from aliend.commands.dispatch import COMMANDS
from aliend.lifecycle.module_loader import module_names

ROOT = Path(__file__).parents[3]


def test_all_modules_of_commands_services_and_runners_are_loaded() -> None:
    names = set(module_names())
    assert {f"aliend.commands.{function.partition(':')[0]}" for function in COMMANDS.values()} <= names
    assert {"aliend.services.command_run", "aliend.central.session", "aliend.storage.pool.worker_group"} <= names


def test_late_imports_of_daemon_modules_are_loaded_too() -> None:
    """A late import of the daemon names a module of its own packages, which are all loaded."""
    program = (
        "import sys, importlib; from aliend.lifecycle.module_loader import module_names\n"
        "for name in module_names(): importlib.import_module(name)\n"
        "print(*sorted(sys.modules))"
    )
    loaded = set(
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True).stdout.split()
    )
    late = {
        node.module
        for name in module_names()
        if (path := ROOT / f"{name.replace('.', '/')}.py").is_file()
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("aliend.")
    }
    assert late
    assert late <= loaded
    assert not [name for name in loaded if name.startswith(("XRootD", "aliend.sandbox", "aliend.storage.worker"))]
