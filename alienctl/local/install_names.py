"""Creates the names of alien.py as links to `alienctl`, which derives the command from the name of its program file."""

import json
import os
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


def install(args: list[str], as_json: bool) -> tuple[str, int]:
    """Create the links in the directory `args[0]`; return the text to print and the exit code.

    Raises ClientError, without any change, if another file has one of the names.
    """
    if len(args) != 1 or args[0].startswith("-"):
        raise ClientError("install-names takes one directory, as in: alienctl install-names ~/bin", _EINVAL)
    directory, program = os.path.abspath(args[0]), _program()
    paths = [os.path.join(directory, name) for name in NAMES]
    taken = [path for path in paths if os.path.lexists(path) and not _is_ours(path, program)]
    if taken:
        raise ClientError(
            f"{taken[0]} already exists and is not a link to alienctl; remove it or choose another directory", _EINVAL
        )
    try:
        os.makedirs(directory, exist_ok=True)
        for path in paths:
            if not os.path.lexists(path):
                os.symlink(program, path)
    except OSError as error:
        raise ClientError(f"{error.filename}: {error.strerror}", error.errno or 1) from None
    if as_json:
        return json.dumps({"directory": directory, "program": program, "names": list(NAMES)}), 0
    note = "" if directory in os.get_exec_path() else f"\nto use them: export PATH={directory}:$PATH"
    return f"created {len(NAMES)} names in {directory}: alien.py, alien_ls, ...{note}", 0


def _program() -> str:
    """Return the path of `alienctl` itself."""
    called = sys.argv[0] if os.sep in sys.argv[0] else shutil.which(sys.argv[0]) or ""
    program = os.path.realpath(called)
    if os.path.basename(program) != "alienctl" or not os.access(program, os.X_OK):
        raise ClientError(f"{sys.argv[0]} is not the program alienctl; run install-names as `alienctl`", _EINVAL)
    return program


def _is_ours(path: str, program: str) -> bool:
    return os.path.islink(path) and os.path.realpath(path) == program
