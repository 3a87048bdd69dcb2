"""For any set of candidates the limits hold, no slot is wasted, and jobs share the bytes."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from aliend.core.transfers.job import Direction
from aliend.core.transfers.scheduler import QUANTUM, Candidate, Limits, Load, RoundRobin, choose_transfers

IDLE = Load({}, frozenset())
FILES = st.tuples(
    st.integers(1, 5),
    st.sampled_from(["/a", "/b", "/c", "/d", "/e", "/f"]),
    st.sampled_from([0, QUANTUM, 50 * QUANTUM, 1 << 45]),
)


def candidate(number: int, job: int, target: str, size: int) -> Candidate:
    """A file of one of five jobs: of two priorities, two directions, some with a limit, some waited for."""
    way: Direction = "download" if job % 2 else "upload"
    return Candidate(number, job, job // 4, job % 3, target, way, size, job in (2, 5))


LIMITS = st.builds(Limits, st.integers(1, 12), st.just(4), st.integers(0, 5), st.integers(0, 5))


@given(st.lists(FILES, max_size=30), LIMITS, st.integers(0, 6))
def test_limits_hold_and_no_slot_is_wasted(files: list[tuple[int, str, int]], limits: Limits, last: int) -> None:
    candidates = [candidate(number, *file) for number, file in enumerate(files)]
    chosen, turns = choose_transfers(candidates, IDLE, limits, RoundRobin(last))
    assert len(chosen) <= limits.files
    assert len({one.target for one in chosen}) == len(chosen)
    ways = Counter(one.direction for one in chosen)
    jobs = Counter(one.job for one in chosen)
    assert all(count <= limits.for_direction(way) for way, count in ways.items())
    assert all(jobs[one.job] <= (one.parallel or limits.files) for one in chosen)
    assert turns.deficits.keys() <= {one.job for one in candidates}
    assert all(left >= 0 for left in turns.deficits.values())
    if len(chosen) < limits.background:
        for one in set(candidates) - set(chosen):
            taken = one.target in {each.target for each in chosen}
            assert (
                taken or ways[one.direction] >= limits.for_direction(one.direction) or 0 < one.parallel <= jobs[one.job]
            )


@given(st.lists(st.integers(1, 40), min_size=2, max_size=5))
def test_jobs_that_always_have_files_get_equal_bytes(sizes: list[int]) -> None:
    """Each job's files have one size; after many starts no job is a file and a turn behind another."""
    turns, given_ = RoundRobin(), Counter[int]()
    for count in range(300):
        heads = [
            Candidate(count * 10 + job, job, 0, 0, f"/{job}", size=size * QUANTUM) for job, size in enumerate(sizes, 1)
        ]
        (one,), turns = choose_transfers(heads, IDLE, Limits(files=1), turns)
        given_[one.job] += one.cost
    behind = max(given_.values()) - min(given_[job] for job in range(1, len(sizes) + 1))
    assert behind <= 2 * (max(sizes) + 1) * QUANTUM
