"""What went wrong, as our own errors: the status of an XRootD request, or an `OSError` of this machine's disk.

The numbers are those of the XRootD protocol (XProtocol.hh, `kXR_*`) and of its client (XrdClStatus.hh, `err*`).
"""

from __future__ import annotations

import errno
import os
import re
import resource

from aliend.errors import CopyError, ErrorKind, Obstacle

_SERVER_SAID = 400  # errErrorResponse: `errno` carries the server's own number
_PERMANENT = {
    3000: "the request was malformed",
    3002: "the name is too long",
    3010: "permission denied",
    3011: "no such file",
    3013: "not supported",
    3015: "not a file",
    3016: "is a directory",
    3018: "exists already",
    3019: "checksum error",
    3021: "over quota",
    3025: "the storage is read-only",
    3028: "the server wants TLS",
    3029: "no replica",
    3031: "impossible",
    3032: "conflict",
}
_PERMANENT_CLIENT = {9, 13, 15}  # errInvalidArgs, errNotSupported, errNotImplemented
EXPIRED = 206
"""errOperationExpired, a code of the client: the time of a request is over, or would be before the moment at which the
server wants to be asked again."""
NOT_AUTHORIZED, NOT_FOUND, UNSUPPORTED, EXISTS = 3010, 3011, 3013, 3018
_PREFIX = re.compile(r"^\[(?:ERROR|FATAL)\] (?:Server responded with an error: )?(?:\[\d+\] )?")
_SECRET = re.compile(r"([?&])(authz=|xrd\.wantprot=|turl=).*", re.DOTALL)

_DISK_SENTENCES = {
    errno.ENOSPC: "the disk is full: make room",
    errno.EDQUOT: "your disk quota is used up: make room",
    errno.EACCES: "permission denied: make it writable for you",
    errno.EPERM: "not permitted: make it writable for you",
    errno.EROFS: "the file system is read-only: choose another place",
    errno.EISDIR: "a directory is in the way: choose another name",
    errno.EFBIG: "the file system takes no file of this size: choose another place",
}
_LIMITS = {
    errno.EFBIG: (resource.RLIMIT_FSIZE, "the daemon may write at most {} bytes to a file (limit: ulimit -Hf)"),
    errno.EMFILE: (resource.RLIMIT_NOFILE, "the daemon may have at most {} files open (limit: ulimit -Hn)"),
    errno.EAGAIN: (resource.RLIMIT_NPROC, "you may have at most {} processes (limit: ulimit -Hu)"),
}
"""Errors that a limit of the process causes, and what they mean then."""
_ROOM = 64 << 20
"""Bytes that must be free before a disk that was full is tried again."""
_DISK_PERMANENT = {
    *(errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EISDIR, errno.EINVAL, errno.ENOENT),
    errno.EFBIG,
}


class StorageError(CopyError):
    """A storage element refused or failed; `number` is its own (0: it did not answer)."""

    def __init__(self, text: str, kind: ErrorKind, retry_after: float = 0.0, number: int = 0) -> None:
        super().__init__(text, kind, retry_after)
        self.number = number


def without_secrets(text: str) -> str:
    """A text that may quote a URL, without what follows the question mark."""
    return _SECRET.sub(r"\1...", text)


def from_status(code: int, number: int, message: str, what: str) -> StorageError:
    """The error that a failed request stands for.

    `code` and `number` are the status' `code` and `errno`, `message` is its text; `what` names the request.
    """
    said = _PREFIX.sub("", without_secrets(" ".join(message.split())))
    text = f"{what}: {said}"
    if code != _SERVER_SAID:
        kind: ErrorKind = "permanent" if code in _PERMANENT_CLIENT else "transient"
        return StorageError(text, kind, retry_after=5.0)
    if number not in _PERMANENT or "expired" in said.lower():
        return StorageError(text, "transient", 5.0, number)
    return StorageError(text, "permanent", number=number)


def silent(what: str, limit: float) -> StorageError:
    """The error for a server that moved no byte for `limit` seconds."""
    return StorageError(f"{what}: the server did not answer for {limit:.0f} s", "transient", retry_after=30.0)


def exceeded_limit(error: OSError) -> str:
    """The sentence about the limit of this process that caused the error, and the remedy; empty when none did.

    The daemon has raised its soft limits: only a shell with a larger hard limit helps.
    """
    known = _LIMITS.get(error.errno or 0)
    if known is None:
        return ""
    number, sentence = known
    soft = resource.getrlimit(number)[0]
    if soft == resource.RLIM_INFINITY:
        return ""
    return f"{sentence.format(soft)}; run `alienctl daemon restart` in a shell with a larger limit"


def require_file_size(size: int, path: str) -> None:
    """Raise CopyError, permanent, when the limit on the size of files does not allow `size` bytes."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if limit != resource.RLIM_INFINITY and size > limit:
        raise from_disk(OSError(errno.EFBIG, os.strerror(errno.EFBIG)), path)


def from_disk(error: OSError, path: str) -> CopyError:
    """The error for a failed operation on a local file."""
    reason = exceeded_limit(error) or _DISK_SENTENCES.get(error.errno or 0, os.strerror(error.errno or 0))
    if error.errno == errno.EMFILE:  # other copies end and free some
        return CopyError(f"{path}: {reason}", "transient", retry_after=30.0)
    kind: ErrorKind = "permanent" if error.errno in _DISK_PERMANENT else "local"
    obstacle = _obstacle(error, path) if kind == "local" else None
    return CopyError(f"{path}: {reason}", kind, retry_after=30.0, obstacle=obstacle)


def unreadable(error: OSError, path: str) -> CopyError:
    """The error for a local file, or a directory, that could not be read."""
    if error.errno in {errno.EACCES, errno.EPERM}:
        text = f"{path} cannot be read: permission denied: make it readable for you"
        return CopyError(text, "local", retry_after=30.0, obstacle=Obstacle("reading", path))
    known = from_disk(error, path)
    text = f"{path} cannot be read: {exceeded_limit(error) or os.strerror(error.errno or 0)}"
    return CopyError(text, known.kind, known.retry_after, obstacle=known.obstacle)


def _obstacle(error: OSError, path: str) -> Obstacle:
    """What would have to be mended. The file system does not tell when a quota has room again."""
    match error.errno:
        case errno.ENOSPC:
            return Obstacle("space", path, _ROOM)
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return Obstacle("permission", path)
        case _:
            return Obstacle("other", path)


def summary(failures: list[tuple[str, CopyError]]) -> CopyError:
    """One error for all the replicas that were tried: transient if time may help at any of them."""
    text = "; ".join(f"{se}: {error}" for se, error in failures) or "there is no replica to read"
    waiting = [error.retry_after for _, error in failures if error.kind == "transient"]
    tried = tuple((se, str(error)) for se, error in failures)
    return CopyError(text, "transient" if waiting else "permanent", min(waiting, default=0.0), tried)
