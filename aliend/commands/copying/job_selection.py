"""The jobs that a subcommand of `transfers` is about: `2 3 5-9`, `--all`, `--state failed`, `--label NAME`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from aliend.core.cli.options import Option, ParsedOptions
from aliend.core.transfers.job import JobFilter, JobState
from aliend.engine.views import JobView
from aliend.errors import NoSuchJob, UsageError
from aliend.runtime import Runtime

SELECTION: Mapping[str, Option] = {
    "--all": Option("all"),
    "--state": Option("state", "a state of jobs"),
    "--label": Option("label", "a label"),
}
UNFINISHED = (JobState.EXPANDING, JobState.ACTIVE, JobState.DELETING, JobState.PAUSED)
ENDED = (JobState.DONE, JobState.PARTIAL, JobState.FAILED, JobState.CANCELLED)
APPLICABLE: Mapping[str, tuple[JobState, ...]] = {
    "cancel": UNFINISHED,
    "pause": (JobState.EXPANDING, JobState.ACTIVE, JobState.DELETING),
    "resume": (JobState.PAUSED,),
    "retry": (JobState.PARTIAL, JobState.FAILED, JobState.CANCELLED),
    "priority": UNFINISHED,
    "wait": UNFINISHED,
    "follow": UNFINISHED,
    "watch": UNFINISHED,
    "detach": UNFINISHED,
    "why": UNFINISHED,
    "limit": UNFINISHED,
    "clean": ENDED,
}
"""The states of the jobs that a subcommand applies to; all states for the others."""
_PAGE = 1000
_DIGITS = 18
_LARGEST = 10**_DIGITS


@dataclass(frozen=True, slots=True)
class JobRange:
    """The jobs from number `first` to number `last`, both included."""

    first: int
    last: int

    @property
    def is_one(self) -> bool:
        """Return whether it is a single number, which must exist."""
        return self.first == self.last


def parse_ranges(verb: str, operands: tuple[str, ...]) -> list[JobRange]:
    """Return the jobs that the operands name, as in `2 3 5-9` or `2,3`. Raises UsageError."""
    ranges = []
    for word in (part for words_ in operands for part in words_.split(",")):
        first, dash, last = word.partition("-")
        last = last if dash else first
        if not all(text.isascii() and text.isdigit() and len(text) <= _DIGITS for text in (first, last)):
            raise UsageError(
                f"transfers {verb}: {word!r} is not a job number such as 7, or a range such as 5-9\n"
                "list jobs with `alienctl transfers list --all`"
            )
        if not int(first) <= int(last) < _LARGEST:
            raise UsageError(f"transfers {verb}: the range {word} is empty or too large")
        ranges.append(JobRange(int(first), int(last)))
    return ranges


def parse_states(texts: tuple[str, ...]) -> tuple[JobState, ...]:
    """Return the states of `--state failed,cancelled`. Raises UsageError."""
    names = [name for text in texts for name in text.split(",")]
    for name in names:
        if name not in list(JobState):
            raise UsageError(f"transfers: no job state is called {name!r}; use one of: {', '.join(JobState)}")
    return tuple(map(JobState, names))


def is_selected_by_option(options: ParsedOptions) -> bool:
    """Return whether the jobs are selected by option, and not by number."""
    return any(options.has(key) for key in ("all", "state", "label"))


async def selected_jobs(runtime: Runtime, verb: str, options: ParsedOptions) -> list[JobView]:
    """Return the selected jobs that exist, each once, in the order of the arguments, or the newest first.

    Raises UsageError without a selection, NoSuchJob for a single number that does not exist.
    """
    ranges = parse_ranges(verb, options.operands)
    if bool(ranges) == is_selected_by_option(options):
        raise UsageError(
            f"transfers {verb} requires job numbers, or one of --all, --state STATE and --label NAME\n"
            "list jobs with `alienctl transfers list --all`"
        )
    found: dict[int, JobView] = {}
    for jobs in ranges:
        if jobs.is_one:
            found[jobs.first] = await runtime.engine.job(jobs.first)
        else:
            found |= {job.id: job async for job in jobs_between(runtime, jobs)}
    if not ranges:
        found = {job.id: job async for job in matching_jobs(runtime, filter_of(verb, options))}
    if ranges and not found:
        raise NoSuchJob(f"no transfer job has one of these numbers: {' '.join(options.operands)}")
    return list(found.values())


def filter_of(verb: str, options: ParsedOptions) -> JobFilter:
    """Return the filter of `--all`, `--state` and `--label`: of the jobs that the subcommand applies to."""
    states = parse_states(options.all("state")) or APPLICABLE.get(verb, ())
    return JobFilter(states, options.last("label"))


async def matching_jobs(runtime: Runtime, matching: JobFilter) -> AsyncIterator[JobView]:
    """Return the jobs of a filter, the newest first."""
    last = 0
    while page := await runtime.engine.jobs(_PAGE, last, matching=matching):
        for job in page:
            yield job
        last = page[-1].id


async def jobs_between(runtime: Runtime, jobs: JobRange) -> AsyncIterator[JobView]:
    """Return the existing jobs of a range, the newest first."""
    last = jobs.last + 1
    while page := await runtime.engine.jobs(_PAGE, last):
        for job in page:
            if job.id < jobs.first:
                return
            yield job
        last = page[-1].id
