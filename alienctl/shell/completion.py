"""Completes a command line: for `alienctl shell`, and for bash, zsh and fish (`alienctl completion`).

The daemon provides the candidates (`Console.Complete`) except options, which come from the help pages. This module
splits and quotes the line.
"""

import os
import re

from alienctl import ClientError, NoDaemonError
from alienctl.invocation import Invocation
from alienctl.terminal import write_output
from alienctl.transport import unary
from alienctl.wire_messages import bytes_field, fields, number

_METHOD = b"/aliend.v1.ConsoleService/Complete"
_CANDIDATES, _DESCRIPTIONS, _IS_ORDERED = 1, 2, 3
"""Fields of CompleteResponse."""
_TIMEOUT = 1.0
_SEPARATORS = {"bash": "\x1f", "zsh": "\x1f", "fish": "\t"}
"""Characters between a candidate and its description."""
_SPECIAL = re.compile(r"([^\w@%+=:,./~^\x80-\U0010ffff-])")
_OPTION = re.compile(r"(?<![\w-])(--?[A-Za-z][\w-]*)")
_WORD_BREAKS = ":=@"
"""Characters at which readline begins a new word, apart from those that need quotes."""


class TypedLine:
    """A line up to the cursor, split into the words of its last command.

    `quote` is the quotation mark that is open at the cursor, or empty; `word_start` the position of the last word.
    """

    def __init__(self, line: str) -> None:
        self.words = [""]
        self.quote = ""
        self.word_start = 0
        escaped = False
        for position, sign in enumerate(line):
            if escaped:
                self.words[-1] += sign
                escaped = False
            elif sign == "\\" and self.quote != "'":
                escaped = True
            elif self.quote:
                self._add_quoted(sign)
            elif sign in "'\"":
                self.quote = sign
            elif sign in ";\n|":
                self.words, self.word_start = [""], position + 1
            elif not sign.isspace():
                self.words[-1] += sign
            elif self.words[-1] or line[self.word_start : position]:
                self.words.append("")
                self.word_start = position + 1
            else:
                self.word_start = position + 1

    def _add_quoted(self, sign: str) -> None:
        if sign == self.quote:
            self.quote = ""
        else:
            self.words[-1] += sign


def candidates(invocation: Invocation, words: list[str]) -> dict[str, str]:
    """Return the candidates for the last of `words`, unquoted, with descriptions; only a few without a running daemon.

    They are sorted, unless the daemon has an order for them. A description may be empty.
    """
    while len(words) > 1 and words[0] in ("time", "help"):
        words = words[1:]
    found = dict.fromkeys(_candidates_from_help(words), "")
    try:
        answer = _ask_daemon(invocation, _request(invocation, words))
    except ClientError:
        answer = b""
    values = [(key, value) for key, value in fields(answer) if isinstance(value, bytes)]
    names = [os.fsdecode(value) for key, value in values if key == _CANDIDATES]
    descriptions = [value.decode("utf-8", "replace") for key, value in values if key == _DESCRIPTIONS]
    found |= dict(zip(names, descriptions or [""] * len(names), strict=False))
    return found if number(answer, _IS_ORDERED) else dict(sorted(found.items()))


def _ask_daemon(invocation: Invocation, request: bytes) -> bytes:
    try:
        return unary(invocation.socket, _METHOD, request, _TIMEOUT)
    except NoDaemonError:
        from alienctl.daemon.start import ask  # slow to import and rarely needed

        return ask(invocation, _METHOD, request, _TIMEOUT)


def _candidates_from_help(words: list[str]) -> list[str]:
    if len(words) > 1 and not words[-1].startswith("-"):
        return []
    from alienctl.help import pages  # a third of the time of an answer; needed for commands and options only

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


def print_candidates(invocation: Invocation) -> int:
    """Run `alienctl __complete SHELL LINE`: print the candidates for SHELL, one per line."""
    if len(invocation.args) != 3:
        raise ClientError("__complete requires the name of a shell and the line up to the cursor", 22)
    _, shell, line = invocation.args
    typed = TypedLine(line)
    words = typed.words[1:]  # without `alienctl` itself
    lines = []
    for name, description in candidates(invocation, words or [""]).items():
        if shell == "bash":
            line = _for_bash(name, typed, words[-1] if words else "")
        else:
            line = quoted_with_space(name) if shell == "zsh" else name
        if "\n" not in line:
            lines.append(f"{line}{_SEPARATORS[shell]}{description}" if description and shell in _SEPARATORS else line)
    write_output("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
    return 0


def _for_bash(name: str, typed: TypedLine, word: str) -> str:
    """Return the part of the name after the last break of `word`, which readline replaces, quoted like `word`."""
    if typed.quote:
        return name + ("" if _may_continue(name) else typed.quote + " ")
    kept = max(word.rfind(sign) for sign in _WORD_BREAKS) + 1
    return quoted(name[kept:]) + _space_after(name)


def quoted(name: str) -> str:
    """Return a name with special characters escaped by backslashes."""
    return _SPECIAL.sub(r"\\\1", name)


def quoted_with_space(name: str) -> str:
    """Return the escaped name, followed by a space unless more can follow (a directory, `:` or `=`)."""
    return quoted(name) + _space_after(name)


def _space_after(name: str) -> str:
    return "" if _may_continue(name) else " "


def _may_continue(name: str) -> bool:
    return name.endswith(("/", ":", "="))


def print_script(invocation: Invocation) -> int:
    """Run `alienctl completion SHELL`: print the script. Raises ClientError (22) for an unknown shell."""
    from alienctl.shell import completion_scripts

    args = invocation.args[1:]
    if len(args) != 1 or args[0] not in completion_scripts.SCRIPTS:
        raise ClientError(f"completion requires the name of one shell: {', '.join(completion_scripts.SCRIPTS)}", 22)
    write_output(completion_scripts.SCRIPTS[args[0]].encode())
    return 0
