"""Creates the names of alien.py: links to `alienctl`, and with `--python` packages that load our library `alienpy`."""

import json
import os
import shlex
import shutil
import sys

from alienctl import ClientError

_EINVAL = 22
_COMMANDS = """
    cmd cp find guid2lfn home lfn2guid ls mirror mkdir mv pfn ps pwd rm rmdir stat submit whereis wbtime
"""
_CERTIFICATES = "cert-info token-destroy token-info token-init"
NAMES = (
    "alien.py",
    *(f"alien_{name}" for name in _COMMANDS.split()),
    *(f"alien-{name}" for name in _CERTIFICATES.split()),
)
PACKAGES = ("alienpy", "xjalienfs")
_MARK = "# Written by `alienctl install-names --python`."
_PACKAGE = '''"""alienpy from aliend: the names that public scripts use, answered by the user's daemon."""
{mark} Deleting the directory removes it.
import sys

if sys.version_info < (3, 9):
    raise ImportError("aliend's alienpy needs Python 3.9 or newer, but this is " + sys.version.split()[0])
import importlib.util

_ROOT, _PROGRAM = {root!r}, {program!r}
if "alienctl" not in sys.modules:
    _spec = importlib.util.spec_from_file_location(
        "alienctl", _ROOT + "/alienctl/__init__.py", submodule_search_locations=[_ROOT + "/alienctl"]
    )
    _module = importlib.util.module_from_spec(_spec)
    try:
        _spec.loader.exec_module(_module)
    except FileNotFoundError:
        raise ImportError(
            "aliend is no longer installed in " + _ROOT + "; run `alienctl install-names --python` again"
        ) from None
    sys.modules["alienctl"] = _module
from alienctl.alienpy import commands, modules

commands.PROGRAM = _PROGRAM
modules.create(__name__)
'''


def install(args: list[str], as_json: bool) -> tuple[str, int]:
    """Create the links, or with `--python` the packages, in the directory `args[-1]`; return text and exit code.

    Raises ClientError, without any change, if another file has one of the names.
    """
    is_library = args[:1] == ["--python"]
    operands = args[1:] if is_library else args
    if len(operands) != 1 or not operands[0] or operands[0].startswith("-"):
        example = "--python ~/lib/python" if is_library else "~/bin"
        raise ClientError(f"install-names takes one directory, as in: `alienctl install-names {example}`", _EINVAL)
    directory, own = os.path.abspath(operands[0]), program()
    try:
        names = _install_packages(directory, own) if is_library else _install_links(directory, own)
    except OSError as error:
        raise ClientError(f"{error.filename}: {error.strerror}", error.errno or 1) from None
    if as_json:
        return json.dumps({"directory": directory, "program": own, "names": list(names)}), 0
    if is_library:
        note = f"\nto use them: export PYTHONPATH={shlex.quote(directory)}${{PYTHONPATH:+:$PYTHONPATH}}"
        return f"created the packages alienpy and xjalienfs in {directory}{note}", 0
    note = "" if directory in os.get_exec_path() else f"\nto use them: export PATH={shlex.quote(directory)}:$PATH"
    return f"created {len(NAMES)} names in {directory}: alien.py, alien_ls, ...{note}", 0


def _install_links(directory: str, own: str) -> tuple[str, ...]:
    paths = [os.path.join(directory, name) for name in NAMES]
    _refuse([path for path in paths if os.path.lexists(path) and not _is_ours(path, own)], "a link to alienctl")
    os.makedirs(directory, exist_ok=True)
    for path in paths:
        if not os.path.lexists(path):
            os.symlink(own, path)
    return NAMES


def _install_packages(directory: str, own: str) -> tuple[str, ...]:
    """Write the packages; a newer version replaces what an older one wrote."""
    packages = [os.path.join(directory, name) for name in PACKAGES]
    _refuse([path for path in packages if os.path.lexists(path) and not _is_our_package(path)], "our package")
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for package in packages:
        os.makedirs(package, exist_ok=True)
        new = os.path.join(package, f".new-{os.getpid()}")
        with open(new, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(_PACKAGE.format(mark=_MARK, root=root, program=own))
        os.replace(new, os.path.join(package, "__init__.py"))
    return PACKAGES


def _refuse(existing: list[str], expected: str) -> None:
    if existing:
        raise ClientError(
            f"{existing[0]} already exists and is not {expected}; remove it or choose another directory", _EINVAL
        )


def program() -> str:
    """Return the path of `alienctl` itself."""
    called = sys.argv[0] if os.sep in sys.argv[0] else shutil.which(sys.argv[0]) or ""
    program = os.path.realpath(called)
    if os.path.basename(program) != "alienctl" or not os.access(program, os.X_OK):
        raise ClientError(f"{sys.argv[0]} is not the program alienctl; run it as `alienctl`", _EINVAL)
    return program


def _is_ours(path: str, program: str) -> bool:
    return os.path.islink(path) and os.path.realpath(path) == program


def _is_our_package(path: str) -> bool:
    """Return whether a directory is a package that we have written, or empty."""
    if os.path.islink(path) or not os.path.isdir(path):
        return False
    if not os.listdir(path):
        return True
    try:
        with open(os.path.join(path, "__init__.py"), encoding="utf-8", errors="replace") as file:
            return _MARK in file.read()
    except OSError:
        return False
