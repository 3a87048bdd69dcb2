"""`cat`, `head`, `tail`, `less`, `more`: print files of the catalogue without a local copy."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from aliend.commands.files.run import program_from_environment
from aliend.commands.invocation.call import Call
from aliend.commands.invocation.lfn_arguments import resolve_lfns
from aliend.commands.invocation.pipe import pipe_output
from aliend.commands.invocation.results import print_results
from aliend.core.cli.options import Option, ParsedOptions, parse_options
from aliend.engine.file_content import FileContent, content_of, read_content
from aliend.errors import CopyError, UsageError
from aliend.runtime import Runtime

_LARGEST_JSON = 16 << 20
_LINES = 10
_SHORT_NUMBER = re.compile(r"-([nc]?)(\d+)")
_STEP, _LARGEST_STEP = 64 << 10, 4 << 20
"""Bytes that `tail` reads in its first step back from the end; each step is four times longer, up to the limit."""
_OPTIONS: Mapping[str, Option] = {"-n": Option("n", "a number of lines"), "-c": Option("c", "a number of bytes")}


async def cat(runtime: Runtime, call: Call) -> int:
    """Print files, with options through the user's own `cat`.

    A wrong checksum is reported after the bytes were printed, as an error.
    """
    options = [word for word in call.args[1:] if word.startswith("-")]
    names = tuple(word for word in call.args[1:] if word not in options)
    lfns = await resolve_lfns(runtime, call, names, "cat")
    if options and call.as_json:
        raise UsageError(f"cat: {options[0]} and --json cannot be combined")

    async def run(output: Call) -> int:
        for lfn in lfns:
            content = await content_of(runtime.central_sessions.catalogue_of(call.context), lfn)
            await _print_range(runtime, output, content, 0, content.size)
        return 0

    return await (pipe_output(call, ["cat", *options], run) if options else run(call))


async def head(runtime: Runtime, call: Call) -> int:
    """Print the first lines (10) or bytes of files, and read little more than that."""
    given = parse_options("head", _with_number(call.args[1:]), _OPTIONS)
    in_bytes, number = _number(given)
    for lfn in await resolve_lfns(runtime, call, given.operands, "head"):
        content = await content_of(runtime.central_sessions.catalogue_of(call.context), lfn)
        if in_bytes:
            await _print_range(runtime, call, content, 0, min(number, content.size))
        else:
            await _print_first_lines(runtime, call, content, number)
    return 0


async def tail(runtime: Runtime, call: Call) -> int:
    """Print the last lines (10) or bytes of files, and read only what is needed."""
    given = parse_options("tail", _with_number(call.args[1:]), _OPTIONS)
    in_bytes, number = _number(given)
    for lfn in await resolve_lfns(runtime, call, given.operands, "tail"):
        content = await content_of(runtime.central_sessions.catalogue_of(call.context), lfn)
        if in_bytes:
            start = max(0, content.size - number)
        else:
            start = await _start_of_lines(runtime, content, number)
        await _print_range(runtime, call, content, start, content.size)
    return 0


async def page(runtime: Runtime, call: Call) -> int:
    """Show files in the user's pager (`less` and `more`); arguments with - or + are passed to the pager."""
    options = [word for word in call.args[1:] if word.startswith(("-", "+"))]
    names = tuple(word for word in call.args[1:] if word not in options)
    lfns = await resolve_lfns(runtime, call, names, call.args[0])
    catalogue = runtime.central_sessions.catalogue_of(call.context)
    contents = [await content_of(catalogue, lfn) for lfn in lfns]
    if not call.terminal.stdout or call.as_json:
        return await _print_all(runtime, call, contents)
    pager = program_from_environment(call, "PAGER") or [call.args[0]]
    return await pipe_output(call, [*pager, *options], lambda piping: _print_all(runtime, piping, contents))


async def _print_all(runtime: Runtime, call: Call, contents: list[FileContent]) -> int:
    for content in contents:
        await _print_range(runtime, call, content, 0, content.size)
    return 0


