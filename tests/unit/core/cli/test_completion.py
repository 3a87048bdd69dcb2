"""The kind of completion at the end of a command line."""

from __future__ import annotations

import pytest

from aliend.core.cli.completion import CatalogueName, CommandName, StorageElement, completion_kind


@pytest.mark.parametrize(
    ("args", "kind"),
    [
        ([], CommandName()),
        (["l"], CommandName()),
        (["listSEs", ""], StorageElement("")),
        (["ls", "ALICE"], CatalogueName("", only_directories=False)),
    ],
)
def test_the_kind_follows_from_the_command_and_the_argument(args: list[str], kind: object) -> None:
    assert completion_kind(args) == kind


@pytest.mark.parametrize("word", ["ALICE::CERN", "file@", "file@disk:2,ALICE::C"])
def test_a_storage_element_is_completed_after_at_and_inside_its_name(word: str) -> None:
    assert isinstance(completion_kind(["cp", "file:x", word]), StorageElement)


def test_a_plain_name_of_cp_is_not_a_storage_element() -> None:
    assert not isinstance(completion_kind(["cp", "file:x", "name"]), StorageElement)
