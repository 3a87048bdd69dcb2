"""Checks of this machine and of the user's environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from aliend.core.cli.units import format_size
from aliend.core.doctor.finding import Finding, ok, problem, warning

_FEW_FILES, _ENOUGH_FILES = 256, 1024
_OURS = ("ALIENPY_", "ALIEND_")
"""Prefixes that belong to alien.py and to us only; other software uses ALIEN_ and JALIEN_ too."""
_SHOWN = 5
_HARMFUL = ("PYTHONHOME", "PYTHONPLATLIBDIR", "PYTHONEXECUTABLE")
"""Variables that break other Pythons if they are set for all."""


def home(directory: str, *, is_writable: bool, file_system: str) -> Finding:
    """Check the home directory; `file_system` is its type if other hosts share it (empty: a local one)."""
    if not directory:
        return problem("home", "HOME is not set", "set HOME to your home directory")
    if not is_writable:
        return problem("home", f"no file can be written in {directory}", "set HOME, or ask the administrator")
    if file_system:
        text = f"{directory} is on {file_system}; on AFS its credential must be valid, also for the daemon"
        return warning("home", text, "keep the state on a local disk with XDG_STATE_HOME; renew AFS tokens")
    return ok("home", directory)


def runtime_directory(value: str, *, is_usable: bool, socket: str, uid: int) -> Finding:
    """Check XDG_RUNTIME_DIR, in which the socket lies."""
    if value and not is_usable:
        text = f"XDG_RUNTIME_DIR is {value}, which does not exist or belongs to another user; the socket is {socket}"
        return warning("runtime-directory", text, f"unset it or set it to /run/user/{uid}; with `su`, use `su -`")
    return ok("runtime-directory", value or f"not set; the socket is {socket}")


def open_files(hard_limit: int) -> Finding:
    """Check the hard limit of open files (-1: none); the daemon raises its soft limit to it."""
    if 0 <= hard_limit < _FEW_FILES:
        return problem(
            "open-files", f"at most {hard_limit} open files", "raise `ulimit -Hn`, then `alienctl daemon restart`"
        )
    if 0 <= hard_limit < _ENOUGH_FILES:
        text = f"at most {hard_limit} open files; many copies at a time may fail"
        return warning("open-files", text, "raise `ulimit -Hn`, then run `alienctl daemon restart`")
    return ok("open-files", f"at most {hard_limit}" if hard_limit >= 0 else "no limit")


def file_size(hard_limit: int) -> Finding:
    """Check the hard limit of the size of a file in bytes (-1: none)."""
    if hard_limit >= 0:
        text = f"a file may have at most {format_size(hard_limit)}; larger downloads fail"
        return warning("file-size", text, "raise `ulimit -Hf`, then run `alienctl daemon restart`")
    return ok("file-size", "no limit")


def umask(value: int) -> Finding:
    """Check the umask, which downloaded files get."""
    if value & 0o700:
        return problem("umask", f"{value:03o} removes your own permissions from new files", "run `umask 022`")
    if not value & 0o002:
        return warning("umask", f"{value:03o} lets everybody change the files that you download", "run `umask 022`")
    return ok("umask", f"{value:03o}")


def xrootd(version: str, error: str) -> Finding:
    """Check that the XRootD library can be loaded."""
    if error:
        text = f"the XRootD library cannot be loaded: {error}"
        return problem("xrootd", text, "reinstall aliend; if ALIEND_LIBRARY_PATH is set, check it")
    return ok("xrootd", version)


def libraries(missing: Sequence[str], versions: Mapping[str, str]) -> Finding:
    """Check that the Python libraries can be imported."""
    if missing:
        return problem("libraries", "\n".join(missing), "reinstall aliend in a new virtual environment")
    return ok("libraries", ", ".join(f"{name} {version}" for name, version in versions.items()))


def variables(names: Sequence[str], known: Sequence[str]) -> Finding:
    """Check for misspelt variables: names with our prefixes that nothing reads."""
    lines = []
    for name in sorted(set(names) - set(known)):
        near = get_close_matches(name, known, n=1, cutoff=0.85)
        if near:
            lines.append(f"{name} is unknown; did you mean {near[0]}?")
        elif name.startswith(_OURS):
            lines.append(f"{name} is unknown, and has no effect")
    if lines:
        return warning("variables", "\n".join(lines[:_SHOWN]), "see `alienctl help environment`")
    return ok("variables", f"set variables of aliend: {len(set(names) & set(known))}")


def library_path(own: Sequence[str], preload: str, foreign: Sequence[str]) -> Finding:
    """Check the settings of the dynamic linker: missing directories in ALIEND_LIBRARY_PATH, and LD_PRELOAD.

    `foreign` are libraries in LD_LIBRARY_PATH that differ from those of the system; aliend ignores them.
    """
    if own:
        text = f"ALIEND_LIBRARY_PATH names directories that do not exist: {', '.join(own)}"
        return problem("library-path", text, "correct or unset it, then run `alienctl daemon restart`")
    if preload:
        return warning(
            "library-path", f"LD_PRELOAD={preload} also applies to aliend", "unset it unless you need it there"
        )
    if foreign:
        return ok("library-path", f"LD_LIBRARY_PATH has {', '.join(foreign[:_SHOWN])}; aliend ignores it")
    return ok("library-path", "no foreign library")


def python_variables(names: Sequence[str]) -> Finding:
    """Check the variables of Python, which apply to other programs that alienctl starts."""
    harmful = sorted(set(names) & set(_HARMFUL))
    if harmful:
        text = f"{', '.join(harmful)} applies to every Python that you start, except alienctl and aliend"
        return warning("python-variables", text, f"run `unset {' '.join(harmful)}` unless you need it")
    return ok("python-variables", f"aliend ignores {', '.join(sorted(names))}" if names else "none set")
