"""The partial file of a download: names, locks, resumes and publishes it. Knows local files only.

`.<name>.<id>.part` lies beside the target and is written in order, so that all of its length is valid even after a
`kill -9`; for that reason nothing is preallocated. The writer holds its flock, so that an orphan of a killed daemon
and a new process never write at the same time. The daemon removes or keeps the partial files of jobs that were
cancelled (`RemovePartial`, `AdoptPartial`); a download removes its own when it cannot be resumed. An attempt on a
cluster has a partial file of its own, see `attempt_files`.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, wait
from pathlib import Path

from aliend.core.catalogue.file_system import Directory
from aliend.errors import CopyError
from aliend.storage.errors import disk_error, no_space, require_file_size
from aliend.storage.io.target_directory import TargetDirectory

LONGEST_NAME = 255
_CHUNK = 4 << 20
_FLUSH = 32 << 20
_NO_LOCKS = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK}
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}


def partial_name(name: str, id: int, attempt: int = 0) -> str:
    """Return `.<name>.<id>.part`, or `.<name>.<id>-<attempt>.part` for an attempt with a file of its own.

    A name that is too long is cut and gets a hash of the whole name.
    """
    tail = f".{id}-{attempt}.part" if attempt else f".{id}.part"
    raw = os.fsencode(name)
    if 1 + len(raw) + len(tail) <= LONGEST_NAME:
        return f".{name}{tail}"
    digest = "~" + hashlib.sha256(raw).hexdigest()[:16]
    room = LONGEST_NAME - 1 - len(digest) - len(tail)
    while room and raw[room] & 0xC0 == 0x80:  # never split a UTF-8 character
        room -= 1
    return f".{os.fsdecode(raw[:room])}{digest}{tail}"


class PartialFile:
    """An open and locked partial file; create it with `PartialFile.open`."""

    def __init__(self, fd: int, directory: TargetDirectory, target: Path, name: str) -> None:
        self._fd = fd
        self._directory = directory
        self._name = name
        self.path = target.with_name(name)
        self._target = target
        self.length = os.fstat(fd).st_size
        self._flushed = self.length
        self._flushing: Future[None] | None = None

    @classmethod
    @contextlib.contextmanager
    def open(
        cls, target: Path, id: int, above: Directory | None = None, umask: int | None = None, attempt: int = 0
    ) -> Iterator[PartialFile]:
        """Open or create the partial file for `target`; unlock it at the end, without removing it.

        `attempt` is that of `partial_name`; `above` and `umask` are those of `TargetDirectory.open`, for the directory
        of the target. Raises as that, and CopyError: `transient` if another process writes it, `local` if the disk
        refuses.
        """
        with TargetDirectory.open(target, above, umask) as directory:
            path = target.with_name(partial_name(target.name, id, attempt))
            try:
                fd = _open_locked(path, directory.fd)
            except OSError as error:
                raise disk_error(error, str(path)) from error
            part = cls(fd, directory, target, path.name)
            try:
                yield part
            finally:
                if part._flushing:
                    wait([part._flushing])
                os.close(part._fd)

    @property
    def directory_fd(self) -> int:
        """Return the descriptor of its directory."""
        return self._directory.fd

    def replace_by(self, name: str) -> bool:
        """Replace it by another file of its directory, which gets its name. Return whether that exists.

        Raises as `open`, and OSError.
        """
        here = self._directory.fd
        try:
            os.replace(name, self._name, src_dir_fd=here, dst_dir_fd=here)
        except FileNotFoundError:
            return False
        own, self._fd = self._fd, _open_locked(self.path, here)
        os.close(own)
        self.length = self._flushed = os.fstat(self._fd).st_size
        return True

    def truncate(self) -> None:
        """Discard its content."""
        os.ftruncate(self._fd, 0)
        self.length = self._flushed = 0

    def append(self, data: bytes) -> None:
        """Append bytes. Raises OSError."""
        view = memoryview(data)
        while view:
            written = os.pwrite(self._fd, view, self.length)
            self.length += written
            view = view[written:]

    def append_from(self, fd: int, check: Callable[[], None]) -> None:
        """Append the rest of another file, on the server where the file system can do so. Raises OSError.

        `check` is called between two chunks, and may raise.
        """
        size = os.fstat(fd).st_size
        while self.length < size:
            check()
            try:
                copied = os.copy_file_range(fd, self._fd, _FLUSH, self.length, self.length)
            except (OSError, AttributeError):  # another file system, an old kernel, or not Linux
                self.append(data := os.pread(fd, _CHUNK, self.length))
                copied = len(data)
            else:
                self.length += copied
            if not copied:
                return

    def flush_in_background(self, pool: Executor) -> None:
        """Flush to the disk in `pool` while more bytes arrive. Raises OSError if the previous flush failed.

        A GiB takes 1.5 s instead of 2.0 to 2.5 s: no long flush at the end, and the kernel does not throttle us.
        """
        if self.length - self._flushed < _FLUSH or (self._flushing and not self._flushing.done()):
            return
        self._wait_for_flush()
        self._flushed = self.length
        self._flushing = pool.submit(os.fdatasync, self._fd)

    def _wait_for_flush(self) -> None:
        if self._flushing:
            self._flushing.result()  # the kernel reports a failed write only once: here, not to a later fsync
            self._flushing = None

    def content(self) -> Iterator[bytes]:
        """Yield its content in chunks."""
        offset = 0
        while data := os.pread(self._fd, min(_CHUNK, self.length - offset), offset):
            offset += len(data)
            yield data

    def drop_page_cache(self) -> None:
        """Flush it and drop it from the page cache, so that it is read from the disk next time."""
        self._wait_for_flush()
        os.fdatasync(self._fd)
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def require_space(self, size: int, keep_free: int) -> None:
        """Raise CopyError `local` if the bytes missing to `size` do not fit on the disk.

        `keep_free` bytes of the disk stay free; -1: 5 % of it, at most 2 GiB. The error is permanent if the limit on
        the size of files is below `size` bytes.
        """
        require_file_size(size, str(self._target))
        disk = os.fstatvfs(self._fd)
        missing, reserved = size - self.length, reserved_bytes(disk, keep_free)
        available = available_bytes(disk) - reserved
        if missing > max(0, available):
            raise no_space(str(self._target), missing, available, reserved)

    def set_attributes(self, attributes: Mapping[str, str]) -> None:
        """Set extended attributes `user.NAME`, if the file system supports them."""
        set_attribute = getattr(os, "setxattr", None)  # Linux only
        if set_attribute is None:
            return
        with contextlib.suppress(OSError):
            for name, value in attributes.items():
                set_attribute(self._fd, f"user.{name}", value.encode("utf-8", "surrogateescape"))

    def publish(self, umask: int, *, overwrite: bool) -> None:
        """Rename it to the target, durably; replace a target that appeared meanwhile only with `overwrite`.

        Raises CopyError `permanent` if that is impossible, and OSError.
        """
        self.make_durable(umask)
        self.rename(overwrite=overwrite)
        self.sync_directory()

    def make_durable(self, umask: int) -> None:
        """Flush its content and its mode `0666 & ~umask` to the disk. Raises OSError."""
        self._wait_for_flush()
        os.fchmod(self._fd, 0o666 & ~umask)
        os.fsync(self._fd)

    def rename(self, *, overwrite: bool) -> None:
        """Rename it to the target as `publish` does; the new name is durable once its directory is flushed.

        A directory that was moved or replaced keeps nothing of it.
        """
        try:
            self._directory.require_in_place()
        except CopyError:
            self.remove()
            raise
        here = self._directory.fd
        if overwrite:
            os.replace(self._name, self._target.name, src_dir_fd=here, dst_dir_fd=here)
        else:
            self._link_to_target(here)

    def sync_directory(self) -> None:
        """Flush the names in its directory to the disk. Raises OSError."""
        self._directory.sync()

    def give_to(self, id: int) -> None:
        """Rename it to the partial file of another transfer to the same target. Raises OSError."""
        here = self._directory.fd
        os.replace(self._name, partial_name(self._target.name, id), src_dir_fd=here, dst_dir_fd=here)

    def remove(self) -> None:
        """Remove the file."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._name, dir_fd=self._directory.fd)

    def _link_to_target(self, here: int) -> None:
        name = self._target.name
        try:
            os.link(self._name, name, src_dir_fd=here, dst_dir_fd=here, follow_symlinks=False)
        except FileExistsError:
            raise target_exists(self._target) from None
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            with contextlib.suppress(FileNotFoundError):
                os.stat(name, dir_fd=here, follow_symlinks=False)
                raise target_exists(self._target) from None
            os.replace(self._name, name, src_dir_fd=here, dst_dir_fd=here)
        else:
            self.remove()


