"""What was typed: the words before the command that are the client's own, and the surroundings that the daemon learns.

A part of the fast path: the cheap part of the standard library only.
"""

import os

from alienctl import ClientError
from alienctl.transport import socket_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_EINVAL = 22
JSON_OPTIONS = ("--json", "-json", "--jsonl")
"""One document, or one object a line; before or behind the command."""
_CHOOSING = (b"ALIENPY_", b"ALIEN_", b"ALIEND_", b"JALIEN_", b"X509_", b"XRD_")
_CHOOSING_NAMES = (b"HOME", b"TMPDIR", b"TEMP", b"TMP")
_DISPLAY_NAMES = (b"LANG", b"LC_ALL", b"TERM", b"NO_COLOR", b"EDITOR", b"PAGER")
_NAME_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


class Invocation:
    """The command's words, and what the words before it said.

    Raises ClientError for a word before the command that makes no sense.
    """

    def __init__(self, words: list[str], environment: "Mapping[bytes, bytes]") -> None:
        self.environment = environment
        self.profile = os.fsdecode(environment.get(b"ALIEN_PROFILE", b"")) or "default"
        self.session = os.fsdecode(environment.get(b"ALIEN_SESSION", b""))
        self.autostart, self.is_profile_typed = True, False
        self.strict = self.raw = self.interactive = False
        self.debug_file = ""
        self.debug = environment.get(b"ALIENPY_DEBUG", b"").lower() not in (b"", b"0", b"no", b"off", b"false")
        self.args = self._without_client_options(self._without_debug(words))
        if not 1 <= len(self.profile) <= 64 or not _NAME_CHARACTERS.issuperset(self.profile):
            sentence = f"a profile's name is 1 to 64 of the characters A-Z a-z 0-9 . _ -, not {self.profile!r}"
            raise ClientError(sentence, _EINVAL)
        if not self.session.isprintable():
            raise ClientError(f"a session's name is printable text, not {self.session!r}", _EINVAL)
        self.session = self.session or f"sid:{os.getsid(0)}"
        self.socket = socket_path(self.profile, environment)

    def _without_debug(self, words: list[str]) -> list[str]:
        """The words without `-debug` and `-debugfile FILE`, which may stand anywhere, as with the incumbent client."""
        kept = list(words)
        for name in ("-debugfile", "--debugfile"):
            if name in kept:
                at = kept.index(name)
                self.debug, self.debug_file = True, "".join(kept[at + 1 : at + 2])
                del kept[at : at + 2]
                if not self.debug_file:
                    raise ClientError(f"{name} needs the name of a file", _EINVAL)
        without = [word for word in kept if word not in ("-debug", "--debug")]
        self.debug = self.debug or len(without) < len(kept)
        return without

    def _without_client_options(self, words: list[str]) -> list[str]:
        kept = []
        while words and words[0].startswith("-"):
            word, equals, value = words[0].partition("=")
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
                    del words[0]
                    value = words[0] if words else ""
                if not value:
                    raise ClientError(f"{word} needs a name", _EINVAL)
                if word == "--profile":
                    self.profile, self.is_profile_typed = value, True
                else:
                    self.session = value
            else:
                break
            del words[0]
        return kept + words

    @property
    def command(self) -> str:
        """The command's first word, empty when there is none."""
        return next((word for word in self.args if word not in JSON_OPTIONS), "")

    def variables(self) -> "dict[bytes, bytes]":
        """The variables that the daemon gets. Raises ClientError for one that matters and is not UTF-8."""
        chosen = {}
        for name, value in self.environment.items():
            matters = name.startswith(_CHOOSING) or name in _CHOOSING_NAMES
            if not matters and name not in _DISPLAY_NAMES:
                continue
            try:
                (name + value).decode()
            except UnicodeDecodeError:
                if matters:
                    raise ClientError(f"the variable {os.fsdecode(name)!r} is not valid UTF-8", _EINVAL) from None
                continue
            chosen[name] = value
        return chosen
