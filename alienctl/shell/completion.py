"""Completion of a command line that is being typed: for the shell, and for bash, zsh and fish (`alienctl completion`).

The daemon knows what fits (`Console.Complete`); here are the words and quotes, and what the help tells of options.
"""

import os
import re

from alienctl import ClientError, NoDaemonError
from alienctl.invocation import Invocation
from alienctl.terminal import write_all
from alienctl.transport import unary
from alienctl.wire_messages import bytes_field, fields

_METHOD = b"/aliend.v1.Console/Complete"
_PATIENCE = 1.0
_SPECIAL = re.compile(r"([^\w@%+=:,./~^\x80-\U0010ffff-])")
_OPTION = re.compile(r"(?<![\w-])(--?[A-Za-z][\w-]*)")
_BREAKS = ":=@"
"""Characters at which readline begins a new word, besides those that a word has only in quotes."""


class Typed:
    """A line up to the cursor, cut into the words of its last command. `quote` is open at the cursor, or empty.

    `begun` is where the raw text of the last word begins.
    """

    def __init__(self, line: str) -> None:
        self.words = [""]
        self.quote = ""
        self.begun = 0
        escaped = False
        for position, sign in enumerate(line):
            if escaped:
                self.words[-1] += sign
                escaped = False
            elif sign == "\\" and self.quote != "'":
                escaped = True
            elif self.quote:
                self._quoted(sign)
            elif sign in "'\"":
                self.quote = sign
            elif sign in ";\n|":
                self.words, self.begun = [""], position + 1
            elif not sign.isspace():
                self.words[-1] += sign
            elif self.words[-1] or line[self.begun : position]:
                self.words.append("")
                self.begun = position + 1
            else:
                self.begun = position + 1

    def _quoted(self, sign: str) -> None:
        if sign == self.quote:
            self.quote = ""
        else:
            self.words[-1] += sign


def candidates(invocation: Invocation, words: list[str]) -> list[str]:
    """Return the candidates for the last of `words`, unquoted and sorted; only a few without a running daemon."""
    while len(words) > 1 and words[0] in ("time", "help"):
        words = words[1:]
    found = set(_of_the_help(words))
    try:
        answer = _asked(invocation, _request(invocation, words))
    except ClientError:
        answer = b""
    found.update(os.fsdecode(value) for key, value in fields(answer) if key == 1 and isinstance(value, bytes))
    return sorted(found)


def _asked(invocation: Invocation, request: bytes) -> bytes:
    try:
        return unary(invocation.socket, _METHOD, request, _PATIENCE)
    except NoDaemonError:
        from alienctl.daemon.start import ask  # costs more than the question, and is rarely needed

        return ask(invocation, _METHOD, request, _PATIENCE)


def _of_the_help(words: list[str]) -> list[str]:
    if len(words) > 1 and not words[-1].startswith("-"):
        return []
    from alienctl.help import pages  # a third of what an answer costs, and needed for commands and options only

    if len(words) == 1:
        return [name for name in pages.PAGES if name.startswith(words[0])]
    page = pages.PAGES.get(words[0])
    if page is None:
        return []
    names = " ".join([page.usage, *(name for name, _ in page.options)])
    return [option for option in _OPTION.findall(names) if option.startswith(words[-1])]


def _request(invocation: Invocation, words: list[str]) -> bytes:
    try:
        cwd = os.getcwdb()
    except OSError:
        cwd = b""
    parts = [bytes_field(1, os.fsencode(word)) for word in words]
    parts += [bytes_field(2, cwd), bytes_field(3, invocation.session.encode())]
    variables = invocation.variables()
    parts += [bytes_field(4, bytes_field(1, key) + bytes_field(2, value)) for key, value in variables.items()]
    return b"".join(parts)


def answer(invocation: Invocation) -> int:
    """`alienctl __complete SHELL LINE`: print what SHELL is to offer, one a line."""
    if len(invocation.args) != 3:
        raise ClientError("__complete takes a shell's name and the line up to the cursor", 22)
    _, shell, line = invocation.args
    typed = Typed(line)
    words = typed.words[1:]  # without `alienctl` itself
    found = candidates(invocation, words or [""])
    if shell == "bash":
        found = [_for_bash(name, typed, words[-1] if words else "") for name in found]
    elif shell == "zsh":
        found = [typable(name) for name in found]
    write_all(1, "".join(f"{name}\n" for name in found if "\n" not in name).encode("utf-8", "surrogateescape"))
    return 0


def _for_bash(name: str, typed: Typed, word: str) -> str:
    """Return the part behind the last break of the word, which readline replaces, quoted as the word is."""
    if typed.quote:
        return name + ("" if _goes_on(name) else typed.quote + " ")
    kept = max(word.rfind(sign) for sign in _BREAKS) + 1
    return quoted(name[kept:]) + _end(name)


def quoted(name: str) -> str:
    """Return a name as it can be typed without quotes around it."""
    return _SPECIAL.sub(r"\\\1", name)


def typable(name: str) -> str:
    """Return a name as it can stand in a line, with a blank behind it where it is whole."""
    return quoted(name) + _end(name)


def _end(name: str) -> str:
    return "" if _goes_on(name) else " "


def _goes_on(name: str) -> bool:
    return name.endswith(("/", ":", "="))


def script(invocation: Invocation) -> int:
    """`alienctl completion SHELL`: print the script. Raises ClientError (22) for another shell."""
    from alienctl.shell import completion_scripts

    words = invocation.args[1:]
    if len(words) != 1 or words[0] not in completion_scripts.SCRIPTS:
        raise ClientError(f"completion takes one of {', '.join(completion_scripts.SCRIPTS)}", 22)
    write_all(1, completion_scripts.SCRIPTS[words[0]].encode())
    return 0
