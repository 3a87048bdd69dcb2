"""Whatever options and operands a command gets, it answers as the service would: never with an exception of Python."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aliend.sandbox.commands import COMMANDS
from aliend.sandbox.server import dispatch
from tests.quick import examples
from tests.unit.sandbox.in_process_grid import Stage, make_stage

HOME = "/alice/cern.ch/user/a/alice/"
WORDS = (
    *(
        "",
        "-",
        "--",
        ".",
        "..",
        "../../../../../..",
        "/",
        "~",
        "alien:",
        "*",
        "?",
        "[",
        "(",
        "%",
        "_",
        "é",
        "\x00",
        " ",
    ),
    *("0", "1", "-5", "x", "9" * 30, "1,2", ",", "a=b", "=", "::", "true", "on", "read", "write", "list", "set", "pwd"),
    *(
        "nosuch",
        "/no/such",
        f"{HOME}files/tiny.dat",
        f"{HOME}files",
        f"{HOME}files/lost.dat",
        f"{HOME}files/touched.txt",
    ),
    *(
        f"{HOME}archive/first.dat",
        f"{HOME}archive/root_archive.zip",
        f"{HOME}files/tiny.dat/below",
        "data/*/part0?.root",
    ),
    *("disk:1", "disk:x", "ALICE::SANDBOX::SE1", "!ALICE::SANDBOX::SE1", "ALICE::NO::SUCH", "alice", "bob", "nobody"),
    *("00000000-0000-0000-0000-000000000000", "c0ffee00-0000-1000-8000-000000000000", "1-1-1-1-1", "2026-11-28"),
    *('Executable = "date"; Split = "production:1-2";', 'A = "', "CDB:version>0", "-z", "--nosuch", "-l", "-h"),
    *(
        "maxNbFiles",
        "maxUnfinishedJobs",
        "root://localhost:1//x",
        "d41d8cd98f00b204e9800998ecf8427e",
        "755",
        "alice.bob",
    ),
)
SLOW = frozenset(("ping",))
"""The commands that sleep."""


def requests() -> st.SearchStrategy[tuple[str, list[str]]]:
    """Return commands with words: their own options, and operands of every kind."""

    def with_words(name: str) -> st.SearchStrategy[tuple[str, list[str]]]:
        options = COMMANDS[name].options
        own = sorted(options.flags | options.valued | options.optional) if options else []
        words = st.sampled_from([*(f"-{option}" for option in own), *WORDS])
        return st.tuples(st.just(name), st.lists(words, max_size=5))

    return st.sampled_from(sorted(COMMANDS.keys() - SLOW)).flatmap(with_words)


@pytest.fixture(scope="module")
def shared(seed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Yield one grid for all examples: what they change makes more states."""
    made = make_stage(seed, tmp_path_factory.mktemp("stage"))
    asyncio.run(made.ask("pwd"))
    yield made
    made.service.catalogue.close()


class Failures(logging.Handler):
    """Collects the exceptions that the service did not foresee."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(self.format(record))


@settings(max_examples=examples(400), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(request=requests(), user=st.sampled_from(("alice", "admin")))
def test_no_reply_contains_a_python_exception(shared: Stage, request: tuple[str, list[str]], user: str) -> None:
    name, words = request
    failures = Failures()
    dispatch.LOG.addHandler(failures)
    try:
        reply = asyncio.run(shared.ask(name, *words, user=user))
    finally:
        dispatch.LOG.removeHandler(failures)
    assert failures.found == []
    assert "Traceback" not in reply.error
    assert "Traceback" not in reply.text


async def test_an_exception_of_a_command_is_answered_as_one_of_the_service(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.ask("pwd")
    monkeypatch.setattr(stage.service.catalogue.names, "get", lambda _: 1 // 0)
    reply = await stage.ask("stat", "x")
    assert (reply.code, reply.error.splitlines()[0]) == (121, "Remote I/O error : Error executing the command [stat]: ")
    assert "Traceback" not in reply.error
    assert "ZeroDivisionError: integer" in caplog.text


@pytest.mark.parametrize("words", [["--"], ["--", "--"], [""], ["-"], ["--", ""], ["-nosuch"]], ids=" ".join)
async def test_no_command_fails_without_a_real_operand(
    shared: Stage, words: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    for name in sorted(COMMANDS.keys() - SLOW):
        await shared.ask(name, *words)
    assert "Traceback" not in caplog.text
