"""The kind of completion at the end of a command line."""

from __future__ import annotations

import pytest

from aliend.core.cli.completion import (
    JOB_STATES,
    CatalogueName,
    Choice,
    CommandName,
    LocalPath,
    StorageElement,
    TransferJob,
    completion_kind,
)
from aliend.core.transfers.job import JobState


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


@pytest.mark.parametrize(
    ("args", "kind"),
    [
        (["transfers", "cancel", ""], TransferJob("cancel")),
        (["transfers", "cancel", "3", ""], TransferJob("cancel", frozenset({"3"}))),
        (["transfers", "priority", ""], Choice(())),
        (["transfers", "priority", "5", ""], TransferJob("priority", frozenset({"5"}))),
        (["transfers", "limit", "--job", ""], TransferJob("limit", frozenset({"--job"}))),
        (["transfers", "wait", "--timeout", ""], Choice(())),
        (["transfers", "retry", "--state", ""], Choice(JOB_STATES)),
        (["transfers", "list", ""], Choice(())),
    ],
)
def test_transfers_are_completed_by_their_verb(args: list[str], kind: object) -> None:
    assert completion_kind(args) == kind


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("", Choice(("local", "dask:tls://"))),
        ("dask:t", Choice(("local", "dask:tls://"))),
        ("dask:/shared/s", LocalPath("dask:", "/shared/s")),
        ("dask:./s", LocalPath("dask:", "./s")),
    ],
)
@pytest.mark.parametrize("command", ["cp", "sync"])
def test_an_executor_is_completed(command: str, word: str, kind: object) -> None:
    assert completion_kind([command, "--executor", word]) == kind


def test_all_states_of_jobs_are_offered() -> None:
    assert set(JOB_STATES) == set(JobState)
