"""The job and file quotas of an account, as one report. Pure.

Versions of the service spell some fields differently (`nominalparallelJobs`, `nominalParallelJobs`).
"""

from __future__ import annotations

from dataclasses import dataclass

from aliend.core.cli.numbers import LARGEST
from aliend.core.protocol.replies import Result

_SECONDS, _MIB = 3600, 1 << 20


@dataclass(frozen=True, slots=True)
class FileQuota:
    """The files and bytes that an account uses, and the most that it may use (0 or less: no limit)."""

    files: int
    bytes: int
    max_files: int
    max_bytes: int


def file_quota(facts: Result) -> FileQuota:
    """Return the quota in a reply to `fquota`."""
    number = _Numbers(facts)
    used, most = (number("nbFiles"), number("totalSize")), (number("maxNbFiles"), number("maxTotalSize"))
    return FileQuota(*map(int, (*used, *most)))


def merged(jobs: Result, files: Result) -> dict[str, str]:
    """Merge both replies, without messages."""
    return {key: str(value) for facts in (jobs, files) for key, value in facts.items() if key != "message"}


def report(facts: Result) -> list[str]:
    """Return the report for one account, in alien.py's format."""
    number = _Numbers(facts)
    running, waiting, most = number("running"), number("waiting"), number("maxUnfinishedJobs")
    time, most_time = number("totalRunningTimeLast24h"), number("maxTotalRunningTime")
    cost, most_cost = number("totalCpuCostLast24h"), number("maxTotalCpuCost")
    size, most_size = number("totalSize"), number("maxTotalSize")
    count, most_count = number("nbFiles"), number("maxNbFiles")
    return [
        f"Quota report for user : {facts.get('username', '')}",
        f"Unfinished jobs(R + W / Max):\t\t{running:.0f} + {waiting:.0f} / {most:.0f} --> "
        f"{_percentage(running + waiting, most)} used",
        f"Running time (last 24h) used/max:\t{time / _SECONDS:.2f}/{most_time / _SECONDS:.2f}(h) --> "
        f"{_percentage(time, most_time)} used",
        f"CPU Cost (last 24h) used/max:\t\t{cost / _SECONDS:.2f}/{most_cost / _SECONDS:.2f}(h) --> "
        f"{_percentage(cost, most_cost)} used",
        f"ParallelJobs (nominal/max) :\t{number('nominalParallelJobs'):.0f}/{number('maxParallelJobs'):.0f}",
        f"Storage size :\t\t\t{size / _MIB:.2f}/{most_size / _MIB:.2f} MiB --> {_percentage(size, most_size)}",
        f"Number of files :\t\t{count:.0f}/{most_count:.0f} --> {_percentage(count, most_count)}",
    ]


class _Numbers:
    """Fields by name, ignoring case; 0 if missing, not a number, infinite or beyond 64 bits."""

    def __init__(self, facts: Result) -> None:
        self._values = {key.lower(): value for key, value in facts.items()}

    def __call__(self, name: str) -> float:
        try:
            number = float(self._values.get(name.lower(), 0))
        except (TypeError, ValueError, OverflowError):
            return 0.0
        return number if abs(number) < LARGEST else 0.0


def _percentage(used: float, most: float) -> str:
    return f"{100 * used / most:.2f}%" if most > 0 else "no limit"
