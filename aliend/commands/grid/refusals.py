"""Why the central service refused a change: it reports an input/output error, or a missing name, for every reason."""

from __future__ import annotations

import errno

from aliend.central.catalogue import Catalogue
from aliend.core.catalogue import paths
from aliend.engine.attempts.registration_errors import READ, WRITE, is_granted, refusal, rights
from aliend.errors import AliendError, ServiceError

_VAGUE = frozenset({errno.ENOENT, errno.EIO})
"""The codes of the service that have several reasons."""
_NO_REPLICA = 77
"""The code of the service for a file that cannot be read, whatever the reason is."""


async def creation_error(
    catalogue: Catalogue, error: ServiceError, lfn: str, *, creates_parents: bool = False
) -> AliendError:
    """Return why `lfn` could not be created; `error` itself if the catalogue does not show the reason."""
    if error.code not in _VAGUE:
        return error
    name = paths.without_slash(lfn)
    parent = paths.without_slash(paths.parent(name))
    entries, missing = await catalogue.stat([name, parent])
    if any(paths.without_slash(entry.lfn) == name for entry in entries):
        return ServiceError(error.command, errno.EEXIST, f"{name} exists already")
    if parent in missing and not creates_parents:
        return ServiceError(error.command, errno.ENOENT, f"{parent} does not exist in the catalogue")
    return await refusal(catalogue, name, 0) or error


async def removal_error(catalogue: Catalogue, error: ServiceError, lfn: str, *, is_recursive: bool) -> AliendError:
    """Return why `lfn` could not be removed; `error` itself if the catalogue does not show the reason."""
    if error.code not in _VAGUE:
        return error
    name = paths.without_slash(lfn)
    parent = paths.without_slash(paths.parent(name))
    entries, _ = await catalogue.stat([name, parent])
    found = {paths.without_slash(entry.lfn): entry for entry in entries}
    user, _ = await catalogue.whoami()
    if parent in found and not is_granted(found[parent], user, WRITE):
        reason = f"{user} may not remove {name} from its directory ({rights(found[parent])})"
        return ServiceError(error.command, errno.EACCES, reason)
    is_directory = name in found and found[name].is_directory
    if is_directory and not is_recursive and await catalogue.list(name, all=True):
        return ServiceError(error.command, errno.ENOTEMPTY, f"{name} is not empty")
    return error


async def move_error(catalogue: Catalogue, error: ServiceError, lfn: str, target: str) -> AliendError:
    """Return why `lfn` could not be renamed to `target`; `error` itself if the catalogue does not show the reason."""
    reason = await creation_error(catalogue, error, target)
    return reason if reason is not error else await removal_error(catalogue, error, lfn, is_recursive=True)


async def read_error(catalogue: Catalogue, error: ServiceError, lfn: str) -> AliendError:
    """Return why `lfn` could not be read; `error` itself if the catalogue does not show the reason."""
    if error.code != _NO_REPLICA:
        return error
    entries, missing = await catalogue.stat([lfn])
    if missing:
        return ServiceError(error.command, errno.ENOENT, f"{lfn} does not exist in the catalogue")
    user, _ = await catalogue.whoami()
    if entries and not is_granted(entries[0], user, READ):
        return ServiceError(error.command, errno.EACCES, f"{user} may not read {lfn} ({rights(entries[0])})")
    return error
