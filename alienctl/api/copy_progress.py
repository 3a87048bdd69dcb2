"""A progress bar for a copy, where tqdm is installed."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alienctl.api.results import Job


@contextmanager
def progress_bar(number: int, wanted: bool | None) -> Iterator[Any]:
    """Return the bar of a job; None: show no bar.

    With `wanted` None, show it if a person can see it and tqdm is installed; with True, raise ImportError without tqdm.
    """
    if wanted or (wanted is None and _has_viewer() and importlib.util.find_spec("tqdm")):
        make_bar = importlib.import_module("tqdm.auto").tqdm
        with make_bar(desc=f"job {number}", unit="B", unit_scale=True) as bar:
            yield bar
    else:
        yield None


def show(bar: Any, job: Job) -> None:  # noqa: ANN401 - a bar of tqdm
    """Show the bytes and files of a job, and why it is held."""
    bar.total, bar.n = job.bytes_total or None, job.bytes_done
    waits = f", {job.state}: {job.message}" if job.message and not job.has_ended else ""
    bar.set_postfix_str(f"{job.files_done}/{job.files} files{waits}", refresh=False)
    bar.refresh()


def _has_viewer() -> bool:
    """Return whether stderr is a terminal, or the program runs in a notebook."""
    return "ipykernel" in sys.modules or (sys.stderr is not None and sys.stderr.isatty())
