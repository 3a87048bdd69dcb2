"""The lines of a followed job: many cost one message, in their order, and none waits for the next change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

from aliend.commands.following.follower import Follower, OutputLines
from aliend.core.transfers.attempt_record import AttemptRecord, Stage
from aliend.core.transfers.job import Counters, JobState
from aliend.core.transfers.transfer import Phase
from aliend.engine.views import Changes, JobView, TransferView
from aliend.runtime import Runtime
from tests.unit.commands.invocation.test_pipe import Recorder, a_call

FILES = 3
JOB = JobView(1, JobState.ACTIVE, "download", ("/a/",), "/tmp/x", Counters(FILES), 0, 0, 1000, 0, "", 0, 0, "copy")


async def test_lines_in_a_row_are_one_message_and_keep_their_order() -> None:
    output = Recorder()
    lines = OutputLines(a_call(output))
    for text in ("1", "", "2"):
        lines.add(text)
    lines.add_notice("3\n")
    lines.add_notice("")
    lines.add_notice("4")
    lines.add("5")
    assert output.said == []
    await lines.flush()
    assert output.said == ["1\n2\n", "error 3\n4\n", "5\n"]
    await lines.flush()
    assert len(output.said) == 3


def transfer(number: int, state: Phase, moved: int = 0, message: str = "") -> TransferView:
    return TransferView(
        number, 1, state, "download", f"/a/{number}", f"/tmp/x/{number}", 10, moved, 1, message, retry_ms=0
    )


class Engine:
    """Streams these changes; `heard` is called before each, and at the end of the stream."""

    def __init__(self, output: Recorder, changes: Sequence[Sequence[TransferView]], kept: frozenset[int]) -> None:
        self._output = output
        self._changes = changes
        self._kept = kept
        self.heard: list[list[str]] = []

    async def job(self, _: int) -> JobView:
        return JOB

    async def changes(self, _job: int, _token: str) -> AsyncIterator[Changes]:
        for transfers in self._changes:
            yield Changes((), tuple(transfers), (), 1, "t-1")
            self.heard.append(list(self._output.said))

    async def attempts(self, transfers: Sequence[int]) -> list[AttemptRecord]:
        return [
            AttemptRecord(one, 1, "SE", Stage.DONE, "", "", 10, 1, 0.5) for one in transfers if one not in self._kept
        ]


async def followed(*changes: Sequence[TransferView], kept: frozenset[int] = frozenset()) -> list[list[str]]:
    """Return what was printed after each change, and after the report of the end."""
    output = Recorder()
    engine = Engine(output, changes, kept)
    call = replace(a_call(output), args=("cp",), terminal=replace(a_call(output).terminal, stdout=False))
    follower = Follower(cast(Runtime, SimpleNamespace(engine=engine)), call, "line", is_copy=True)
    await follower.follow(1)
    await follower.report_end([JOB])
    return [*engine.heard, output.said]


async def test_a_lone_line_is_printed_before_the_next_change() -> None:
    heard = await followed([transfer(1, Phase.RUNNING, moved=5)], [transfer(1, Phase.DONE)])
    assert heard[0] == [f"jobID: 1/{FILES} >>> Start\n"]
    assert heard[1][1:] == [f"jobID: 1/{FILES} >>> STATUS OK >>> SPEED 20.00 B/s\n"]


async def test_files_that_are_there_cost_one_message_for_each_change() -> None:
    numbers = range(1, 1001)
    heard = await followed([transfer(one, Phase.DONE) for one in numbers], kept=frozenset(numbers))
    lines = "".join(f"/tmp/x/{one} --> TARGET VALID (size match, md5 match)\n" for one in numbers)
    assert heard[0] == [lines]


async def test_failures_and_results_of_one_change_keep_their_order_on_each_stream() -> None:
    failed = transfer(2, Phase.FAILED, message="no such file")
    (said, end) = await followed([transfer(1, Phase.DONE), failed, transfer(3, Phase.DONE)])
    ok = "jobID: {0}/3 >>> Start\njobID: {0}/3 >>> STATUS OK >>> SPEED 20.00 B/s\n"
    assert said == [ok.format(1), "error jobID: 2/3 >>> STATUS ERROR : /a/2\nno such file\n", ok.format(3)]
    assert "Successful jobs (1st try): 2/3" in "".join(end)
