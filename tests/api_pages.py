"""Writes docs/api.md and docs/api-commands.md: `python -m tests.api_pages`, or `make api`."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.client.typed_cases import CASES, CENTRAL, Error, Slow
from tests.typed_calls import CALLS, LOCAL

ROOT = Path(__file__).parents[1]
PROTO = ROOT / "proto" / "aliend" / "v1"
REFERENCE, COMMANDS = ROOT / "docs" / "api.md", ROOT / "docs" / "api-commands.md"
TESTS = "tests/integration/client/test_typed_calls.py"
RESULT, ERROR = "test_a_call_returns_its_result", "test_a_call_reports_its_error"
CENTRAL_WORK = "test_a_cancelled_call_ends_its_request_to_the_service"
OWN_WORK = "test_a_cancelled_call_ends_its_work_in_the_daemon"
PRELUDE = """from pathlib import Path

from google.protobuf.duration_pb2 import Duration

from alienctl import api
from aliend.v1 import catalogue_pb2, console_pb2, contents_pb2, credentials_pb2, daemon_pb2, grid_jobs_pb2
from aliend.v1 import network_pb2, raw_pb2, session_pb2, storage_pb2, transfers_pb2

client = api.connect().services()"""
"""What every example begins with."""
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
        "`examples/` has complete programs in Node.js and Python. The short examples below begin with:",
        "",
        "```py",
        PRELUDE,
        "```",
    ]
    for name, head, listed in all_blocks():
        out += ["", f"## {name}", "", head]
        for block in listed:
            out += ["", f"### {block.name}", "", block.comment]
            out += _example(block.name) if block.kind == "service" else []
            out += _table(block)
    return "\n".join(out) + "\n"


def _example(service: str) -> list[str]:
    return ["", "```py", EXAMPLES[service].strip(), "```"]


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
    """Return the tables: command, typed call, test; and what is tested of each call."""
    out = [
        "# Commands and their gRPC calls",
        "",
        f"Written by `make api`. A test fails for a command without a call. The tests are in `{TESTS}`.",
        "",
        "| command | call | test |",
        "|---|---|---|",
    ]
    for command, text in sorted(CALLS.items(), key=lambda pair: pair[0].lower()):
        if text.startswith(LOCAL):
            out.append(f"| `{command}` | none, {text} | |")
        else:
            named = text.split(", ")
            tests = "<br>".join(f"`{RESULT}[{call}]`" for call in named)
            out.append(f"| `{command}` | {'<br>'.join(f'`{call}`' for call in named)} | {tests} |")
    return "\n".join([*out, "", *_tested()]) + "\n"


def _tested() -> list[str]:
    """Return the table of the calls: how each fails, and what ends when it is cancelled, or why that cannot happen."""
    out = ["## Errors and cancellation", "", "| call | error | cancellation |", "|---|---|---|"]
    for name, case in CASES.items():
        error = f"`{case.error.reason}`: `{ERROR}`" if isinstance(case.error, Error) else f"none: {case.error}"
        cancel = f"none: {case.cancel}"
        if case.cancel == CENTRAL:
            cancel = f"`{CENTRAL_WORK}`"
        elif isinstance(case.cancel, Slow):
            cancel = f"`{OWN_WORK}`"
        out.append(f"| `{name}` | {error} | {cancel} |")
    return out


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
