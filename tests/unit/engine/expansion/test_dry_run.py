"""A dry run announces what the run does, for every overwrite policy."""

from __future__ import annotations

from pathlib import Path

import pytest

from aliend.core.transfers.job import JobSpec
from aliend.core.transfers.overwrite import ALREADY_THERE, Overwrite
from aliend.engine.attempts import replica_registration
from aliend.engine.expansion.dry_run import DryRunResult, dry_run
from tests.unit.engine.conftest import House


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica_registration, "_CHECK_INTERVAL", 0.0)


async def announced(house: House, spec: JobSpec) -> DryRunResult:
    results: list[DryRunResult] = []

    async def collect(result: DryRunResult) -> None:
        results.append(result)

    await dry_run(spec, house.catalogue, collect)
    (result,) = results
    return result


@pytest.mark.parametrize("policy", ["never", "changed", "always"])
@pytest.mark.parametrize("existing", [None, b"data", b"other data"])
@pytest.mark.parametrize("name", ["f", "f*"])
async def test_an_upload_does_what_the_dry_run_announces(
    house: House, tmp_path: Path, policy: Overwrite, existing: bytes | None, name: str
) -> None:
    (tmp_path / "f").write_bytes(b"data")
    if existing is not None:
        house.grid.put(f"/a/{name}", existing)
    spec = JobSpec("upload", (f"{tmp_path}/f",), f"/a/{name}", overwrite=policy, storage="disk:1")
    result = await announced(house, spec)
    transfer = await house.only((await house.done(spec)).id)
    did = {"failed": "refuse", "done": "keep" if transfer.message == ALREADY_THERE else "copy"}[transfer.state]
    assert did == result.action
    assert result.action != "refuse" or transfer.message == result.reason


@pytest.mark.parametrize("policy", ["never", "changed", "always"])
@pytest.mark.parametrize("existing", [None, b"", b"other data"])
async def test_an_empty_file_does_what_the_dry_run_announces(
    house: House, tmp_path: Path, policy: Overwrite, existing: bytes | None
) -> None:
    (tmp_path / "f").write_bytes(b"")
    if existing is not None:
        house.grid.put("/a/f", existing)
    spec = JobSpec("upload", (f"{tmp_path}/f",), "/a/f", overwrite=policy, touch_empty=True)
    result = await announced(house, spec)
    transfer = await house.only((await house.done(spec)).id)
    assert (transfer.state == "failed") == (result.action == "refuse")
    assert (transfer.message == ALREADY_THERE) == (result.action == "keep")


async def test_an_upload_below_a_file_is_announced_as_refused(house: House, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"data")
    house.grid.put("/a/file", b"other")
    result = await announced(house, JobSpec("upload", (f"{tmp_path}/f",), "/a/file/d/f"))
    assert (result.action, result.reason) == ("refuse", "/a/file is a file in the catalogue, not a directory")
