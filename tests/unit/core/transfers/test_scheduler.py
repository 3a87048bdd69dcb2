"""The choice of the transfers that start."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from aliend.core.transfers.scheduler import (
    QUANTUM,
    Candidate,
    Limits,
    Load,
    RoundRobin,
    WaitingPlaces,
    choose_transfers,
    closed_directions,
)

IDLE = Load({}, frozenset())


def files(job: int, count: int, priority: int = 0, parallel: int = 0, **more: Any) -> list[Candidate]:  # noqa: ANN401
    return [Candidate(job * 100 + n, job, priority, parallel, f"/{job}/{n}", **more) for n in range(count)]


def started(
    candidates: list[Candidate],
    load: Load = IDLE,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    turns: RoundRobin = RoundRobin(),  # noqa: B008 - frozen
) -> list[int]:
    return [one.transfer for one in choose_transfers(candidates, load, limits, turns)[0]]


def test_no_more_transfers_start_than_slots_are_free() -> None:
    assert started(files(1, 20), limits=Limits(files=3)) == [100, 101, 102]
    assert started(files(1, 20), Load({1: 2}, frozenset()), Limits(files=3)) == [100]
    assert started(files(1, 20), Load({1: 5}, frozenset()), Limits(files=3)) == []


def test_jobs_take_turns_after_the_last_one_served() -> None:
    candidates = files(1, 3) + files(2, 3)
    assert started(candidates, limits=Limits(files=5)) == [100, 200, 101, 201]
    assert started(candidates, limits=Limits(files=3), turns=RoundRobin(1)) == [200, 100, 201]


def test_a_job_of_large_files_gives_way_to_one_of_small_ones() -> None:
    """By bytes, not by files: for each file of ten quanta the other job starts ten."""
    large, small = files(1, 5, size=10 * QUANTUM), files(2, 50)
    chosen = started(large + small, limits=Limits(files=22))
    assert [one // 100 for one in chosen].count(1) == 2
    assert chosen.index(101) > 10


def test_a_file_larger_than_any_quantum_starts_immediately_if_alone() -> None:
    assert started(files(1, 1, size=1 << 50)) == [100]


def test_interactive_jobs_overtake_background_jobs() -> None:
    assert started(files(1, 9) + files(2, 1, interactive=True), limits=Limits(files=3)) == [200, 100, 101]
    assert started(files(1, 9, priority=1) + files(2, 1, interactive=True), limits=Limits(files=1)) == [100]


def test_one_slot_is_reserved_for_interactive_jobs() -> None:
    busy = Load({1: 3}, frozenset())
    assert started(files(1, 9), busy, Limits(files=4)) == []
    assert started(files(1, 9) + files(2, 1, interactive=True), busy, Limits(files=4)) == [200]


def test_the_round_robin_forgets_jobs_with_nothing_to_start() -> None:
    _, turns = choose_transfers(files(1, 3), IDLE, Limits(files=2), RoundRobin(9, {9: 5, 8: 7}))
    assert turns.deficits.keys() <= {1}


def test_a_higher_priority_starts_first() -> None:
    assert started(files(1, 2) + files(2, 2, priority=1), limits=Limits(files=3)) == [200, 201, 100]


def test_a_jobs_own_limit_holds() -> None:
    assert started(files(1, 5, parallel=2) + files(2, 1)) == [100, 200, 101]
    assert started(files(1, 5, parallel=2), Load({1: 2}, frozenset())) == []


def test_two_copies_to_one_target_do_not_run_together() -> None:
    twice = [Candidate(1, 1, 0, 0, "/t"), Candidate(2, 2, 0, 0, "/t")]
    assert started(twice) == [1]
    assert started(twice, Load({3: 1}, frozenset({"/t"}))) == []


def test_a_direction_has_its_own_limit() -> None:
    downs = files(1, 3)
    ups = [Candidate(200 + n, 2, 0, 0, f"/2/{n}", "upload") for n in range(3)]
    assert started(downs + ups, limits=Limits(files=9, down=1, up=2)) == [100, 200, 201]
    busy = Load({1: 1}, frozenset(), {"download": 1})
    assert started(downs, busy, Limits(files=9, down=1)) == []
    assert closed_directions(busy, Limits(files=9, down=1)) == ("download",)


def test_a_storage_element_starts_with_its_limit_and_may_grow_to_all_files() -> None:
    limits = Limits(files=8, per_se=4, named=(("A::B::C", 1),))
    assert (limits.initial_for_se("A::B::C"), limits.max_for_se("a::b::c")) == (1, 1)
    assert (limits.initial_for_se("A::B::D"), limits.max_for_se("A::B::D")) == (4, 8)
    assert Limits(files=8, per_se=4, is_fixed=True).max_for_se("A::B::D") == 4


def test_running_transfers_of_any_number_of_jobs_use_up_slots() -> None:
    candidates = files(3, 9, interactive=True)
    assert started(candidates, Load({1: 2, 2: 1}, frozenset()), Limits(files=4)) == [300]
    assert started(candidates, Load({1: 2, 2: 2}, frozenset()), Limits(files=4)) == []


def test_skipped_rounds_leave_the_deficits_that_the_rounds_would_have_left() -> None:
    """Two jobs with files of three and five quanta: after three rounds the first starts, the other has saved three."""
    three, five = files(1, 1, size=3 * QUANTUM), files(2, 1, size=5 * QUANTUM)
    cost = [one.cost for one in three + five]
    chosen, state = choose_transfers(three + five, IDLE, Limits(files=1), RoundRobin())
    rounds = -(-cost[0] // QUANTUM)
    assert [one.transfer for one in chosen] == [100]
    assert state.deficits[1] == rounds * QUANTUM - cost[0]
    assert state.deficits[2] == (rounds - 1) * QUANTUM


def small(job: int, count: int, **more: Any) -> list[Candidate]:  # noqa: ANN401
    return files(job, count, small=True, size=1000, **more)


def test_small_files_of_a_job_start_as_a_batch_that_uses_one_slot() -> None:
    chosen, _ = choose_transfers(small(1, 40), IDLE, Limits(files=1), RoundRobin())
    assert [one.transfer for one in chosen] == list(range(100, 132))
    assert {one.batch for one in chosen} == {100}


def test_a_single_small_file_starts_alone() -> None:
    (chosen,), _ = choose_transfers(small(1, 1), IDLE, Limits(), RoundRobin())
    assert chosen.batch == 0


def test_a_job_has_three_batches_at_a_time() -> None:
    chosen, _ = choose_transfers(small(1, 200), IDLE, Limits(), RoundRobin())
    assert [one.batch for one in chosen] == [100] * 32 + [132] * 32 + [164] * 32
    assert started(small(1, 40), Load({1: 3}, frozenset(), {}, {1: 3})) == []
    assert len(started(small(1, 40), Load({1: 2}, frozenset(), {}, {1: 2}))) == 32


def test_large_files_of_the_job_start_beside_its_batches() -> None:
    mixed = [*small(1, 40), *files(1, 2, size=1 << 30)]
    assert len(started(mixed, Load({1: 3}, frozenset(), {}, {1: 3}))) == 2


def test_a_batch_has_each_target_once() -> None:
    twice = [replace(one, target="/same") for one in small(1, 2)]
    assert started(twice) == [100]


def test_each_file_of_a_batch_pays_in_the_round_robin() -> None:
    """After a batch of 32 files the other job, of files that cost as much, starts 32 of them."""
    candidates = [*small(1, 90), *files(2, 90)]
    turns, started_jobs = RoundRobin(), list[int]()
    for _ in range(66):
        chosen, turns = choose_transfers(candidates, IDLE, Limits(files=1), turns)
        candidates = [one for one in candidates if one.transfer not in {each.transfer for each in chosen}]
        started_jobs += [one.job for one in chosen]
    assert abs(started_jobs.count(1) - started_jobs.count(2)) <= 33


def test_a_start_costs_time_for_each_job_but_not_for_each_candidate() -> None:
    """Counted in calls: twice the candidates and twice the slots need twice as many, not four times."""
    assert calls_of(200) < 2.5 * calls_of(100)


def calls_of(count: int) -> int:
    """Return the calls that `count` starts of twice as many candidates need."""
    calls = 0

    def count_call(_frame: object, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event == "call"

    candidates = files(1, count) + files(2, count)
    sys.setprofile(count_call)
    try:
        chosen, _ = choose_transfers(candidates, IDLE, Limits(files=count + 1), RoundRobin())
    finally:
        sys.setprofile(None)
    assert len(chosen) == count
    return calls


def test_a_job_returns_as_many_files_of_full_elements_as_it_has_found_room_for() -> None:
    places, limits = WaitingPlaces(), Limits(files=8)
    places.record_room(1, limits)
    assert not places.must_return(1, limits.max_waiting_per_se - 1, limits)
    assert [places.must_return(1, limits.max_waiting_per_se, limits) for _ in range(2)] == [True, False]
    assert not places.must_return(2, limits.max_waiting_per_se, limits)


def test_a_job_is_full_when_files_wait_and_none_may_return() -> None:
    places, limits = WaitingPlaces(), Limits(files=8)
    assert [places.are_full(1, waiting, limits) for waiting in (limits.max_waiting - 1, limits.max_waiting)] == [0, 1]
    places.record_room(1, limits)
    assert not places.are_full(1, limits.max_waiting, limits)
    places.forget_others({2})
    assert places.are_full(1, limits.max_waiting, limits)
