"""The fault campaign: `make faults`, or `python -m tests.faults [--part NAME]... [--rounds N] [--seed S] [--short]`.

Runs the parts one after the other and prints a line for each, with the problems found; exit code 1 if there are any. A
printed seed can be passed again.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import random
import sys
import time

from tests.faults.campaign import Order, Report

PARTS = (
    *("kill-daemon", "crash-points", "kill-workers", "storage", "central", "disk", "clock", "hostile"),
    *("mutated-replies", "storms", "cancelled-clients", "killed-editors", "unmounted-targets", "restored-mtimes"),
    *("frozen-workers", "small-jobs", "many-clients", "huge-replies", "dask"),
)
_SHOWN = 20
"""Problems of a part that are printed."""


def run(part: str, order: Order) -> Report:
    """Run one part; whatever it raises is a problem too."""
    module = importlib.import_module(f"tests.faults.{part.replace('-', '_')}")
    try:
        report: Report = module.run(order)
    except Exception as error:  # noqa: BLE001 - the campaign goes on with the next part
        report = Report(problems=[f"the part ended with {type(error).__name__}: {error}"])
    return report


def rounds_of(part: str, *, short: bool) -> int:
    """Return the number of rounds of a full or a short run of a part."""
    module = importlib.import_module(f"tests.faults.{part.replace('-', '_')}")
    return int(module.SHORT if short else module.ROUNDS)


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="The fault campaign.")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this one; may be given again")
    parser.add_argument("--rounds", type=int, help="faults in each part")
    parser.add_argument("--seed", type=int, help="where chance begins (without: a new one, which is printed)")
    parser.add_argument("--short", action="store_true", help="as `make test` runs it")
    chosen = parser.parse_args()
    logging.disable()
    seed = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}", flush=True)
    failed = 0
    for part in chosen.part or PARTS:
        begin = time.monotonic()
        report = run(part, Order(chosen.rounds or rounds_of(part, short=chosen.short), seed))
        failed += bool(report.problems)
        print(_line(part, report, time.monotonic() - begin), flush=True)
        for problem in report.problems[:_SHOWN]:
            print(f"    {problem}", flush=True)
        if len(report.problems) > _SHOWN:
            print(f"    and {len(report.problems) - _SHOWN} more", flush=True)
    return 1 if failed else 0


def _line(part: str, report: Report, seconds: float) -> str:
    verdict = "ok" if not report.problems else f"{len(report.problems)} PROBLEMS"
    notes = "".join(f"; {note}" for note in report.notes)
    return f"{part:<18}{report.faults:>5} faults  {seconds:6.0f} s  {verdict}{notes}"


if __name__ == "__main__":
    sys.exit(main())
