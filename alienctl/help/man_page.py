"""The manual pages `alienctl(1)`, from the same pages that `alienctl help` shows, and `aliend(1)`, in roff (man(7))."""

from alienctl import VERSION, ClientError
from alienctl.help import pages as help
from alienctl.help.page import Page

_FILES = (
    ("~/.config/aliend/config.toml", "settings"),
    ("~/.local/state/aliend/PROFILE/", "the daemon's database and log"),
    ("~/.globus/usercert.pem, ~/.globus/userkey.pem", "the user's certificate and key"),
    ("/tmp/tokencert_UID.pem, /tmp/tokenkey_UID.pem", "the token and its key"),
)
_EXIT = (
    ("0", "done"),
    ("2", "a named file or job does not exist"),
    ("3, 4", "a copy: some files arrived, none arrived"),
    ("22", "invalid arguments; nothing was done"),
    ("75", "the command was sent, but its outcome is unknown"),
    ("107, 129", "not connected; the certificate was refused"),
    ("130", "interrupted"),
)


_DAEMON_OPTIONS = (
    ("--profile NAME", "serve this profile (ALIEN_PROFILE); by default: default"),
    ("--foreground", "log to standard error too, as under systemd"),
    ("--check profile|all", "check the configuration (all: of all profiles) and the database, then exit"),
    ("--version", "print the version"),
    ("--help", "print the options"),
)
_DAEMON_VARIABLES = (
    ("ALIEND_SOCKET", "the path of the socket to listen on"),
    ("XDG_RUNTIME_DIR", "the directory of the socket: aliend/PROFILE.sock"),
    ("XDG_STATE_HOME", "the directory of database and log: aliend/PROFILE/; by default ~/.local/state"),
    ("XDG_CONFIG_HOME", "the directory of the settings: aliend/config.toml; by default ~/.config"),
)
_DAEMON_TEXT = (
    "aliend logs in to the ALICE Grid once, stays connected, keeps the working directories of your terminals, and "
    "copies files in the background until they have arrived. Every user has a daemon of their own, and alienctl "
    "starts it when none runs.\n\n"
    "SIGTERM and SIGINT stop it; unfinished copies resume after the next start. "
    "`alienctl daemon install` lets systemd run it as a user unit."
)


def page(name: str) -> str:
    """Return the manual page of `alienctl` or `aliend`. Raises ClientError (22) for another name."""
    pages = {"alienctl": roff, "aliend": daemon_roff}
    if name not in pages:
        raise ClientError(f"no manual page of {name!r} exists; the pages are: {', '.join(pages)}", 22)
    return pages[name]()


def daemon_roff() -> str:
    """Return the manual page of the daemon."""
    return "\n".join(
        [
            f'.TH ALIEND 1 "" "aliend {_plain(VERSION)}" "User Commands"',
            ".SH NAME",
            r"aliend \- the ALICE Grid daemon of one user",
            ".SH SYNOPSIS",
            r".B aliend",
            r"[\fIOPTIONS\fR]",
            ".SH DESCRIPTION",
            *_paragraphs(_DAEMON_TEXT),
            ".SH OPTIONS",
            *_entries(_DAEMON_OPTIONS),
            ".SH EXIT STATUS",
            *_entries((("0", "stopped, or a daemon of this profile runs already"), ("22", "a setting is wrong"))),
            ".SH ENVIRONMENT",
            *_entries(_DAEMON_VARIABLES),
            ".SH FILES",
            *_entries(_FILES),
            ".SH SEE ALSO",
            _plain("alienctl(1), alienctl daemon status, alienctl daemon logs"),
        ]
    )


def roff() -> str:
    """Return the whole page."""
    commands = [line for name in help.PAGES for line in _command(help.PAGES[name])]
    return "\n".join(
        [
            f'.TH ALIENCTL 1 "" "alienctl {_plain(VERSION)}" "User Commands"',
            ".SH NAME",
            r"alienctl \- access the ALICE Grid through a per-user daemon",
            ".SH SYNOPSIS",
            r".B alienctl",
            r"[\fIOPTIONS\fR] \fICOMMAND\fR [\fIARGUMENTS\fR...]",
            ".SH DESCRIPTION",
            *_paragraphs(help.DESCRIPTION),
            ".SH OPTIONS",
            *_entries(help.OPTIONS),
            ".SH COMMANDS",
            *commands,
            ".SH EXIT STATUS",
            "Commands of the central service exit with the service's code. Codes of alienctl:",
            *_entries(_EXIT),
            ".SH FILES",
            *_entries(_FILES),
            ".SH SEE ALSO",
            _plain("aliend(1), alienctl help coming-from-alienpy"),
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
    """Escape what has a meaning to roff: backslashes, dashes, and dots and quotes at the beginning of a line."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("~", r"\(ti")
    return rf"\&{escaped}" if escaped.startswith(".") else escaped
