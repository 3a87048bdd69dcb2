"""Imports the modules that the start left out, while the files of this version are still installed.

The daemon is ready sooner without them. But it may run for weeks, and an upgrade replaces the files under it: a module
that it imported only then would be of another version than the rest.
"""

from __future__ import annotations

import asyncio
import logging
from importlib import import_module
from pkgutil import walk_packages

log = logging.getLogger(__name__)

_FIRST_PAUSE = 5.0
"""Seconds after the start, which the first commands use for the modules that they need."""
_PAUSE = 0.02
"""Seconds between two modules, so that commands do not wait."""
_PACKAGES = ("central", "commands", "core", "engine", "services", "storage.pool", "store")
"""Packages of the daemon. What else it uses of `storage` comes with them; the rest belongs to the worker processes."""
_OF_OTHERS = ("aliend.core.doctor",)
"""Packages that only other programs use."""


async def load_remaining_modules() -> None:
    """Import all modules that the daemon may need, one after the other; log the ones that cannot be imported."""
    await asyncio.sleep(_FIRST_PAUSE)
    for name in module_names():
        try:
            await asyncio.to_thread(import_module, name)
        except ImportError as error:
            log.warning("cannot load %s: %s", name, error)
        await asyncio.sleep(_PAUSE)


def module_names() -> list[str]:
    """Return the modules of the daemon's own packages; import those that contain others."""
    packages = [import_module(f"aliend.{name}") for name in _PACKAGES]
    found = [module.name for package in packages for module in walk_packages(package.__path__, f"{package.__name__}.")]
    return [name for name in found if not name.startswith(_OF_OTHERS)]
