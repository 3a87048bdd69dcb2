"""The command line: options before the command, and the environment variables that the daemon gets.

Part of the fast path: imports only the cheap part of the standard library.
"""

import os

from alienctl import ClientError
from alienctl.transport import socket_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_EINVAL = 22
JSON_OPTIONS = ("--json", "-json", "--jsonl")
"""One JSON document, or one object a line; before or after the command."""
_OPTIONS_OF_COMMANDS = ("-h", "--h", "-help", "--help", "-V", "--version", "-")
"""Words with a dash that stand for a command."""
_OPTIONS = ("--profile", "--session", "--no-autostart", "--strict", "--raw", "-debug", "-debugfile", *JSON_OPTIONS)
FORWARDED_PREFIXES = (b"ALIENPY_", b"ALIEN_", b"ALIEND_", b"JALIEN_", b"X509_", b"XRD_")
FORWARDED_NAMES = (b"HOME", b"TMPDIR", b"TEMP", b"TMP")
DISPLAY_NAMES = (b"LANG", b"LC_ALL", b"TERM", b"NO_COLOR", b"EDITOR", b"PAGER")
"""The only variables that the daemon gets; docs/environment.md explains each of them. Those of `DISPLAY_NAMES` are
omitted if they are not UTF-8."""
_NAME_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


class Invocation:
    """The arguments of the command, and the options before it.

    Raises ClientError for an invalid option before the command.
    """

    def __init__(self, args: list[str], environment: "Mapping[bytes, bytes]", *, as_alienpy: bool = False) -> None:
        """Parse `args`; `as_alienpy` says that the program runs under a name of alien.py."""
        self.environment = environment
        self.profile = os.fsdecode(environment.get(b"ALIEN_PROFILE", b"")) or "default"
        self.session = os.fsdecode(environment.get(b"ALIEN_SESSION", b""))
        self.autostart, self.is_profile_typed = True, False
        self.strict = self.raw = self.interactive = False
        self.debug_file = ""
        self.debug = environment.get(b"ALIENPY_DEBUG", b"").lower() not in (b"", b"0", b"no", b"off", b"false")
        self.args = self._without_client_options(self._without_debug(args))
        if not 1 <= len(self.profile) <= 64 or not _NAME_CHARACTERS.issuperset(self.profile):
            sentence = f"invalid profile name {self.profile!r}: use 1 to 64 of the characters A-Z a-z 0-9 . _ -"
            raise ClientError(sentence, _EINVAL)
        if not self.session.isprintable():
            raise ClientError(f"invalid session name {self.session!r}: use printable characters", _EINVAL)
        self.names_session = bool(self.session)
        """The user named the session; otherwise it is named after the terminal."""
        self.session = self.session or _default_session(as_alienpy=as_alienpy)
        try:
            self.socket = socket_path(self.profile, environment)
        except ClientError:
            if self.command not in ("doctor", "bug-report"):
                raise
            self.socket = ""  # they report it with everything else

    def _without_debug(self, args: list[str]) -> list[str]:
        """Remove `-debug` and `-debugfile FILE`, which may stand anywhere, as in alien.py."""
        kept = list(args)
        for name in ("-debugfile", "--debugfile"):
            if name in kept:
                at = kept.index(name)
                self.debug, self.debug_file = True, "".join(kept[at + 1 : at + 2])
                del kept[at : at + 2]
                if not self.debug_file:
                    raise ClientError(f"{name} requires a file name", _EINVAL)
        without = [arg for arg in kept if arg not in ("-debug", "--debug")]
        self.debug = self.debug or len(without) < len(kept)
        return without

    def _without_client_options(self, args: list[str]) -> list[str]:
        kept = []
        while args and args[0].startswith("-"):
            word, equals, value = args[0].partition("=")
            if word == "--no-autostart":
                self.autostart = False
            elif word == "--strict":
                self.strict = True
            elif word == "--raw":
                self.raw = True
            elif word in JSON_OPTIONS:
                kept.append(word)
            elif word in ("--profile", "--session"):
                if not equals:
                    del args[0]
                    value = args[0] if args else ""
                if not value:
                    raise ClientError(f"{word} requires a name", _EINVAL)
                if word == "--profile":
                    self.profile, self.is_profile_typed = value, True
                else:
                    self.session = value
            elif word in _OPTIONS_OF_COMMANDS or word.startswith("--__"):
                break
            else:
                raise ClientError(_unknown_option(word), _EINVAL)
            del args[0]
        return kept + args

    @property
    def command(self) -> str:
        """Return the name of the command; empty without one."""
        return next((arg for arg in self.args if arg not in JSON_OPTIONS), "")

    def variables(self) -> "dict[bytes, bytes]":
        """Return the variables that the daemon gets. Raises ClientError if one that matters is not UTF-8."""
        chosen = {}
        for name, value in self.environment.items():
            matters = name.startswith(FORWARDED_PREFIXES) or name in FORWARDED_NAMES
            if not matters and name not in DISPLAY_NAMES:
                continue
            try:
                (name + value).decode()
            except UnicodeDecodeError:
                if matters:
                    raise ClientError(f"the variable {os.fsdecode(name)!r} is not valid UTF-8", _EINVAL) from None
                continue
            chosen[name] = value
        return chosen


def _unknown_option(word: str) -> str:
    import difflib

    near = difflib.get_close_matches(word, _OPTIONS, n=1)
    hint = f"did you mean {near[0]}?" if near else "see `alienctl help`"
    return f"unknown option {word}; {hint}"


def _default_session(*, as_alienpy: bool) -> str:
    """Return the session of the terminal; without one, and as alien.py, a session that ends with the command line.

    Its name is `once:ID:SESSION`: it is a copy of SESSION, which itself does not change.
    """
    if not as_alienpy and (os.isatty(0) or os.isatty(1) or os.isatty(2)):
        return f"sid:{os.getsid(0)}"
    return f"once:{os.urandom(8).hex()}:{'alien.py' if as_alienpy else f'sid:{os.getsid(0)}'}"
