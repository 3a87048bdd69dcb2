"""Converts failures to CopyError: the status of an XRootD request, or an `OSError` of a local disk.

The numbers are those of the XRootD protocol (XProtocol.hh, `kXR_*`) and of its client (XrdClStatus.hh, `err*`).
"""

from __future__ import annotations

import errno
import os
import re
import resource

from aliend.errors import CopyError, ErrorKind, Obstacle

_SERVER_ERROR = 400  # errErrorResponse: `errno` holds the error number of the server
_PERMANENT = {
    3000: "malformed request",
    3002: "name too long",
    3010: "permission denied",
    3011: "no such file",
    3013: "not supported",
    3015: "not a file",
    3016: "is a directory",
    3018: "already exists",
    3019: "checksum error",
    3021: "over quota",
    3025: "read-only storage",
    3028: "the server requires TLS",
    3029: "no replica",
    3031: "impossible",
    3032: "conflict",
}
_PERMANENT_CLIENT = {9, 13, 15}  # errInvalidArgs, errNotSupported, errNotImplemented
_ERRNOS = {
    **dict.fromkeys((3000, 3001, 3026), errno.EINVAL),
    3002: errno.ENAMETOOLONG,
    3008: errno.ENOMEM,
    3009: errno.ENOSPC,
    **dict.fromkeys((3010, 3030), errno.EACCES),
    **dict.fromkeys((3011, 3029), errno.ENOENT),
    3013: errno.ENOTSUP,
    3014: errno.EHOSTUNREACH,
    3016: errno.EISDIR,
    3017: errno.ECANCELED,
    3018: errno.EEXIST,
    3019: errno.EBADMSG,
    3021: errno.EDQUOT,
    3024: errno.EBUSY,
    3025: errno.EROFS,
    3034: errno.ETIMEDOUT,
}
"""The errno of an error number of a server; EIO for the others."""
_TIMED_OUT_CLIENT, _DISCONNECTED_CLIENT = {103, 206}, range(101, 110)
OPERATION_EXPIRED = 206
"""errOperationExpired, a code of the client: the request timed out, or would before the server wants a retry."""
NOT_AUTHORIZED, NOT_FOUND, UNSUPPORTED, EXISTS = 3010, 3011, 3013, 3018
_PREFIX = re.compile(r"^\[(?:ERROR|FATAL)\] (?:Server responded with an error: )?(?:\[\d+\] )?")
_SECRET = re.compile(r"([?&])(authz=|xrd\.wantprot=|turl=).*", re.DOTALL)

_DISK_MESSAGES = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "your disk quota is exhausted; free some space",
    errno.EACCES: "permission denied; make it writable",
    errno.EPERM: "not permitted; make it writable",
    errno.EROFS: "the file system is read-only; choose another directory",
    errno.EISDIR: "a directory has this name; choose another name",
    errno.EFBIG: "the file system does not accept files of this size; choose another directory",
}
_LIMITS = {
    errno.EFBIG: (resource.RLIMIT_FSIZE, "the daemon may write at most {} bytes to a file (limit: ulimit -Hf)"),
    errno.EMFILE: (resource.RLIMIT_NOFILE, "the daemon may have at most {} files open (limit: ulimit -Hn)"),
    errno.EAGAIN: (resource.RLIMIT_NPROC, "you may have at most {} processes (limit: ulimit -Hu)"),
}
"""Errors that a limit of the process causes, and what they mean then."""
_SPACE_FOR_RETRY = 64 << 20
"""Bytes that must be free before a copy to a full disk is retried."""
_DISK_PERMANENT = {
    *(errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EISDIR, errno.EINVAL, errno.ENOENT),
    errno.EFBIG,
}


class StorageError(CopyError):
    """A storage element refused or failed; `number` is its error number (0: it did not answer)."""

    def __init__(self, text: str, kind: ErrorKind, retry_after: float = 0.0, number: int = 0) -> None:
        super().__init__(text, kind, retry_after)
        self.number = number
        self.error_number = _ERRNOS.get(number, errno.EIO)


class NoAnswer(StorageError):
    """A server sent or took no byte for long: another request to it would probably wait as long."""


def redact(text: str) -> str:
    """Return a text that may quote a URL, without the secrets in its query."""
    return _SECRET.sub(r"\1...", text)


