"""The partial files of attempts on a cluster: each attempt writes `.<name>.<id>-<attempt>.part`, and no other file.

No lock excludes a second writer, because locks do not reach every machine of a cluster. An attempt that ends renames
its file to the partial file of the transfer, and the next attempt renames that to its own. A process that was lost may
still write: the next attempt copies what is in its file and removes its name. Only the daemon renames a complete file
to the target, and only for the attempt that it waits for.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from aliend.core.catalogue.file_system import Directory
from aliend.core.transfers.overwrite import may_replace
from aliend.errors import CopyError
from aliend.storage.errors import disk_error
from aliend.storage.io import mounts
from aliend.storage.io.partial_file import PartialFile, partial_name
from aliend.storage.io.target_directory import TargetDirectory, require_recorded
from aliend.storage.tasks import Checksummed, Download


def take_over(part: PartialFile, task: Download, check: Callable[[], None]) -> None:
    """Take over what earlier attempts have left, into the attempt's own file. Raises CopyError and OSError.

    Without a checksum nothing can be resumed, and the files are removed. `check` is called between two chunks.
    """
    name = Path(task.target).name
    if not part.length:
        part.replace_by(partial_name(name, task.id))
    for number in range(task.attempt - 1, 0, -1):
        earlier = partial_name(name, task.id, number)
        try:
            fd = os.open(earlier, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=part.directory_fd)
        except FileNotFoundError:
            continue
        try:
            _unlink(earlier, part.directory_fd)
            if task.md5 and not part.length and stat.S_ISREG(os.fstat(fd).st_mode):
                part.append_from(fd, check)
        finally:
            os.close(fd)


def release(part: PartialFile, task: Download) -> None:
    """Rename the file of an attempt that ends to that of the transfer: nothing writes it any more."""
    with contextlib.suppress(OSError):  # a later attempt has taken it over
        part.give_to(task.id)


def publish(task: Download) -> Checksummed:
    """Rename the complete file of an attempt to its target, durably. Raises CopyError."""
    target = Path(task.target)
    mounts.require_recorded(task.target, task.file_systems)
    require_recorded(task.target, task.directory)
    path = target.with_name(partial_name(target.name, task.id, task.attempt))
    try:
        size = path.lstat().st_size if os.path.lexists(path) else 0
        if size != task.size:
            raise CopyError(f"{path} has {size} bytes here, and {task.size} on the worker of the cluster", "transient")
        with PartialFile.open(target, task.id, task.directory, attempt=task.attempt) as part:
            part.rename(overwrite=may_replace(task.overwrite))
            part.sync_directory()
    except OSError as error:
        raise disk_error(error, str(path)) from error
    return Checksummed(size, task.md5)


def remove(target: Path, id: int, attempts: int, above: Directory | None = None) -> None:
    """Remove the files of the first `attempts` attempts. Raises as `TargetDirectory.open`."""
    names = [partial_name(target.name, id, number) for number in range(1, attempts + 1)]
    if left := [name for name in names if os.path.lexists(target.with_name(name))]:
        with TargetDirectory.open(target, above) as directory:
            for name in left:
                _unlink(name, directory.fd)


def _unlink(name: str, directory: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=directory)
