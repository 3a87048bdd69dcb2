"""Commands that would damage the catalogue are refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from aliend.central.catalogue import Catalogue
from aliend.commands.grid.namespace_checks import check_names, output_of, require_directories
from aliend.core.catalogue.entries import Entry
from aliend.core.protocol.requests import Request
from aliend.errors import NotADirectory, UsageError

FILES, DIRECTORIES = {"/a/f"}, {"/a", "/a/d"}


class Names:
    """A catalogue that knows some names."""

    async def stat(self, lfns: Sequence[str]) -> tuple[list[Entry], list[str]]:
        """Return the entries of the names that exist."""
        names = [lfn.rstrip("/") for lfn in lfns]
        found = [Entry(name, "file") for name in names if name in FILES]
        found += [Entry(f"{name}/", "directory") for name in names if name in DIRECTORIES]
        return found, [name for name in names if name not in FILES | DIRECTORIES]


CATALOGUE = cast(Catalogue, Names())


@pytest.mark.parametrize(
    "line",
    [
        *("mkdir -p /a/f/x", "mkdir -p /a/f/x/y/", "mkdir -p /a/new /a/f/x", "mkdir -p -s /a/f/x", "mkdir -p /a/f"),
        *("touch /a/f/x", "touch /a/new /a/f/x/y"),
        *("mv /a/d /a/f/x", "mv /a/g /a/f/", "mv /a/g /a/h /a/f"),
    ],
)
async def test_nothing_is_created_below_a_file(line: str) -> None:
    command, *words = line.split()
    with pytest.raises(NotADirectory, match=r"^/a/f is a file"):
        await check_names(CATALOGUE, Request(command, tuple(words)))


@pytest.mark.parametrize(
    "line",
    [
        *("mv /a/d /a/d/x", "mv /a/d /a/d/x/y/z", "mv /a/d/ /a/d", "mv /a/d /a/d/", "mv /a/f /a/d /a/d"),
        *("mv /a /a/d/e", "mv /a/f /a/f/x"),
    ],
)
async def test_nothing_moves_into_itself(line: str) -> None:
    command, *words = line.split()
    with pytest.raises(UsageError, match=r"into itself.*nothing was moved"):
        await check_names(CATALOGUE, Request(command, tuple(words)))


@pytest.mark.parametrize(
    "line",
    [
        *("mkdir -p /a/d/x/y", "mkdir /a/f/x", "mkdir -s /a/f/x", "touch /a/f", "touch /a/d/x", "mv /a/f /a/g"),
        *("mv /a/d /a/dd", "mv /a/d /a/d2/x/", "mv /a/f /a/d", "mv /a/f /a/f2", "rm -r /a/f/x", "mv /a"),
    ],
)
async def test_other_commands_go_to_the_service(line: str) -> None:
    command, *words = line.split()
    await check_names(CATALOGUE, Request(command, tuple(words)))


async def test_a_collection_is_not_stored_below_a_file() -> None:
    request = Request("find", ("-x", "/a/f/c.xml", "/a", "*"))
    assert output_of(request) == "/a/f/c.xml"
    assert output_of(Request("find", ("/a", "-x"))) == output_of(Request("ls", ("-x", "/a"))) == ""
    with pytest.raises(NotADirectory):
        await require_directories(CATALOGUE, [output_of(request)])
    await require_directories(CATALOGUE, ["/a/d/c.xml", "/c.xml", "/"])
