"""The simulation of a large cluster, small: it stays runnable, and what it shows about the core is compared."""

from __future__ import annotations

import pytest

from tests.simulation import scenario
from tests.simulation.plot import svg
from tests.simulation.simulation import Figures, Simulation
from tests.simulation.waiting_files import SimulatedJob

_WORKERS, _FILES, _PACE = 24, 1500, 0.05


@pytest.fixture(scope="module")
def figures() -> Figures:
    """The scenario of `make simulation` in a minute of virtual time."""
    return scenario.run(scenario.simulation(_WORKERS, _FILES, elements=6, pace=_PACE))


def test_every_file_arrives_although_workers_and_a_storage_element_leave(figures: Figures) -> None:
    assert (figures.done, figures.failed) == (_FILES, 0)
    assert figures.charged == 0
    assert figures.lost > 0


def test_the_job_of_higher_priority_gets_the_slots_while_it_has_files(figures: Figures) -> None:
    """The others get what is left while enough of its files wait for storage elements."""
    assert scenario.urgent_part(figures) > 0.9


def test_files_that_waited_for_a_storage_element_do_not_hold_up_the_others(figures: Figures) -> None:
    assert scenario.rate_after_return(figures, _PACE) > 0.3


def test_the_plot_has_both_curves(figures: Figures) -> None:
    assert svg(figures.samples, _WORKERS).count("<polyline") == 2


def test_jobs_of_any_file_size_get_equal_bytes_while_workers_are_the_limit() -> None:
    jobs = [SimulatedJob(1, 4000, 200_000_000), SimulatedJob(2, 800, 1_000_000_000), SimulatedJob(3, 16000, 50_000_000)]
    simulated = Simulation(jobs, workers=8, elements=10)
    simulated.run(100.0)
    started = [sum(one.started[job.number] for one in simulated.figures.samples) for job in jobs]
    assert max(started) <= 1.1 * min(started)
