"""The manual page `alienctl(1)` in roff (man(7)), from the same pages that `alienctl help` shows."""

from alienctl import VERSION
from alienctl.help import pages
from alienctl.help.page import Page

_FILES = (
    ("~/.config/aliend/config.toml", "settings"),
    ("~/.local/state/aliend/PROFILE/", "the daemon's database and log"),
    ("~/.globus/usercert.pem, ~/.globus/userkey.pem", "the user's certificate and key"),
    ("/tmp/tokencert_UID.pem, /tmp/tokenkey_UID.pem", "the token and its key"),
)
_EXIT = (
    ("0", "done"),
    ("2", "a file or job that was named is not there"),
    ("3, 4", "a copy: some files arrived, none arrived"),
    ("22", "the words make no sense; nothing was done"),
    ("75", "sent, but nobody knows whether it was carried out"),
    ("107, 129", "not connected; the certificate was refused"),
    ("130", "interrupted"),
)


def roff() -> str:
    """The whole page."""
    commands = [line for name in pages.PAGES for line in _command(pages.PAGES[name])]
    return "\n".join(
        [
            f'.TH ALIENCTL 1 "" "alienctl {_plain(VERSION)}" "User Commands"',
            ".SH NAME",
            r"alienctl \- speak to the ALICE Grid through a daemon of one's own",
            ".SH SYNOPSIS",
            r".B alienctl",
            r"[\fIOPTIONS\fR] \fICOMMAND\fR [\fIWORDS\fR...]",
            ".SH DESCRIPTION",
            *_paragraphs(pages.DESCRIPTION),
            ".SH OPTIONS",
            *_entries(pages.OPTIONS),
            ".SH COMMANDS",
            *commands,
            ".SH EXIT STATUS",
            "Commands of the central service end with its own code. Ours:",
            *_entries(_EXIT),
            ".SH FILES",
            *_entries(_FILES),
            ".SH SEE ALSO",
            _plain("alienctl help coming-from-alienpy, aliend --help"),
        ]
    )


def _command(page: Page) -> list[str]:
    lines = [".TP", f".B {_plain(page.usage)}", _plain(page.summary[:1].upper() + page.summary[1:]) + "."]
    if page.text:
        lines += [".RS", ".PP", ".nf", *map(_plain, page.text.splitlines()), ".fi", ".RE"]
    return lines


def _entries(entries: "tuple[tuple[str, str], ...]") -> list[str]:
    return [line for name, text in entries for line in (".TP", f".B {_plain(name)}", _plain(text))]


def _paragraphs(text: str) -> list[str]:
    return [line for part in text.split("\n\n") for line in (".PP", *map(_plain, part.splitlines()))][1:]


def _plain(text: str) -> str:
    """Text without any meaning to roff: backslashes, dashes, and dots and quotes at the beginning of a line."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("~", r"\(ti")
    return rf"\&{escaped}" if escaped.startswith(".") else escaped
