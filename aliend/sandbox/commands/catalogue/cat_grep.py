"""Commands that show the content of files: cat, grep, changeDiff."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from aliend.sandbox.errors import BadArgumentsError, BadOptionsError, CommandFailedError
from aliend.sandbox.protocol.options import option_set, parse
from aliend.sandbox.service import contents
from aliend.sandbox.service.call import NO_OPTIONS, Call, Command

CAT_OPTIONS = option_set("n b E T", "o")
"""The options of `cat`, with which the service reads other files too, so `submit` accepts them as well."""
_GREP_OPTIONS = option_set("i v n c l w x F E q H s", "m", "e")


def cat(call: Call) -> None:
    """Print the text of files in one message; ignore `-o`, which would write on the service's machine."""
    for operand in call.operands:
        try:
            content = contents.read(call, operand)
        except contents.UnreadableError:
            call.out.fail(121, f"Not able to get the file: {operand}")
            continue
        _show(call, _lines(content))


def _show(call: Call, lines: list[str]) -> None:
    given, numbered = call.options, 0
    for line in lines:
        if given.has("n") or (given.has("b") and line.strip()):
            # the key is one behind the printed number
            call.out.key("count", str(numbered))
            numbered += 1
            call.out.text(f"{numbered}  ")
        text = line.replace("\t", "^I") if given.has("T") else line
        call.out.key("value", "$" if given.has("E") else text)
        call.out.line(text + ("$" if given.has("E") else ""))


def _lines(content: bytes) -> list[str]:
    """Return the lines of a text; `\\n`, `\\r\\n` and `\\r` end one."""
    text = content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return text.removesuffix("\n").split("\n") if text else []


def grep(call: Call) -> None:
    """Print the lines of files that match a pattern; text only."""
    flags, words = _flags(call.operands)
    if len(words) < 2:
        raise BadArgumentsError
    expanded = [path for operand in words[1:] for path in _expanded(call, operand)]
    # the service runs the program grep, whose complaints about its options are only warnings
    try:
        call.options = parse([*flags, "-e", words[0]], _GREP_OPTIONS)
        call.options.integer("m")
        pattern = _pattern(call, words[0])
    except (BadOptionsError, re.error) as error:
        call.out.warn(f"grep: {error}\n")
        return
    for path in expanded:
        try:
            lines = _lines(contents.read(call, path))
        except contents.UnreadableError:
            call.out.fail(121, f"Not able to get the file: {path}")
            continue
        _show_matches(call, path, f"{path}: " if len(expanded) > 1 or call.options.has("H") else "", pattern, lines)


def _flags(words: list[str]) -> tuple[list[str], list[str]]:
    """Return the options before the pattern, and the pattern with the files; `-e` marks the pattern."""
    count = next((index for index, word in enumerate(words) if not word.startswith("-") or word == "-e"), len(words))
    rest = words[count:]
    return words[:count], rest[1:] if rest[:1] == ["-e"] else rest


def _expanded(call: Call, operand: str) -> list[str]:
    expanded = call.expand(operand)
    if not expanded:
        call.out.fail(2, operand)
    return expanded


def _pattern(call: Call, pattern: str) -> re.Pattern[str]:
    """Return the expression for a pattern of the program grep. Raises re.error."""
    given = call.options
    text = re.escape(pattern) if given.has("F") else pattern if given.has("E") else _extended(pattern)
    if given.has("w"):
        text = rf"\b(?:{text})\b"
    if given.has("x"):
        text = rf"\A(?:{text})\Z"
    return re.compile(text, re.IGNORECASE if given.has("i") else 0)


def _extended(pattern: str) -> str:
    r"""Return an extended expression for a basic one, in which `|`, `+`, `?`, `(`, `)`, `{` and `}` are plain."""
    return re.sub(r"\\?[|+?(){}]", lambda found: found[0][1:] or f"\\{found[0]}", pattern)


def _show_matches(call: Call, path: str, prefix: str, pattern: re.Pattern[str], lines: list[str]) -> None:
    given = call.options
    matching = list(_matching(lines, pattern, inverted=given.has("v")))[: given.integer("m")]
    if given.has("q"):
        return
    if given.has("l"):
        if matching:
            call.out.line(f"{prefix}{path}")
    elif given.has("c"):
        call.out.line(f"{prefix}{len(matching)}")
    else:
        for number, line in matching:
            call.out.line(f"{prefix}{f'{number}:' if given.has('n') else ''}{line}")


def _matching(lines: list[str], pattern: re.Pattern[str], *, inverted: bool) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, 1):
        if (pattern.search(line) is None) == inverted:
            yield number, line


def change_diff(call: Call) -> None:
    """Print the changes of files since their previous version, whose name ends in `~`."""
    for operand in call.operands:
        after, before = (_version(call, name) for name in (operand, f"{operand}~"))
        call.out.line("".join(_changes(before, after)))


def _version(call: Call, name: str) -> list[str]:
    try:
        return _lines(contents.read(call, name))
    except contents.UnreadableError as error:
        raise CommandFailedError(2, name) from error


def _changes(before: list[str], after: list[str]) -> Iterator[str]:
    """Yield the lines that the program diff prints in its normal format."""
    letters = {"replace": "c", "delete": "d", "insert": "a"}
    for tag, left, left_end, right, right_end in difflib.SequenceMatcher(None, before, after, False).get_opcodes():
        if tag == "equal":
            continue
        yield f"{_range(left, left_end)}{letters[tag]}{_range(right, right_end)}\n"
        yield from (f"< {line}\n" for line in before[left:left_end])
        yield from ["---\n"] * (tag == "replace")
        yield from (f"> {line}\n" for line in after[right:right_end])


def _range(begin: int, end: int) -> str:
    return str(begin) if begin == end else f"{begin + 1},{end}" if end - begin > 1 else str(end)


COMMANDS = {
    "cat": Command(cat, "[-n|-b] [-E] [-T] <file> ...", CAT_OPTIONS),
    "grep": Command(grep, "[-i] [-v] [-n] [-c] [-l] [-w] [-x] [-F] [-m <count>] <pattern> <file> ..."),
    "changeDiff": Command(change_diff, "<file> ...", NO_OPTIONS),
}
