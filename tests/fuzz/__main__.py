"""Fuzzing: `make fuzz`, or `python -m tests.fuzz [--target NAME]... [--minutes N] [--seeded]`.

Each target runs in a process of its own with atheris, which mutates inputs towards code that no input has reached;
half of the inputs are changed by `tests.fuzz.mutation`, which knows what readers dislike;
where atheris has no wheel, inputs are mutated blindly. An input that fails is stored in `build/fuzz`. With `--seeded`
each target runs with each of its seeded defects instead, and must find it.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz.mutation import mutated, mutations
from tests.fuzz.target import CORPORA, LONGEST, Target

BUILD = Path("build/fuzz")


def load_targets() -> dict[str, Target]:
    """Return all targets by name; their modules are instrumented if atheris was loaded before."""
    from tests.fuzz import daemon_target, file_targets, planted_target, reply_targets, service_target, wire_targets

    modules = (reply_targets, file_targets, planted_target, wire_targets, service_target, daemon_target)
    return {target.name: target for module in modules for target in module.TARGETS}


def fuzz(target_name: str, defect: str, seconds: float) -> None:
    """Run one target in this process until it fails or the time is over; with a seeded defect, if one is named."""
    if importlib.util.find_spec("atheris") is None:
        _fuzz_blindly(load_targets()[target_name], defect, seconds)
        return
    import atheris

    with atheris.instrument_imports(include=["aliend", "alienctl"]):
        target = load_targets()[target_name]
    if target.is_remote:
        _fuzz_blindly(target, defect, seconds)
        return
    (found := BUILD / ("seeded-corpus" if defect else "corpus") / target_name).mkdir(parents=True, exist_ok=True)
    for old in found.iterdir() if defect else ():
        old.unlink()
    corpora = [str(found), str(CORPORA / target_name)]  # new inputs go into the first one
    limits = [f"-max_total_time={seconds:.0f}", f"-max_len={LONGEST}", "-timeout=60", "-rss_limit_mb=2048"]
    limits.append("-len_control=0")  # inputs of any length from the start: what is cut off is no longer well-formed
    words = [sys.argv[0], *limits, f"-artifact_prefix={_artifact(target_name, defect)}", *corpora]
    inputs = target.corpus

    def mutate(data: bytes, longest: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < 0.5:
            return bytes(atheris.Mutate(data, longest))
        return mutated(data, target, inputs, chance)[:longest]

    with target.prepared(defect):
        atheris.Setup(words, target.check, custom_mutator=mutate)
        atheris.Fuzz()  # ends the process


def _artifact(name: str, defect: str) -> str:
    """Return how the files with failed inputs of a target begin."""
    return str(BUILD / f"{name}-{'seeded-' if defect else ''}")


def _fuzz_blindly(target: Target, defect: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    with target.prepared(defect):
        for number, data in enumerate(mutations(target, random.SystemRandom().getrandbits(32))):
            if time.monotonic() > end:
                print(f"{number} inputs")
                return
            try:
                target.check(data)
            except BaseException:
                Path(f"{_artifact(target.name, defect)}crash").write_bytes(data)
                raise


def _run(name: str, defect: str, seconds: float) -> str:
    """Run one target in a process of its own; return what went wrong, or an empty text."""
    log = BUILD / f"{name}{f'-{defect}' if defect else ''}.log".replace(" ", "-")
    words = ["--one", name, "--defect", defect, "--seconds", str(seconds)]
    with log.open("wb") as output:
        begin = time.monotonic()
        code = subprocess.run([sys.executable, "-m", "tests.fuzz", *words], stdout=output, stderr=output).returncode
    taken = f"{time.monotonic() - begin:.0f} s"
    if defect:
        has_found = code and any(sign in log.read_bytes() for sign in (b"Test unit written to", b"Traceback"))
        verdict = f"found after {taken}" if has_found else f"NOT FOUND: see {log}"
        problem = "" if has_found else "x"
    else:
        verdict, problem = (f"ok, {taken}", "") if not code else (f"FAILED after {taken}: see {log}", "x")
    print(f"{name:<18} {f'{defect}: ' if defect else ''}{verdict}", flush=True)
    return problem


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzzing of everything that reads input.")
    parser.add_argument("--target", action="append", help="only this one; may be given again")
    parser.add_argument("--minutes", type=float, default=5.0, help="for each target (default 5)")
    parser.add_argument("--seeded", action="store_true", help="find the seeded defects instead, each within the time")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--defect", default="", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=0.0, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    if chosen.one:
        fuzz(chosen.one, chosen.defect, chosen.seconds)
        return 0
    targets = load_targets()
    runs = [
        (name, defect, chosen.minutes * 60)
        for name in chosen.target or targets
        for defect in (targets[name].defects if chosen.seeded else ("",))
    ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = list(pool.map(lambda run: _run(*run), runs))
    return 1 if any(problems) else 0


if __name__ == "__main__":
    sys.exit(main())
