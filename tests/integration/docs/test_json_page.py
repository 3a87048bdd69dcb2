"""Every document that docs/json.md shows has the members and types that the commands print."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness import ROOT, Grid, User, make_user

ANY = "*"
SECTION = re.compile(r"^## (.+?)\n(.*?)```json\n(.*?)\n```", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"^    alienctl (.+) --json$", re.MULTILINE)
PAGE = (ROOT / "docs/json.md").read_text(encoding="utf-8")
SHOWN = [(title, command, shape) for title, text, shape in SECTION.findall(PAGE) for command in COMMAND.findall(text)]


@pytest.fixture(scope="module")
def reader(grid: Grid) -> Iterator[User]:
    """A user with one finished transfer job, for all commands of the page."""
    for user in make_user(grid.exports):
        user.must("cp", "data/run1/part00.root", "file:first")
        yield user


@pytest.mark.parametrize(("title", "command", "shape"), SHOWN, ids=[command for _, command, _ in SHOWN])
def test_a_document_is_as_the_page_shows_it(grid: Grid, reader: User, title: str, command: str, shape: str) -> None:
    wanted = json.loads(shape)
    words = command.split()
    if words[0] == "sandbox":
        assert_like(json.loads(grid.control(*words[1:], "--json").stdout), wanted, title)
        return
    if words[0] == "transfers":
        words = ["1" if word == "7" else word for word in words]
    for document in documents(reader.run(*words, "--json").stdout):
        assert_like(document, wanted, title)


def documents(text: str) -> list[Any]:
    """The documents of an output: one, or one a line; at least one."""
    try:
        return [json.loads(text)]
    except json.JSONDecodeError:
        found = [json.loads(line) for line in text.splitlines()]
        assert found
        return found


def assert_like(value: object, shown: object, where: str) -> None:
    """`value` has the members and types of `shown`."""
    if value is None or shown is None:
        assert value is None or isinstance(value, str), where
    elif isinstance(shown, dict):
        assert isinstance(value, dict), where
        if set(shown) == {ANY}:
            shown = dict.fromkeys(value, shown[ANY])
        assert set(value) == set(shown), where
        for name, one in value.items():
            assert_like(one, shown[name], f"{where}: {name}")
    elif isinstance(shown, list):
        assert isinstance(value, list), where
        for one in value:
            assert_like(one, shown[0], where)
    elif isinstance(shown, bool) or isinstance(value, bool) or isinstance(shown, str):
        assert type(value) is type(shown), where
    else:
        assert isinstance(value, int | float), where
