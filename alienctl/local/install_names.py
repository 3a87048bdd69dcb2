"""The names of the incumbent client: links to `alienctl`, which looks at the name that it was called by."""

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


def install(words: list[str], as_json: bool) -> tuple[str, int]:
    """Make the links in the directory that is named; return the text to print and the exit code.

    Raises ClientError where a name is taken by something else; then nothing was changed.
    """
    if len(words) != 1 or words[0].startswith("-"):
        raise ClientError("install-names takes one directory, as in: alienctl install-names ~/bin", _EINVAL)
    directory, program = os.path.abspath(words[0]), _program()
    places = [os.path.join(directory, name) for name in NAMES]
    taken = [place for place in places if os.path.lexists(place) and not _is_ours(place, program)]
    if taken:
        raise ClientError(f"{taken[0]} is there already and is not ours; nothing was changed", _EINVAL)
    try:
        os.makedirs(directory, exist_ok=True)
        for place in places:
            _link(program, place)
    except OSError as error:
        raise ClientError(f"{error.filename}: {error.strerror}", error.errno or 1) from None
    if as_json:
        return json.dumps({"directory": directory, "program": program, "names": list(NAMES)}), 0
    note = "" if directory in os.get_exec_path() else f"\nto use them: export PATH={directory}:$PATH"
    return f"{len(NAMES)} names are in {directory}: alien.py, alien_ls, ...{note}", 0


def _program() -> str:
    """Return the path of `alienctl` itself."""
    called = sys.argv[0] if os.sep in sys.argv[0] else shutil.which(sys.argv[0]) or ""
    program = os.path.realpath(called)
    if os.path.basename(program) != "alienctl" or not os.access(program, os.X_OK):
        raise ClientError(f"{sys.argv[0]} is not the program alienctl, so names cannot stand for it", _EINVAL)
    return program


def _is_ours(place: str, program: str) -> bool:
    return os.path.islink(place) and os.path.realpath(place) == program


def _link(program: str, place: str) -> None:
    if not os.path.lexists(place):
        os.symlink(program, place)
