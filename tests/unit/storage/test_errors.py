"""The classification of storage and disk errors."""

from __future__ import annotations

import errno
import resource

import pytest

from aliend.errors import CopyError, ErrorKind
from aliend.storage.errors import (
    combine_failures,
    disk_error,
    error_from_status,
    no_answer,
    redact,
    require_file_size,
)


@pytest.mark.parametrize(
    ("code", "number", "message", "kind"),
    [
        (400, 3011, "Unable to open; no such file", "permanent"),
        (400, 3010, "permission denied", "permanent"),
        (400, 3010, "authorization expired", "transient"),
        (400, 3018, "file exists", "permanent"),
        (400, 3021, "quota exceeded", "permanent"),
        (400, 3024, "overloaded", "transient"),
        (400, 3005, "file system error", "transient"),
        (108, 111, "connection refused", "transient"),
        (206, 0, "operation expired", "transient"),
        (103, 0, "socket timeout", "transient"),
        (101, 0, "invalid address", "transient"),
        (9, 0, "invalid arguments", "permanent"),
    ],
)
def test_storage_errors_are_classified(code: int, number: int, message: str, kind: ErrorKind) -> None:
    assert error_from_status(code, number, message, "open").kind == kind


def test_a_library_message_is_converted_to_ours() -> None:
    said = "[ERROR] Server responded with an error: [3011] Unable to open /f;\n no such file"
    assert str(error_from_status(400, 3011, said, "open")) == "open: Unable to open /f; no such file"


def test_an_envelope_never_reaches_a_message() -> None:
    text = "cannot open root://h//p?xrd.wantprot=unix&authz=-----BEGIN\nSECRET"
    assert redact(text) == "cannot open root://h//p?..."
    assert "SECRET" not in str(error_from_status(400, 3011, "root://h//p?authz=SECRET\nSECRET", "open"))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EIO])
def test_disk_errors_are_local(number: int) -> None:
    error = disk_error(OSError(number, "x"), "/d/f")
    assert error.kind == "local"
    assert str(error).startswith("/d/f: ")


@pytest.mark.parametrize("number", [errno.ENAMETOOLONG, errno.ENOTDIR, errno.ELOOP])
def test_an_invalid_name_is_a_permanent_error(number: int) -> None:
    assert disk_error(OSError(number, "x"), "/d/f").kind == "permanent"


def test_the_combined_error_is_transient_if_one_error_is() -> None:
    gone, silence = CopyError("gone", "permanent"), no_answer("read", 60)
    assert combine_failures([("A", gone), ("B", gone)]).kind == "permanent"
    both = combine_failures([("A", gone), ("B", silence)])
    assert (both.kind, both.retry_after) == ("transient", silence.retry_after)
    assert str(both) == "A: gone; B: read: the server did not answer for 60 s"
    assert combine_failures([]).kind == "permanent"


def test_a_limit_of_the_process_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _number: (1000, 1000))
    remedy = "run `alienctl daemon restart` in a shell with a larger limit"
    large = disk_error(OSError(errno.EFBIG, ""), "/x")
    assert str(large) == f"/x: the daemon may write at most 1000 bytes to a file (limit: ulimit -Hf); {remedy}"
    assert large.kind == "permanent"
    many = disk_error(OSError(errno.EMFILE, ""), "/x")
    assert str(many) == f"/x: the daemon may have at most 1000 files open (limit: ulimit -Hn); {remedy}"
    assert many.kind == "transient"
    with pytest.raises(CopyError, match="at most 1000 bytes"):
        require_file_size(1001, "/x")
    require_file_size(1000, "/x")


def test_a_file_too_large_for_the_file_system_is_not_a_limit_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _number: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    error = disk_error(OSError(errno.EFBIG, ""), "/x")
    assert (str(error), error.kind) == (
        "/x: the file system does not accept files of this size; choose another directory",
        "permanent",
    )
    require_file_size(1 << 60, "/x")
