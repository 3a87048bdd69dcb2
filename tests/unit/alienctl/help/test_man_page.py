"""The manual page and the topics come from the same source as the help."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from alienctl import ClientError
from alienctl.help import man_page, pages

MACROS = {".TH", ".SH", ".B", ".TP", ".PP", ".nf", ".fi", ".RS", ".RE"}


def test_f095_the_manual_page_has_every_command() -> None:
    page = man_page.roff()
    for name in pages.PAGES:
        assert re.search(rf"^\.B {re.escape(name.replace('-', chr(92) + '-'))}\b", page, re.MULTILINE), name


def test_the_daemons_page_has_the_options_that_it_takes() -> None:
    done = subprocess.run([sys.executable, "-m", "aliend", "--help"], capture_output=True, text=True, check=True)
    taken = set(re.findall(r"--[a-z]+", done.stdout))
    assert taken == set(re.findall(r"--[a-z]+", man_page.page("aliend").replace("\\-", "-")))


def test_an_unknown_manual_page_is_rejected() -> None:
    with pytest.raises(ClientError, match="alienctl, aliend"):
        man_page.page("nosuch")


@pytest.mark.parametrize("name", ["alienctl", "aliend"])
def test_nothing_in_the_manual_page_is_taken_for_a_macro(name: str) -> None:
    began = {line.split()[0] for line in man_page.page(name).splitlines() if line.startswith((".", "'"))}
    assert began <= MACROS


@pytest.mark.parametrize("name", ["alienctl", "aliend"])
def test_groff_has_no_complaint_about_it(name: str) -> None:
    done = subprocess.run(
        ["groff", "-man", "-ww", "-z", "-Tutf8"], input=man_page.page(name), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_topic_is_printed_as_it_is_written() -> None:
    assert pages.text_of("coming-from-alienpy").startswith("# Coming from alien.py\n")
    assert "coming-from-alienpy" in pages.text()


def test_help_about_an_unknown_topic_is_rejected() -> None:
    with pytest.raises(ClientError, match="no-such"):
        pages.text_of("no-such")
