"""Downloads from real storage elements."""

from __future__ import annotations

import fcntl
import io
import os
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from aliend.errors import CopyError
from aliend.storage.io.partial_file import partial_name
from aliend.storage.pool.worker_pool import WorkerPool
from aliend.storage.tasks import RemovePartial, ReplicaUrl
from tests.integration.storage.conftest import StorageElement, download, free_port, md5, nothing

CONTENT = os.urandom(9_000_001)


def names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


def part_of(target: Path, id: int = 1) -> Path:
    return target.with_name(partial_name(target.name, id))


async def test_a_download_creates_the_directories_of_its_target(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    target = tmp_path / "new" / "er" / "file"
    heard: list[int] = []
    task = download(target, CONTENT, se_one.put("/d/plain", CONTENT))
    result = await workers.run(task, heard.append)
    assert (result.size, result.md5, result.se, result.kept, result.warning) == (
        9_000_001,
        md5(CONTENT),
        "ONE",
        False,
        "",
    )
    assert target.read_bytes() == CONTENT
    assert sorted(heard) == heard
    assert names(target.parent) == ["file"]


async def test_an_empty_file_is_downloaded(workers: WorkerPool, se_one: StorageElement, tmp_path: Path) -> None:
    await workers.run(download(tmp_path / "empty", b"", se_one.put("/d/empty", b"")), nothing)
    assert (tmp_path / "empty").read_bytes() == b""


async def test_the_umask_of_the_caller_is_respected(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    target = tmp_path / "made" / "file"
    task = replace(download(target, b"x", se_one.put("/d/umask", b"x")), umask=0o027)
    await workers.run(task, nothing)
    assert target.stat().st_mode & 0o7777 == 0o640
    assert target.parent.stat().st_mode & 0o7777 == 0o750


async def test_a_matching_target_is_kept_without_a_server(workers: WorkerPool, tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(CONTENT)
    nowhere = ReplicaUrl(f"root://127.0.0.1:{free_port()}//x", "", "GONE")
    result = await workers.run(download(target, CONTENT, nowhere), nothing)
    assert result.kept


async def test_a_different_target_is_not_overwritten(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"mine")
    with pytest.raises(CopyError, match="exists and differs") as caught:
        await workers.run(download(target, CONTENT, se_one.put("/d/plain", CONTENT)), nothing)
    assert caught.value.kind == "permanent"
    assert target.read_bytes() == b"mine"


async def test_a_file_of_unknown_md5_does_not_keep_the_target(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    target = tmp_path / "file"
    target.write_bytes(CONTENT)
    task = replace(download(target, CONTENT, se_one.put("/d/plain", CONTENT)), md5="")
    with pytest.raises(CopyError, match="exists and differs"):
        await workers.run(task, nothing)


async def test_overwriting_replaces_the_file_by_rename(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"mine")
    with target.open("rb") as old:
        await workers.run(download(target, CONTENT, se_one.put("/d/plain", CONTENT), overwrite="changed"), nothing)
        assert old.read() == b"mine"
    assert target.read_bytes() == CONTENT


async def test_a_matching_target_is_downloaded_again_only_on_request(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    target = tmp_path / "file"
    target.write_bytes(CONTENT)
    source = se_one.put("/d/plain", CONTENT)
    before = target.stat().st_ino
    assert (await workers.run(download(target, CONTENT, source, overwrite="changed"), nothing)).kept
    assert target.stat().st_ino == before
    assert not (await workers.run(download(target, CONTENT, source, overwrite="always"), nothing)).kept
    assert target.stat().st_ino != before
    assert target.read_bytes() == CONTENT


async def test_a_directory_at_the_target_is_refused(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    with pytest.raises(CopyError, match="exists and is a directory") as caught:
        await workers.run(download(tmp_path, b"x", se_one.put("/d/x", b"x"), overwrite="changed"), nothing)
    assert caught.value.kind == "permanent"


async def test_a_link_at_the_target_is_not_followed(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CopyError, match="exists and is a symbolic link"):
        await workers.run(download(tmp_path / "link", b"x", se_one.put("/d/x", b"x"), overwrite="changed"), nothing)
    assert not (tmp_path / "elsewhere").exists()


async def test_wrong_bytes_never_become_the_target(workers: WorkerPool, se_one: StorageElement, tmp_path: Path) -> None:
    source = se_one.put("/d/wrong", CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    with pytest.raises(CopyError, match="the catalogue has") as caught:
        await workers.run(download(tmp_path / "file", CONTENT, source), nothing)
    assert caught.value.kind == "permanent"
    assert names(tmp_path) == []


async def test_a_replica_of_another_size_is_refused(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    source = se_one.put("/d/short", CONTENT[:-1])
    with pytest.raises(CopyError, match="wrong size: 9000000 bytes on the storage"):
        await workers.run(download(tmp_path / "file", CONTENT, source), nothing)


@pytest.mark.parametrize(
    ("there", "said"), [(b"four", "wrong size: 4 bytes"), (b"six by", "wrong size: more than 5 bytes")]
)
async def test_a_small_replica_of_another_size_is_refused(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path, there: bytes, said: str
) -> None:
    source = se_one.put(f"/d/small-{len(there)}", there)
    with pytest.raises(CopyError, match=said) as caught:
        await workers.run(download(tmp_path / "file", b"five!", source), nothing)
    assert caught.value.kind == "permanent"
    assert names(tmp_path) == []


async def test_a_small_file_of_unknown_md5_is_not_cut_from_a_longer_one(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    task = replace(download(tmp_path / "file", b"five!", se_one.put("/d/longer", b"five! and more")), md5="")
    with pytest.raises(CopyError, match="wrong size: more than 5 bytes"):
        await workers.run(task, nothing)


async def test_the_second_replica_is_used_if_the_first_is_wrong(
    workers: WorkerPool, se_one: StorageElement, se_two: StorageElement, tmp_path: Path
) -> None:
    wrong = se_one.put("/d/wrong2", bytes(len(CONTENT)))
    result = await workers.run(download(tmp_path / "file", CONTENT, wrong, se_two.put("/d/good", CONTENT)), nothing)
    assert result.se == "TWO"
    assert (tmp_path / "file").read_bytes() == CONTENT


async def test_the_second_replica_is_used_if_the_first_server_is_dead(
    workers: WorkerPool, se_two: StorageElement, tmp_path: Path
) -> None:
    dead = ReplicaUrl(f"root://127.0.0.1:{free_port()}//x", "", "DEAD")
    result = await workers.run(download(tmp_path / "file", CONTENT, dead, se_two.put("/d/good", CONTENT)), nothing)
    assert result.se == "TWO"


async def test_a_missing_file_is_permanent_and_a_dead_server_is_not(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    with pytest.raises(CopyError, match=r"ONE: open: .*[Nn]o such file") as caught:
        await workers.run(download(tmp_path / "file", CONTENT, se_one.at("/d/none")), nothing)
    assert caught.value.kind == "permanent"
    dead = ReplicaUrl(f"root://127.0.0.1:{free_port()}//x", "", "DEAD")
    with pytest.raises(CopyError, match="DEAD: open") as caught:
        await workers.run(download(tmp_path / "file", CONTENT, se_one.at("/d/none"), dead), nothing)
    assert caught.value.kind == "transient"


async def test_the_storage_checksum_replaces_an_unknown_md5(
    workers: WorkerPool, se_one: StorageElement, se_two: StorageElement, tmp_path: Path
) -> None:
    for element, algorithm in ((se_one, "md5"), (se_two, "adler32")):
        task = download(tmp_path / element.name, CONTENT, element.put("/d/sum", CONTENT))
        result = await workers.run(replace(task, md5=""), nothing)
        assert result.md5 == md5(CONTENT)
        assert f"compared the storage's {algorithm} instead" in result.warning


async def test_a_storage_without_checksums_causes_a_warning(
    workers: WorkerPool, se_bare: StorageElement, tmp_path: Path
) -> None:
    task = download(tmp_path / "file", CONTENT, se_bare.put("/d/bare", CONTENT))
    result = await workers.run(replace(task, md5=""), nothing)
    assert "compared only the size" in result.warning


async def test_a_valid_partial_file_is_resumed(workers: WorkerPool, se_one: StorageElement, tmp_path: Path) -> None:
    """F211"""
    target = tmp_path / "file"
    part_of(target).write_bytes(CONTENT[:5_000_000])
    inode = part_of(target).stat().st_ino
    spoilt = se_one.put("/d/spoilt", bytes(5_000_000) + CONTENT[5_000_000:])
    await workers.run(download(target, CONTENT, spoilt), nothing)
    assert target.read_bytes() == CONTENT, "the beginning was fetched once more"
    assert target.stat().st_ino == inode


async def test_a_complete_partial_file_needs_no_server(workers: WorkerPool, tmp_path: Path) -> None:
    part_of(tmp_path / "file").write_bytes(CONTENT)
    nowhere = ReplicaUrl(f"root://127.0.0.1:{free_port()}//x", "", "GONE")
    await workers.run(download(tmp_path / "file", CONTENT, nowhere), nothing)
    assert (tmp_path / "file").read_bytes() == CONTENT


async def test_a_corrupt_partial_file_is_detected_and_replaced(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    target = tmp_path / "file"
    part_of(target).write_bytes(b"corrupted" + CONTENT[9:5_000_000])
    await workers.run(download(target, CONTENT, se_one.put("/d/plain", CONTENT)), nothing)
    assert target.read_bytes() == CONTENT


async def test_a_partial_file_longer_than_the_file_is_replaced(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    part_of(tmp_path / "file").write_bytes(CONTENT + b"more")
    await workers.run(download(tmp_path / "file", CONTENT, se_one.put("/d/plain", CONTENT)), nothing)
    assert (tmp_path / "file").read_bytes() == CONTENT


async def test_a_second_name_of_the_target_is_never_written_to(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    old = tmp_path / "old"
    old.write_bytes(b"published")
    part_of(tmp_path / "file").hardlink_to(old)
    await workers.run(download(tmp_path / "file", CONTENT, se_one.put("/d/plain", CONTENT)), nothing)
    assert old.read_bytes() == b"published"


async def test_a_partial_file_of_another_process_is_not_touched(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    target = tmp_path / "file"
    with part_of(target).open("wb") as orphan:
        fcntl.flock(orphan, fcntl.LOCK_EX)
        with pytest.raises(CopyError, match="another process is writing") as caught:
            await workers.run(download(target, CONTENT, se_one.put("/d/plain", CONTENT)), nothing)
    assert caught.value.kind == "transient"
    await workers.run(download(target, CONTENT, se_one.put("/d/plain", CONTENT)), nothing)
    assert target.read_bytes() == CONTENT


async def test_the_partial_file_of_a_download_can_be_removed(workers: WorkerPool, tmp_path: Path) -> None:
    part_of(tmp_path / "file", 7).write_bytes(b"12345")
    result = await workers.run(RemovePartial(7, str(tmp_path / "file")), nothing)
    assert result.size == 5
    assert names(tmp_path) == []


async def test_a_full_disk_is_an_error_before_the_copy(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    source = se_one.put("/d/x", b"x")
    task = replace(download(tmp_path / "file", b"x", source), size=1 << 60)
    with pytest.raises(CopyError, match="free some space") as caught:
        await workers.run(task, nothing)
    assert caught.value.kind == "local"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
async def test_a_member_of_an_archive_is_downloaded(
    method: int, workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr("other", bytes(3_000_000))
        archive.writestr("sub/member.root", CONTENT)
    source = se_one.put(f"/d/archive{method}.zip", packed.getvalue())
    member = replace(source, url=source.url + "#sub/member.root")
    await workers.run(download(tmp_path / "file", CONTENT, member), nothing)
    assert (tmp_path / "file").read_bytes() == CONTENT
    with pytest.raises(CopyError, match="no member none"):
        await workers.run(download(tmp_path / "two", CONTENT, replace(source, url=source.url + "#none")), nothing)


async def test_special_characters_in_an_envelope_are_harmless(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    source = replace(se_one.put("/d/plain", CONTENT), envelope=ENVELOPE)
    await workers.run(download(tmp_path / "file", CONTENT, source), nothing)
    assert (tmp_path / "file").read_bytes() == CONTENT


ENVELOPE = (
    "-----BEGIN SEALED CIPHER-----\nAb+c-d==\n-----END SEALED CIPHER-----\n-----BEGIN SEALED ENVELOPE-----\n"
    + "\n".join("x+y-z" * 15 for _ in range(12))
    + "=\n-----END SEALED ENVELOPE-----\n&scitag.flow=83&eos.app=aliend"
)


async def test_a_file_gets_extended_attributes(workers: WorkerPool, se_one: StorageElement, tmp_path: Path) -> None:
    begun = time.time_ns() // 1_000_000
    task = download(tmp_path / "f", CONTENT, se_one.put("/d/labelled", CONTENT))
    await workers.run(replace(task, lfn="/alice/ü", guid="some-guid"), nothing)
    found = {name: os.getxattr(tmp_path / "f", name).decode() for name in os.listxattr(tmp_path / "f")}
    times = [int(found.pop("user.ts_r")), int(found.pop("user.ts_w"))]
    assert begun <= times[0] <= times[1] <= time.time_ns() // 1_000_000
    assert found == {
        "user.lfn": "/alice/ü",
        "user.guid": "some-guid",
        "user.size": "9000001",
        "user.md5": md5(CONTENT),
    }


async def test_a_file_system_without_attributes_gets_the_file(
    workers: WorkerPool, se_one: StorageElement, tmp_path: Path
) -> None:
    task = download(tmp_path / "f", b"content", se_one.put("/d/unlabelled", b"content"))
    await workers.run(replace(task, guid="larger than any attribute" * 10_000), nothing)
    assert (tmp_path / "f").read_bytes() == b"content"


async def test_the_reserved_disk_space_stays_free(workers: WorkerPool, se_one: StorageElement, tmp_path: Path) -> None:
    task = download(tmp_path / "f", b"content", se_one.put("/d/large", b"content"))
    with pytest.raises(CopyError, match="are available") as reported:
        await workers.run(replace(task, keep_free=1 << 60), nothing)
    assert reported.value.kind == "local"
    await workers.run(replace(task, keep_free=0), nothing)


async def test_empty_created_directories_are_removed_with_the_partial_file(workers: WorkerPool, tmp_path: Path) -> None:
    for name in ("full", "empty/deep"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "full" / "file").touch()
    made = tuple(str(tmp_path / name) for name in ("empty", "empty/deep", "full", "none"))
    await workers.run(RemovePartial(1, f"{tmp_path}/empty/deep/f", made), nothing)
    assert sorted(names(tmp_path)) == ["full"]
