"""Partial files: names, locks, publishing, removal."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aliend.errors import CopyError
from aliend.storage.io.partial_file import (
    LONGEST_NAME,
    PartialFile,
    adopt_partial,
    default_reserve,
    partial_name,
    remove_partial,
)

NAMES = st.one_of(
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1).filter(
        lambda name: len(os.fsencode(name)) <= LONGEST_NAME
    ),
    st.binary(min_size=1, max_size=LONGEST_NAME)
    .filter(lambda raw: b"/" not in raw and b"\0" not in raw)
    .map(os.fsdecode),
)
IDS = st.integers(1, 2**63 - 1)


@given(NAMES, IDS)
def test_a_partial_name_is_short_enough_and_differs_from_the_target(name: str, id: int) -> None:
    part = partial_name(name, id)
    assert len(os.fsencode(part)) <= LONGEST_NAME
    assert part != name
    assert part.startswith(".")
    assert part.endswith(f".{id}.part")
    assert "/" not in part


@given(NAMES, NAMES, IDS)
def test_two_names_never_share_a_partial_name(one: str, other: str, id: int) -> None:
    assert (partial_name(one, id) == partial_name(other, id)) == (one == other)


@given(NAMES, IDS, IDS, IDS)
def test_an_attempt_never_shares_the_partial_name_of_another_transfer(name: str, id: int, other: int, n: int) -> None:
    assert partial_name(name, id, n) not in (partial_name(name, other), partial_name(f"{name}.{id}", n))


@given(st.text("aä€🙂", min_size=60, max_size=80), IDS)
def test_a_long_name_is_cut_between_characters(name: str, id: int) -> None:
    partial_name(name * 4, id).encode("utf-8")


def test_a_short_name_stays_readable() -> None:
    assert partial_name("AliESDs.root", 17) == ".AliESDs.root.17.part"


def test_the_length_is_that_of_the_appended_bytes(tmp_path: Path) -> None:
    with PartialFile.open(tmp_path / "f", 1) as part:
        part.append(b"abc")
        part.append(b"def")
        assert part.length == 6
    with PartialFile.open(tmp_path / "f", 1) as part:
        assert list(part.content()) == [b"abcdef"]
        part.truncate()
        assert list(part.content()) == []


def test_the_partial_file_is_private_until_published(tmp_path: Path) -> None:
    with PartialFile.open(tmp_path / "f", 1) as part:
        assert part.path.stat().st_mode & 0o777 == 0o600
        part.publish(0o022, overwrite=False)
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o644
    assert not part.path.exists()


def test_a_file_flushed_in_background_is_published_complete(tmp_path: Path) -> None:
    content = os.urandom(16 << 20)
    with ThreadPoolExecutor(1) as pool, PartialFile.open(tmp_path / "f", 1) as part:
        for _ in range(6):
            part.append(content)
            part.flush_in_background(pool)
        part.publish(0o022, overwrite=False)
    assert (tmp_path / "f").read_bytes() == content * 6


def test_a_target_created_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    with PartialFile.open(tmp_path / "f", 1) as part:
        (tmp_path / "f").write_bytes(b"new")
        with pytest.raises(CopyError, match="exists and differs"):
            part.publish(0o022, overwrite=False)
    assert (tmp_path / "f").read_bytes() == b"new"


def test_only_one_process_writes_a_partial_file(tmp_path: Path) -> None:
    with (
        PartialFile.open(tmp_path / "f", 1),
        pytest.raises(CopyError, match="another process is writing"),
        PartialFile.open(tmp_path / "f", 1),
    ):
        raise AssertionError("two write")


def test_a_symbolic_link_with_the_partial_name_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / partial_name("f", 1)).symlink_to(tmp_path / "victim")
    with pytest.raises(CopyError), PartialFile.open(tmp_path / "f", 1):
        raise AssertionError("a link was followed")
    assert not (tmp_path / "victim").exists()


def test_a_pipe_with_the_partial_name_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / partial_name("f", 1))
    with pytest.raises(CopyError, match="remove it") as caught, PartialFile.open(tmp_path / "f", 1):
        raise AssertionError("a pipe was taken")
    assert caught.value.kind == "local"


def test_removing_a_partial_file_returns_its_size(tmp_path: Path) -> None:
    (tmp_path / partial_name("f", 1)).write_bytes(b"12345")
    assert remove_partial(tmp_path / "f", 1) == 5
    assert remove_partial(tmp_path / "f", 1) == 0
    assert remove_partial(tmp_path / "none" / "f", 1) == 0


def test_five_percent_of_a_disk_but_at_most_two_gibibytes_stay_free() -> None:
    assert default_reserve(1_000_000) == 50_000
    assert default_reserve(10 << 40) == 2 << 30


def test_a_partial_file_of_enough_bytes_stays(tmp_path: Path) -> None:
    part = tmp_path / partial_name("f", 3)
    part.write_bytes(b"12345")
    assert remove_partial(tmp_path / "f", 3, keep_from=5) == 5
    assert part.exists()
    assert remove_partial(tmp_path / "f", 3, keep_from=6) == 5
    assert not part.exists()


def test_another_transfer_takes_over_a_partial_file(tmp_path: Path) -> None:
    (tmp_path / partial_name("f", 3)).write_bytes(b"12345")
    assert adopt_partial(tmp_path / "f", 7, 3) == 5
    assert [path.name for path in tmp_path.iterdir()] == [partial_name("f", 7)]
    assert adopt_partial(tmp_path / "f", 7, 4) == 0


def test_the_own_partial_file_is_preferred_and_the_other_one_goes(tmp_path: Path) -> None:
    (tmp_path / partial_name("f", 3)).write_bytes(b"12345")
    (tmp_path / partial_name("f", 7)).write_bytes(b"1")
    assert adopt_partial(tmp_path / "f", 7, 3) == 0
    assert [path.name for path in tmp_path.iterdir()] == [partial_name("f", 7)]
