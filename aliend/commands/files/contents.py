"""What files contain, without a copy of them anywhere: cat, head, tail; less and more in the user's pager."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from aliend.commands.files.run import words_of
from aliend.commands.invocation.call import Call
from aliend.commands.invocation.lfn_arguments import lfns_of
from aliend.commands.invocation.pipe import piped
from aliend.core.cli.options import Option, ParsedOptions, parse_options
from aliend.engine.file_content import FileContent, content_of, read_content
from aliend.errors import CopyError, UsageError
from aliend.runtime import Runtime

_LARGEST_JSON = 16 << 20
_LINES = 10
_STEP, _LARGEST_STEP = 64 << 10, 4 << 20
"""Bytes that `tail` looks at first for the begin of its lines; four times more each time, up to the second."""
_PART: Mapping[str, Option] = {"-n": Option("n", "a number of lines"), "-c": Option("c", "a number of bytes")}


async def cat(parts: Runtime, call: Call) -> int:
    """Print files. Wrong bytes are told after they were printed, by the exit code and a sentence."""
    given = parse_options("cat", call.words[1:], {})
    for lfn in await lfns_of(parts, call, given.operands, "cat"):
        content = await content_of(parts.central_sessions.catalogue_of(call.context), lfn)
        await _show(parts, call, content, 0, content.size)
    return 0


async def head(parts: Runtime, call: Call) -> int:
    """Print the first lines (10) or bytes of files; little more is read."""
    given = parse_options("head", call.words[1:], _PART)
    in_bytes, number = _number(given)
    for lfn in await lfns_of(parts, call, given.operands, "head"):
        content = await content_of(parts.central_sessions.catalogue_of(call.context), lfn)
        if in_bytes:
            await _show(parts, call, content, 0, min(number, content.size))
        else:
            await _first_lines(parts, call, content, number)
    return 0


async def tail(parts: Runtime, call: Call) -> int:
    """Print the last lines (10) or bytes of files; only what is needed is read."""
    given = parse_options("tail", call.words[1:], _PART)
    in_bytes, number = _number(given)
    for lfn in await lfns_of(parts, call, given.operands, "tail"):
        content = await content_of(parts.central_sessions.catalogue_of(call.context), lfn)
        if in_bytes:
            start = max(0, content.size - number)
        else:
            start = await _start_of_lines(parts, content, number)
        await _show(parts, call, content, start, content.size)
    return 0


async def page(parts: Runtime, call: Call) -> int:
    """`less` and `more`: files in the user's pager, which gets them as they come; words with - or + are the pager's."""
    options = [word for word in call.words[1:] if word.startswith(("-", "+"))]
    names = tuple(word for word in call.words[1:] if word not in options)
    lfns = await lfns_of(parts, call, names, call.words[0])
    catalogue = parts.central_sessions.catalogue_of(call.context)
    contents = [await content_of(catalogue, lfn) for lfn in lfns]
    if not call.terminal.stdout or call.as_json:
        return await _show_all(parts, call, contents)
    pager = words_of(call, "PAGER") or [call.words[0]]
    return await piped(call, [*pager, *options], lambda piping: _show_all(parts, piping, contents))


async def _show_all(parts: Runtime, call: Call, contents: list[FileContent]) -> int:
    for content in contents:
        await _show(parts, call, content, 0, content.size)
    return 0


def _number(given: ParsedOptions) -> tuple[bool, int]:
    """Whether bytes are wanted rather than lines, and how many. Raises UsageError."""
    if given.has("n") and given.has("c"):
        raise UsageError(f"{given.command}: -n and -c exclude each other; give one of them")
    in_bytes = given.has("c")
    return in_bytes, given.number("c", 0) if in_bytes else given.number("n", _LINES)


async def pieces(parts: Runtime, call: Call, content: FileContent, start: int, end: int) -> AsyncGenerator[bytes, None]:
    """The bytes from `start` to `end` as they come. What could not be compared is told at the end."""
    async with read_content(parts.workers, content, start, end) as stream:
        while data := await stream.read():
            yield data
        if stream.result and stream.result.warning and (start, end) == (0, content.size):
            await call.complain(f"{content.lfn}: {stream.result.warning}")


async def _show(parts: Runtime, call: Call, content: FileContent, start: int, end: int) -> None:
    async with aclosing(pieces(parts, call, content, start, end)) as found:
        if call.as_json:
            await _document(call, content, [data async for data in _limited(found)])
            return
        async for data in found:
            await call.output.stdout(data)


async def _limited(found: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    size = 0
    async for data in found:
        size += len(data)
        if size > _LARGEST_JSON:
            raise CopyError(f"more than {_LARGEST_JSON >> 20} MiB are too much for JSON; leave out --json", "permanent")
        yield data


async def _document(call: Call, content: FileContent, found: list[bytes]) -> None:
    """Text as it is, anything else in base64."""
    data = b"".join(found)
    try:
        text, encoding = data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        text, encoding = base64.b64encode(data).decode(), "base64"
    facts = {"lfn": content.lfn, "size": str(content.size), "md5": content.md5}
    await call.document(
        {
            "metadata": {"exitcode": "0", "error": ""},
            "results": [{**facts, "encoding": encoding, "content": text}],
        }
    )


async def _first_lines(parts: Runtime, call: Call, content: FileContent, lines: int) -> None:
    kept: list[bytes] = []
    async with aclosing(pieces(parts, call, content, 0, content.size)) as found:
        while lines and (data := await anext(found, b"")):
            wanted = _up_to_line(data, lines)
            lines -= data[:wanted].count(b"\n")
            if call.as_json:
                kept.append(data[:wanted])
            else:
                await call.output.stdout(data[:wanted])
    if call.as_json:
        await _document(call, content, kept)


def _up_to_line(data: bytes, lines: int) -> int:
    """How many bytes of `data` the first `lines` lines are."""
    position = 0
    for _ in range(lines):
        found = data.find(b"\n", position)
        if found < 0:
            return len(data)
        position = found + 1
    return position


async def _start_of_lines(parts: Runtime, content: FileContent, lines: int) -> int:
    """Where the last `lines` lines begin, looking at as little as possible from the end."""
    if not lines:
        return content.size
    end, step = content.size - 1, _STEP  # the last byte may be a line's end, but none begins behind it
    while end > 0:
        start = max(0, end - step)
        data = await _range(parts, content, start, end)
        found = data.count(b"\n")
        if found >= lines:
            position = len(data)
            for _ in range(lines):
                position = data.rfind(b"\n", 0, position)
            return start + position + 1
        lines, end, step = lines - found, start, min(4 * step, _LARGEST_STEP)
    return 0


async def _range(parts: Runtime, content: FileContent, start: int, end: int) -> bytes:
    found = bytearray()
    async with read_content(parts.workers, content, start, end) as stream:
        while data := await stream.read():
            found += data
    return bytes(found)
