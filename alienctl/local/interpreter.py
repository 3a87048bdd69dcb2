"""Builds command lines and environments that run our other programs with this interpreter, isolated from the user's.

Isolated (`-I`) means that PYTHONHOME, PYTHONPATH and the user's site-packages do not apply. LD_LIBRARY_PATH may name
other versions of libssl, libstdc++ or libXrdCl: it is removed, and ALIEND_LIBRARY_PATH replaces it. LD_PRELOAD stays:
no software environment exports it; a user sets it for this program.
"""

import os
import site
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_FOREIGN = (b"PYTHON", b"LD_", b"NOTIFY_SOCKET", b"WATCHDOG_")
"""Variables of other Pythons, of other libraries, and of the systemd service that runs the client."""
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def command(module: str) -> list[str]:
    """Return the command line that runs a module of our packages as a program; append its own arguments."""
    if _ROOT in site.getsitepackages():
        return [sys.executable, "-I", "-m", module]
    code = f"import runpy, sys; sys.path.insert(0, {_ROOT!r}); runpy.run_module({module!r}, None, '__main__', True)"
    return [sys.executable, "-I", "-c", code]


def clean(environment: "Mapping[bytes, bytes]") -> dict[bytes, bytes]:
    """Return the environment without the variables that select another Python or other libraries."""
    kept = {
        name: value for name, value in environment.items() if name == b"LD_PRELOAD" or not name.startswith(_FOREIGN)
    }
    if libraries := environment.get(b"ALIEND_LIBRARY_PATH"):
        kept[b"LD_LIBRARY_PATH"] = libraries
    return kept
