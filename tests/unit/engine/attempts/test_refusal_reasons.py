"""Why the service grants no storage for a new file: permission and quota come before the storage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from aliend.core.catalogue.entries import Entry
from aliend.core.grid.quotas import FileQuota
from aliend.engine.attempts.registration_errors import refusal
from aliend.engine.ports import CataloguePort
from aliend.errors import ServiceError

MINE = Entry("/a/alice/", "directory", owner="alice", permissions="755")
FOREIGN = Entry("/a/bob/", "directory", owner="bob", permissions="755")
FREE = FileQuota(3, 100, 10, 1000)


class FakeCatalogue:
    """Knows some entries, the account alice and her quota (None: the service has none)."""

    def __init__(self, quota: FileQuota | None, *entries: Entry) -> None:
        self._quota = quota
        self._entries = {entry.lfn.rstrip("/"): entry for entry in entries}

    async def stat(self, lfns: Sequence[str]) -> tuple[list[Entry], list[str]]:
        found = [self._entries[lfn] for lfn in lfns if lfn in self._entries]
        return found, [lfn for lfn in lfns if lfn not in self._entries]

    async def whoami(self) -> tuple[str, str]:
        return "alice", "/a/alice/"

    async def file_quota(self, user: str) -> FileQuota:
        if self._quota is None:
            raise ServiceError("fquota", 61, f"no quota for {user}")
        return self._quota


@pytest.mark.parametrize(
    ("quota", "entry", "reason", "number"),
    [
        (FREE, MINE, "", 0),
        (None, MINE, "", 0),
        (FREE, FOREIGN, "alice may not create files in /a/bob/ (owner bob, permissions 755)", 13),
        (FREE, Entry("/a/bob/", "directory", owner="bob", permissions="757"), "", 0),
        (FREE, Entry("/a/alice/d", "file"), "/a/alice/d is a file in the catalogue, not a directory", 20),
        (FileQuota(10, 100, 10, 1000), MINE, "the file quota of alice does not allow it: 10 of 10 files", 122),
        (FileQuota(3, 990, 10, 1000), MINE, "990 B of 1000 B are used, the file has 50 B", 122),
        (FileQuota(3, 990, -1, -1), MINE, "", 0),
    ],
)
async def test_the_reason_is_the_real_one(quota: FileQuota | None, entry: Entry, reason: str, number: int) -> None:
    catalogue = cast("CataloguePort", FakeCatalogue(quota, Entry("/a/", "directory", owner="root"), entry))
    found = await refusal(catalogue, f"{entry.lfn.rstrip('/')}/new/f", 50)
    assert reason in str(found or "")
    assert (found.exit_code if found else 0) == number
