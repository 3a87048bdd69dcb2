"""Names that begin with two dots, which the central service takes for the parent directory: nothing uses them there."""

from __future__ import annotations

from pathlib import Path

import pytest

from aliend.core.transfers.job import JobSpec
from aliend.engine.attempts import replica_registration
from aliend.engine.expansion.deletion import delete_in_catalogue
from aliend.errors import UsageError
from aliend.store import Deletion
from tests.unit.engine.conftest import House

REASON = "the central service takes names that begin with `..` for the parent directory"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica_registration, "_CHECK_INTERVAL", 0.0)


@pytest.mark.parametrize("purpose", ["copy", "sync"])
async def test_such_a_file_is_not_uploaded_and_the_others_are(house: House, tmp_path: Path, purpose: str) -> None:
    (tmp_path / "tree/..b").mkdir(parents=True)
    for name in ("..x", "..b/y", "x"):
        (tmp_path / "tree" / name).write_text(name)
    more = {"purpose": purpose, "overwrite": "changed"}
    spec = JobSpec("upload", (f"{tmp_path}/tree/",), "/a/", storage="disk:1", **more)  # type: ignore[arg-type]
    job = await house.done(spec)
    failed = await house.engine.transfers(job.id, states=["failed"])
    assert [transfer.message for transfer in failed] == [f"its name is refused: {REASON}"] * 2
    assert set(house.grid.files) == {"/a/x"}


@pytest.mark.parametrize(("direction", "source"), [("upload", "/etc/hosts"), ("copy", "/a/b")])
async def test_such_a_target_is_refused(house: House, direction: str, source: str) -> None:
    with pytest.raises(UsageError, match=r"^/a/\.\.x: the central service takes"):
        await house.done(JobSpec(direction, (source,), "/a/..x"))  # type: ignore[arg-type]


async def test_a_synchronisation_deletes_no_such_file_at_its_target(house: House) -> None:
    house.grid.put("/a/..x", b"content")
    outcomes = await delete_in_catalogue(house.catalogue, "/a/", [Deletion("..x", "-")])
    assert outcomes == [("kept", REASON)]
    assert "/a/..x" in house.grid.files