def error_from_status(code: int, number: int, message: str, what: str) -> StorageError:
    """Return the error for a failed request.

    `code` and `number` are the status' `code` and `errno`, `message` is its text; `what` names the request.
    """
    reason = _PREFIX.sub("", redact(" ".join(message.split())))
    text = f"{what}: {reason}"
    if code != _SERVER_ERROR:
        kind: ErrorKind = "permanent" if code in _PERMANENT_CLIENT else "transient"
        return StorageError(text, kind, retry_after=5.0).with_errno(_errno_of_client(code))
    if number not in _PERMANENT or "expired" in reason.lower():
        return StorageError(text, "transient", 5.0, number)
    return StorageError(text, "permanent", number=number)


def _errno_of_client(code: int) -> int:
    if code in _TIMED_OUT_CLIENT:
        return errno.ETIMEDOUT
    return errno.ENOTCONN if code in _DISCONNECTED_CLIENT else errno.EIO


def no_answer(what: str, limit: float) -> StorageError:
    """Return the error for a server that sent or took no byte for `limit` seconds."""
    text = f"{what}: the server did not answer for {limit:.0f} s"
    return NoAnswer(text, "transient", retry_after=30.0).with_errno(errno.ETIMEDOUT)


def hung_disk(path: str, seconds: int) -> CopyError:
    """Return the error of a copy that has been stuck in a call of the local file system for `seconds`."""
    text = f"{path}: the disk has not answered for {seconds} s; check whether it is still connected"
    return CopyError(text, "local", 60.0, obstacle=Obstacle("other", path)).with_errno(errno.ETIMEDOUT)


def exceeded_limit(error: OSError) -> str:
    """Return the sentence about the limit of this process that caused the error, and the remedy; empty when none did.

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
        raise disk_error(OSError(errno.EFBIG, os.strerror(errno.EFBIG)), path)


def disk_error(error: OSError, path: str) -> CopyError:
    """Return the error for a failed operation on a local file."""
    reason = exceeded_limit(error) or _DISK_MESSAGES.get(error.errno or 0, os.strerror(error.errno or 0))
    if error.errno == errno.EMFILE:  # other copies end and free some
        return CopyError(f"{path}: {reason}", "transient", retry_after=30.0).with_errno(errno.EMFILE)
    kind: ErrorKind = "permanent" if error.errno in _DISK_PERMANENT else "local"
    obstacle = _obstacle(error, path) if kind == "local" else None
    return CopyError(f"{path}: {reason}", kind, retry_after=30.0, obstacle=obstacle).with_errno(error.errno or 0)


def read_error(error: OSError, path: str) -> CopyError:
    """Return the error for a local file or directory that could not be read."""
    if error.errno in {errno.EACCES, errno.EPERM}:
        text = f"cannot read {path}: permission denied; make it readable"
        return CopyError(text, "local", 30.0, obstacle=Obstacle("reading", path)).with_errno(error.errno)
    other = disk_error(error, path)
    text = f"cannot read {path}: {exceeded_limit(error) or os.strerror(error.errno or 0)}"
    return CopyError(text, other.kind, other.retry_after, obstacle=other.obstacle).with_errno(other.error_number)


def no_space(target: str, needed: int, available: int, reserved: int) -> CopyError:
    """Return the error for a disk with too little space; sizes in bytes, `reserved` are to be kept free."""
    from aliend.core.cli.units import format_size  # loaded only now: a worker process starts sooner

    return CopyError(
        f"{target}: needs {format_size(needed)}, but {format_size(max(0, available))} are available; free some space",
        "local",
        retry_after=30.0,
        obstacle=Obstacle("space", target, needed + reserved),
    ).with_errno(errno.ENOSPC)


def _obstacle(error: OSError, path: str) -> Obstacle:
    """Return what blocks the operation. The file system does not report when a quota has space again."""
    match error.errno:
        case errno.ENOSPC:
            return Obstacle("space", path, _SPACE_FOR_RETRY)
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return Obstacle("permission", path)
        case _:
            return Obstacle("other", path)


def combine_failures(failures: list[tuple[str, CopyError]]) -> CopyError:
    """Return one error for all replicas that were tried: transient if one of the failures is transient."""
    text = "; ".join(f"{se}: {error}" for se, error in failures) or "no replica to read"
    waiting = [error.retry_after for _, error in failures if error.kind == "transient"]
    tried = tuple((se, str(error), error.error_number) for se, error in failures)
    combined = CopyError(text, "transient" if waiting else "permanent", min(waiting, default=0.0), tried)
    return combined.with_errno(failures[-1][1].error_number if failures else errno.ENOENT)
