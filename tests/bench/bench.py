"""`make bench`: runs the parts one after the other on one grid. `ONLY=startup,large` selects parts.

Called by `run.sh` with the path of `alien.py` and a directory to work in.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from tests.bench.measurement import Stage

PARTS = (
    "startup",
    "large",
    "small",
    "repeated",
    "throttle",
    "expansion",
    "scheduler",
    "many_jobs",
    "bandwidth",
    "workers",
    "cancelling",
    "latency",
    "silent_clients",
    "resuming",
    "stalled",
    "dask",
)
"""The modules of this folder that `make bench` runs, in order."""


def main(alien_py: str, work: Path, only: str) -> int:
    """Run the parts that `only` names (empty: all), and print their results."""
    chosen = only.replace(",", " ").replace("-", "_").split() or list(PARTS)
    unknown = sorted(set(chosen) - set(PARTS))
    if unknown:
        print(f"there is no part {', '.join(unknown)}; there are: {', '.join(PARTS)}", file=sys.stderr)
        return 22
    failed = 0
    for name in chosen:
        directory = work / name
        directory.mkdir()
        try:
            for line in importlib.import_module(f"tests.bench.{name}").measure(Stage(alien_py, directory)):
                print(line, flush=True)
        except SystemExit as error:
            failed += 1
            print(f"  {name} could not be measured: {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), os.environ.get("ONLY", "")))
