"""The help pages: complete, of one form, and with the options that the commands accept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

import aliend
from alienctl.help import pages
from aliend.commands import command_names
from aliend.commands.account import certificates, tokens
from aliend.commands.copying import replicate, sync, transfers
from aliend.commands.files import contents, edit, find2, pfns, to_xml
from aliend.commands.grid import elements, grid_jobs, xrootd_servers
from aliend.core.cli.options import Option, other_spelling
from aliend.core.copying import arguments
from aliend.core.grid import ccdb

PARSERS: dict[str, Mapping[str, Option]] = {
    "cp": arguments.OPTIONS,
    "sync": sync._OPTIONS,
    "replicate": replicate._OPTIONS,
    "transfers": {name: option for options in transfers.OPTIONS.values() for name, option in options.items()},
    "find2": find2._OPTIONS,
    "toXml": to_xml._OPTIONS,
    "head": contents._OPTIONS,
    "tail": contents._OPTIONS,
    "edit": edit._OPTIONS,
    "vim": edit._OPTIONS,
    "pfn-status": pfns._VERBOSE,
    "xrd_ping": xrootd_servers._PING,
    "xrd_config": xrootd_servers._CONFIG,
    "xrd_stats": xrootd_servers._STATS,
    "getSE": elements._COLUMNS,
    "getCE": elements._FILTERS,
    "jobInfo": grid_jobs._INFO_OPTIONS,
    "siteJobs": grid_jobs._SITE_OPTIONS,
    "ccdb": ccdb._OPTIONS,
    "token-destroy": tokens._DESTROY_OPTIONS,
    "getCAcerts": certificates._CA_OPTIONS,
    **{name: {} for name in ("cat", "SEqos", "quota", "pfn", "lfn2uri")},
}
WITHOUT_EFFECT = {*arguments.IGNORED_OPTIONS, "recursive", "ignored"}
"""Accepted for scripts of other clients; no page lists them."""


def options_of(command: str) -> set[str]:
    """The options in the page's table."""
    names = " ".join(name for name, _ in pages.PAGES[command].options)
    return set(re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", names))


def test_every_command_without_help_from_the_service_has_a_page() -> None:
    explained = (
        command_names.COMMANDS_WITH_HELP_PAGE
        | set(command_names.BUILTIN_COMMANDS.values())
        | command_names.CLIENT_COMMANDS - {"?", "terminal", "console"}
    )
    assert explained - set(pages.PAGES) == set()


@pytest.mark.parametrize("command", PARSERS)
def test_a_page_lists_exactly_the_options_of_the_parser(command: str) -> None:
    listed = options_of(command)
    accepted = {word: option for name, option in PARSERS[command].items() for word in (name, other_spelling(name))}
    missing = {
        option.key
        for name, option in accepted.items()
        if option.key not in WITHOUT_EFFECT
        and not any(accepted.get(other, Option("")).key == option.key for other in listed)
    }
    assert missing == set()
    assert listed - set(accepted) - {"--json"} == set()


def test_every_parser_is_compared_with_its_page() -> None:
    assert aliend.__file__
    sources = [path.read_text(encoding="utf-8") for path in Path(aliend.__file__).parent.rglob("*.py")]
    parsed = {name for text in sources for name in re.findall(r'parse_options\(\s*"([\w-]+)"', text)}
    assert "ccdb" in parsed
    assert parsed - set(PARSERS) == set()


@pytest.mark.parametrize("command", ["token-init", "token"])
def test_a_page_lists_only_options_of_a_token_that_take_a_value(command: str) -> None:
    for option in options_of(command):
        assert tokens.operands_of([option, "value"]) == []


def test_the_overview_fits_a_terminal() -> None:
    lines = pages.text().splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("name", [*pages.PAGES, *pages.GROUPS])
def test_a_page_fits_80_columns(name: str) -> None:
    assert [line for line in pages.text_of(name).splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("name", pages.PAGES)
def test_every_page_has_examples_and_exit_codes(name: str) -> None:
    text = pages.PAGES[name].text
    assert "\nExit codes\n" in text
    assert len(re.findall(r"^    \S", text.partition("Examples\n")[2].partition("\n\n")[0], re.MULTILINE)) >= 2


def test_every_command_of_the_overview_has_a_page_in_its_group() -> None:
    for group, commands in pages._MAIN_COMMANDS.items():
        assert set(commands.split()) <= set(pages.GROUPS[group][1])


def test_every_command_belongs_to_one_topic() -> None:
    assert sum(len(group) for _, group in pages.GROUPS.values()) == len(pages.PAGES)