def _with_number(args: Sequence[str]) -> list[str]:
    """Return the arguments with `-5` and `-n5` written as `-n 5`, as the tools take them."""
    split = [_SHORT_NUMBER.fullmatch(word) for word in args]
    pairs = [[f"-{found[1] or 'n'}", found[2]] if found else [word] for word, found in zip(args, split, strict=True)]
    return [word for pair in pairs for word in pair]


def _number(given: ParsedOptions) -> tuple[bool, int]:
    """Return whether to print bytes instead of lines, and how many. Raises UsageError."""
    if given.has("n") and given.has("c"):
        raise UsageError(f"{given.command}: use either -n or -c, not both")
    in_bytes = given.has("c")
    return in_bytes, given.number("c", 0) if in_bytes else given.number("n", _LINES)


async def read_pieces(
    runtime: Runtime, call: Call, content: FileContent, start: int, end: int
) -> AsyncGenerator[bytes, None]:
    """Yield the bytes from `start` to `end` while they arrive; report at the end what was not verified."""
    async with read_content(runtime.workers, content, start, end) as stream:
        while data := await stream.read():
            yield data
        if stream.result and stream.result.warning and (start, end) == (0, content.size):
            await call.print_error(f"{content.lfn}: {stream.result.warning}")


async def _print_range(runtime: Runtime, call: Call, content: FileContent, start: int, end: int) -> None:
    async with aclosing(read_pieces(runtime, call, content, start, end)) as found:
        if call.as_json:
            await _print_document(call, content, [data async for data in _limit_size(found)])
            return
        async for data in found:
            await call.output.stdout(data)


async def _limit_size(chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    size = 0
    async for data in chunks:
        size += len(data)
        if size > _LARGEST_JSON:
            raise CopyError(
                f"the output exceeds {_LARGEST_JSON >> 20} MiB, the limit for --json; omit --json", "permanent"
            )
        yield data


async def _print_document(call: Call, content: FileContent, chunks: list[bytes]) -> None:
    """Print a file as JSON: UTF-8 text unchanged, other content in base64."""
    data = b"".join(chunks)
    try:
        text, encoding = data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        text, encoding = base64.b64encode(data).decode(), "base64"
    facts = {"lfn": content.lfn, "size": str(content.size), "md5": content.md5}
    await print_results(call, [], [{**facts, "encoding": encoding, "content": text}])


async def _print_first_lines(runtime: Runtime, call: Call, content: FileContent, lines: int) -> None:
    kept: list[bytes] = []
    async with aclosing(read_pieces(runtime, call, content, 0, content.size)) as found:
        while lines and (data := await anext(found, b"")):
            wanted = _up_to_line(data, lines)
            lines -= data[:wanted].count(b"\n")
            if call.as_json:
                kept.append(data[:wanted])
            else:
                await call.output.stdout(data[:wanted])
    if call.as_json:
        await _print_document(call, content, kept)


def _up_to_line(data: bytes, lines: int) -> int:
    """Return the number of bytes in the first `lines` lines of `data`."""
    position = 0
    for _ in range(lines):
        found = data.find(b"\n", position)
        if found < 0:
            return len(data)
        position = found + 1
    return position


async def _start_of_lines(runtime: Runtime, content: FileContent, lines: int) -> int:
    """Return the offset of the last `lines` lines; read as little as possible, backwards from the end."""
    if not lines:
        return content.size
    end, step = content.size - 1, _STEP  # no line starts after the last byte, even if it is a newline
    while end > 0:
        start = max(0, end - step)
        data = await _range(runtime, content, start, end)
        found = data.count(b"\n")
        if found >= lines:
            position = len(data)
            for _ in range(lines):
                position = data.rfind(b"\n", 0, position)
            return start + position + 1
        lines, end, step = lines - found, start, min(4 * step, _LARGEST_STEP)
    return 0


async def _range(runtime: Runtime, content: FileContent, start: int, end: int) -> bytes:
    found = bytearray()
    async with read_content(runtime.workers, content, start, end) as stream:
        while data := await stream.read():
            found += data
    return bytes(found)
