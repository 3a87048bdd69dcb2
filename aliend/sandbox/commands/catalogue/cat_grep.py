"""Commands that show the content of files: cat, grep, changeDiff."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from aliend.sandbox.errors import BadArgumentsError, CommandFailedError
from aliend.sandbox.protocol.options import option_set, parse
from aliend.sandbox.service import contents
from aliend.sandbox.service.call import NO_OPTIONS, Call, Command

CAT_OPTIONS = option_set("n b E T", "o")
"""The options of `cat`, with which the service reads other files too, so `submit` accepts them as well."""
_GREP_OPTIONS = option_set("i v n c l w x F E q H s", "m", "e")


def cat(call: Call) -> None:
    """Print the text of files in one message; ignore `-o`, which would write on the service's machine."""
    numbered, shown = 0, []
    for operand in call.operands:
        try:
            content = contents.read(call, operand)
        except contents.UnreadableError:
            call.out.fail(121, f"Not able to get the file: {operand}")
            continue
        for line in _lines(content):
            text = line.replace("\t", "^I") if call.options.has("T") else line
            text += "$" if call.options.has("E") else ""
            if call.options.has("n") or (call.options.has("b") and line):
                numbered += 1
                text = f"{numbered:>6}  {text}"
            shown.append(text)
    for text in shown:
        call.out.line(text)
    if shown:
        call.out.keys(value=shown[-1], count=str(len(shown)))


def _lines(content: bytes) -> list[str]:
    return content.decode("utf-8", "replace").removesuffix("\n").split("\n") if content else []


def grep(call: Call) -> None:
    """Print the lines of files that match a pattern; text only."""
    call.options = parse(call.operands, _GREP_OPTIONS)
    patterns = call.options.values.get("e", [])
    operands = call.operands
    if not patterns:
        patterns, operands = operands[:1], operands[1:]
    if not patterns or not operands:
        raise BadArgumentsError
    pattern = _pattern(call, patterns)
    expanded = [path for operand in operands for path in _expanded(call, operand)]
    for path in expanded:
        try:
            lines = _lines(contents.read(call, path))
        except contents.UnreadableError:
            call.out.fail(121, f"Not able to get the file: {path}")
            continue
        _show_matches(call, f"{path}:" if len(expanded) > 1 or call.options.has("H") else "", pattern, lines)


def _expanded(call: Call, operand: str) -> list[str]:
    expanded = call.expand(operand)
    if not expanded:
        call.out.fail(2, operand)
    return expanded


def _pattern(call: Call, patterns: list[str]) -> re.Pattern[str]:
    given = call.options
    text = "|".join(f"(?:{re.escape(pattern) if given.has('F') else pattern})" for pattern in patterns)
    if given.has("w"):
        text = rf"\b(?:{text})\b"
    if given.has("x"):
        text = rf"\A(?:{text})\Z"
    try:
        return re.compile(text, re.IGNORECASE if given.has("i") else 0)
    except re.error as error:
        raise CommandFailedError(22, f"Not a pattern: {error}") from error


def _show_matches(call: Call, prefix: str, pattern: re.Pattern[str], lines: list[str]) -> None:
    given = call.options
    matching = list(_matching(lines, pattern, inverted=given.has("v")))[: given.integer("m")]
    if given.has("q"):
        return
    if given.has("l"):
        if matching:
            call.out.line(prefix.removesuffix(":"))
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
        if call.find(operand) is None or call.find(f"{operand}~") is None:
            missing = operand if call.find(operand) is None else f"{operand}~"
            raise CommandFailedError(2, missing)
        try:
            before, after = (_lines(contents.read(call, name)) for name in (f"{operand}~", operand))
        except contents.UnreadableError as error:
            raise CommandFailedError(121, f"Not able to get the file: {operand}") from error
        for line in difflib.unified_diff(before, after, f"{operand}~", operand, lineterm=""):
            call.out.line(line)


COMMANDS = {
    "cat": Command(cat, "[-n|-b] [-E] [-T] <file> ...", CAT_OPTIONS),
    "grep": Command(grep, "[-i] [-v] [-n] [-c] [-l] [-w] [-x] [-F] [-m <count>] <pattern> <file> ..."),
    "changeDiff": Command(change_diff, "<file> ...", NO_OPTIONS),
}