def available_bytes(disk: os.statvfs_result) -> int:
    """Return the bytes that this user may still write to a disk."""
    return disk.f_bavail * disk.f_frsize


def reserved_bytes(disk: os.statvfs_result, keep_free: int) -> int:
    """Return the bytes of a disk that stay free: `keep_free`; a negative one means `default_reserve`."""
    return default_reserve(disk.f_blocks * disk.f_frsize) if keep_free < 0 else keep_free


def default_reserve(size: int) -> int:
    """Return the bytes to keep free on a disk of `size` bytes by default: 5 %, at most 2 GiB."""
    return min(size // 20, 2 << 30)


def remove_partial(target: Path, id: int, keep_from: int = 0, above: Directory | None = None) -> int:
    """Remove a partial file, unless it has at least `keep_from` bytes (0: always). Return its length in bytes.

    Raises as `PartialFile.open`.
    """
    try:
        (target.with_name(partial_name(target.name, id))).lstat()
    except OSError:
        return 0
    with PartialFile.open(target, id, above) as part:
        if not keep_from or part.length < keep_from:
            part.remove()
        return part.length


def adopt_partial(target: Path, id: int, other: int, above: Directory | None = None) -> int:
    """Rename the partial file of `other` to that of `id`; remove it if `id` has one. Return its length in bytes.

    Raises as `PartialFile.open`.
    """
    if os.path.lexists(target.with_name(partial_name(target.name, id))):
        remove_partial(target, other, above=above)
        return 0
    if not os.path.lexists(target.with_name(partial_name(target.name, other))):
        return 0
    with PartialFile.open(target, other, above) as part:
        try:
            part.give_to(id)
        except OSError as error:
            raise disk_error(error, str(target)) from error
        return part.length


def target_exists(target: Path) -> CopyError:
    """Return the error for a target with other content."""
    return CopyError(f"{target} exists and differs; remove it or overwrite it with -f", "permanent").with_errno(
        errno.EEXIST
    )


def _open_locked(path: Path, directory: int) -> int:
    for _ in range(10):
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        fd = os.open(path.name, flags, 0o600, dir_fd=directory)
        try:
            _lock(fd, path)
            if _is_current(fd, path, directory):
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
    raise CopyError(f"{path} changed while it was opened", "transient", retry_after=5.0)


def _lock(fd: int, path: Path) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CopyError(f"{path}: another process is writing it", "transient", retry_after=5.0).with_errno(
            errno.EBUSY
        ) from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def _is_current(fd: int, path: Path, directory: int) -> bool:
    """Return whether the locked file still has this name, belongs to us and has no other name.

    A file with a second name is the target itself, left by a crash between link and unlink: only this name is removed.
    """
    ours = os.fstat(fd)
    try:
        named = os.stat(path.name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    if (ours.st_dev, ours.st_ino) != (named.st_dev, named.st_ino):
        return False
    if not stat.S_ISREG(ours.st_mode) or ours.st_uid != os.geteuid():
        raise CopyError(f"{path} exists and is not a file of yours; remove it", "local", retry_after=30.0).with_errno(
            errno.EEXIST
        )
    if ours.st_nlink > 1:
        os.unlink(path.name, dir_fd=directory)
        return False
    return True
