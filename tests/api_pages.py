"""Writes docs/api.md and docs/api-commands.md: `python -m tests.api_pages`, or `make api`."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.typed_calls import CALLS, LOCAL

ROOT = Path(__file__).parents[1]
PROTO = ROOT / "proto" / "aliend" / "v1"
REFERENCE, COMMANDS = ROOT / "docs" / "api.md", ROOT / "docs" / "api-commands.md"
TEST = "tests/integration/client/test_typed_calls.py"
OLDER_TESTS = "tests/integration/client/test_entry_point.py"
_BLOCK = re.compile(r"^(service|message|enum|oneof) (\w+) \{(\})?$")
_RPC = re.compile(r"^rpc (\w+)\((stream )?(\w+)\) returns \((stream )?(\w+)\);$")
_FIELD = re.compile(r"^((?:repeated |optional )?[\w.]+(?:<[\w., ]+>)?) (\w+) = (\d+);$")
_VALUE = re.compile(r"^(\w+) = (\d+);$")
EXAMPLES: dict[str, str] = tomllib.loads((ROOT / "tests" / "api_examples.toml").read_text(encoding="utf-8"))
"""A worked example for each service; the examples in `examples/` are complete programs."""


@dataclass
class Block:
    """A service, message or enum with its comment and its lines: (declaration, comment)."""

    kind: str
    name: str
    comment: str
    lines: list[tuple[str, str]] = field(default_factory=list)


def blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of a proto file in order; those inside a message follow it."""
    stack: list[Block] = []
    comment: list[str] = []
    for line in (raw.strip() for raw in text.splitlines()):
        if line.startswith("//"):
            comment.append(line.removeprefix("//").strip())
        elif found := _BLOCK.match(line):
            inner = found[1] == "oneof"
            block = stack[-1] if inner else Block(found[1], found[2], " ".join(comment))
            if not inner:
                yield block
            if not found[3]:
                stack.append(block)
            comment = []
        elif line == "}":
            stack.pop()
            comment = []
        else:
            if stack and (_RPC.match(line) or _FIELD.match(line) or _VALUE.match(line)):
                stack[-1].lines.append((line, " ".join(comment)))
            comment = []


def all_blocks() -> list[tuple[str, str, list[Block]]]:
    """Return name, head comment and blocks of each file, the daemon first."""
    files = []
    for path in sorted(PROTO.glob("*.proto"), key=lambda one: (one.stem != "daemon", one.stem)):
        text = path.read_text(encoding="utf-8")
        head = " ".join(line.removeprefix("//").strip() for line in text.partition("syntax =")[0].splitlines())
        files.append((path.name, head.strip(), list(blocks(text))))
    return files


def calls() -> list[str]:
    """Return all calls as `Service.Method`."""
    found = []
    for _, _, listed in all_blocks():
        for block in listed:
            if block.kind == "service":
                found += [f"{block.name}.{one[1]}" for line, _ in block.lines if (one := _RPC.match(line))]
    return found


def reference() -> str:
    """Return the reference of the contract."""
    out = [
        "# gRPC reference",
        "",
        "Written by `make api` from the comments of `proto/aliend/v1/`.",
        "[The table of commands](api-commands.md) names the call for each command.",
        "`examples/` has complete programs in Node.js and Python.",
    ]
    for name, head, listed in all_blocks():
        out += ["", f"## {name}", "", head]
        for block in listed:
            out += ["", f"### {block.name}", "", block.comment]
            out += _example(block.name) if block.kind == "service" else []
            out += _table(block)
    return "\n".join(out) + "\n"


def _example(service: str) -> list[str]:
    text = EXAMPLES[service].strip()
    return ["", "```py", text, "```"] if "client." in text else ["", text]


def _table(block: Block) -> list[str]:
    if not block.lines:
        return []
    out = ["", "| | |", "|---|---|"]
    for line, comment in block.lines:
        shown = line.rstrip(";").replace("|", "\\|")
        if rpc := _RPC.match(line):
            streams = rpc[2] or "", rpc[4] or ""
            shown = f"{rpc[1]}({streams[0]}{rpc[3]}) returns ({streams[1]}{rpc[5]})"
        out.append(f"| `{shown}` | {comment.replace('|', chr(92) + '|')} |")
    return out


def command_table() -> str:
    """Return the table: command, typed call, test."""
    out = [
        "# Commands and their gRPC calls",
        "",
        "Written by `make api`. A test fails for a command without a call.",
        "",
        "| command | call | test |",
        "|---|---|---|",
    ]
    for command, call in sorted(CALLS.items(), key=lambda pair: pair[0].lower()):
        if call.startswith(LOCAL):
            out.append(f"| `{command}` | none, {call} | |")
        else:
            out.append(f"| `{command}` | `{call}` | `{test_of(call)}` |")
    return "\n".join(out) + "\n"


def test_of(call: str) -> str:
    """Return the file that tests a call."""
    method = call.partition(".")[2]
    return TEST if f'"{call}"' in (ROOT / TEST).read_text(encoding="utf-8") else f"{OLDER_TESTS}: {method}"


def main(arguments: Sequence[str]) -> int:
    """Write the pages; with `--check` only compare them."""
    pages = {REFERENCE: reference(), COMMANDS: command_table()}
    if "--check" in arguments:
        return int(any(path.read_text(encoding="utf-8") != text for path, text in pages.items()))
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
