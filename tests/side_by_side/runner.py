"""Runs one line with one program, in its own directories, and returns the outcome."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from tests.harness import Grid, User, clean_environment, eventually
from tests.side_by_side.corpus import Line
from tests.side_by_side.incumbent import Incumbent

HOME = "/alice/cern.ch/user/a/alice"
LINES = f"{HOME}/lines"
"""Holds the directories of all lines, so that a listing of HOME does not depend on other lines."""
Runner = Callable[[list[str], Line, "Place"], subprocess.CompletedProcess[str]]
AT_A_TIME = 3
"""Number of concurrent runs of alien.py: each takes some tenths of a second of a processor."""
_TIMEOUT = 300
_MARK = "=== the next line of the batch ==="


@dataclass(frozen=True)
class Outcome:
    """The result of a program: the exit code of the last run, all output, and the files that it created."""

    code: int
    stdout: str
    stderr: str
    local: tuple[str, ...]
    grid: tuple[str, ...]

    def compared(self, line: Line) -> dict[str, Any]:
        """Return the results that the line compares."""
        values: dict[str, Any] = {
            "code": self.code,
            "stdout": _document(line.forgetting(self.stdout)) if line.json else line.forgetting(self.stdout),
            "stderr": line.forgetting(self.stderr),
            "local": self.local,
            "grid": self.grid,
        }
        return {name: values[name] for name in line.compare}


@dataclass(frozen=True)
class Place:
    """The directories for one program and one line: a local one and one in the catalogue."""

    here: Path
    directory: str
    numbers: dict[str, str]

    def filled(self, text: str) -> str:
        """Replace the placeholders in `text` by these directories."""
        for name, value in {"dir": self.directory, "here": str(self.here), **self.numbers}.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def emptied(self, text: str) -> str:
        """Replace these directories in `text` by placeholders, so that outputs of two programs are comparable."""
        names = {"{dir}": self.directory, "{here}": str(self.here)}
        names |= {f"{{{name}}}": value for name, value in self.numbers.items() if name == "job"}
        for name, value in names.items():
            text = text.replace(value, name)
        return text


class Stage:
    """A grid with a user of our daemon and of alien.py."""

    def __init__(self, grid: Grid, user: User) -> None:
        self.grid = grid
        self.user = user
        self._root = Path(tempfile.mkdtemp(prefix="side", dir=user.home))
        self._alienpy = Incumbent(AT_A_TIME, self._root)
        self._pool = ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="incumbent")
        self._theirs: dict[str, Future[Outcome]] = {}
        self._batches: dict[str, list[Line]] = {}
        self._their_batches: dict[str, Future[dict[str, Outcome]]] = {}
        self._own_batches: dict[str, dict[str, Outcome]] = {}
        self._numbers = count(1)
        user.must("mkdir", LINES)
        self._jobs = self._finished_jobs()

    def begin(self, lines: list[Line]) -> None:
        """Start alien.py for the lines of this session."""
        for name in dict.fromkeys(line.batch for line in lines if line.batch):
            if name not in self._batches:
                batch = [line for line in lines if line.batch == name]
                self._batches[name] = batch
                self._their_batches[name] = self._pool.submit(self._run_batch, batch, "theirs", self._incumbent)
        for line in lines:
            if not line.batch and line.id not in self._theirs:
                self._theirs[line.id] = self._pool.submit(self._prepared, line, "theirs", self._incumbent)

    def theirs(self, line: Line) -> Outcome:
        """Return the result of alien.py."""
        self.begin([line])
        if line.batch:
            return self._their_batches[line.batch].result()[line.id]
        return self._theirs[line.id].result()

    def ours(self, line: Line) -> Outcome:
        """Return the result of alienctl."""
        if line.batch:
            if line.batch not in self._own_batches:
                self._own_batches[line.batch] = self._run_batch(self._batches[line.batch], "ours", self._own)
            return self._own_batches[line.batch][line.id]
        return self._prepared(line, "ours", self._own)

    def close(self) -> None:
        """Wait for the runs of alien.py."""
        self._pool.shutdown(cancel_futures=True)
        self._alienpy.close()

    def _prepared(self, line: Line, whose: str, run: Runner) -> Outcome:
        name = f"{whose}-{next(self._numbers)}"
        place = Place(self._root / name / "here", f"{LINES}/{name}", dict(self._jobs))
        place.here.mkdir(parents=True)
        _write(place.here, line.local)
        if line.grid:
            source = self._root / name / "source"
            _write(source, line.grid)
            self.user.must("cp", f"file:{source}/", f"{place.directory}/@disk:1")
        for text in line.setup:
            reported = self.user.must(*shlex.split(place.filled(text)), cwd=place.here)
            if number := re.search(r"job ID is (\d+)", reported):
                place.numbers["job"] = number[1]
        output, errors, code = "", "", 0
        for text in line.run:
            done = run(shlex.split(place.filled(text)), line, place)
            output, errors, code = output + done.stdout, errors + done.stderr, done.returncode
        grid = self._catalogue(place) if "grid" in line.compare else ()
        return Outcome(code, place.emptied(output), place.emptied(errors), _tree(place.here), grid)

    def _run_batch(self, batch: list[Line], whose: str, run: Runner) -> dict[str, Outcome]:
        """Run the lines of a batch as one chain of commands, and return their outcomes by line."""
        place = Place(self._root / f"{whose}-{next(self._numbers)}" / "here", HOME, dict(self._jobs))
        place.here.mkdir(parents=True)
        chain = "; ".join(f"{place.filled(line.run[0])}; exitcode; !echo {_MARK}" for line in batch)
        parts = run([chain], batch[0], place).stdout.split(f"{_MARK}\n")
        return {line.id: _outcome_of_part(part) for line, part in zip(batch, parts, strict=False)}

    def _incumbent(self, words: list[str], line: Line, place: Place) -> subprocess.CompletedProcess[str]:
        home = place.here.parent / "home"
        home.mkdir(exist_ok=True)
        environment = {**clean_environment(), "HOME": str(home), "TMPDIR": str(home), **self.grid.exports}
        return self._alienpy.run(words, _with_variables(environment, line, place), place.here, place.filled(line.stdin))

    def _own(self, words: list[str], line: Line, place: Place) -> subprocess.CompletedProcess[str]:
        environment = {**self.user.environment, "ALIEN_SESSION": place.here.parent.name}
        return subprocess.run(
            [self.user.command, *words],
            env=_with_variables(environment, line, place),
            cwd=place.here,
            input=place.filled(line.stdin),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )

    def _catalogue(self, place: Place) -> tuple[str, ...]:
        found = self.user.run("find", "-a", "-d", "-f", place.directory, "*", "--json")
        results = json.loads(found.stdout)["results"]
        entries = {one["lfn"].removeprefix(place.directory).rstrip("/"): one for one in results}
        return tuple(f"{name} {'/' if one['type'] == 'd' else one['size']}" for name, one in sorted(entries.items()))

    def _finished_jobs(self) -> dict[str, str]:
        """Submit a job and a master job for lines about jobs, and wait until they are done."""
        self.user.must("cp", f"file:{_description(self._root, '')}", f"{HOME}/one.jdl@disk:1")
        split = 'Split = "production:1-3";\n'
        self.user.must("cp", f"file:{_description(self._root, split)}", f"{HOME}/three.jdl@disk:1")
        numbers = {}
        for name, jdl in (("done", "one.jdl"), ("master", "three.jdl")):
            reported = self.user.must("submit", f"{HOME}/{jdl}")
            numbers[name] = re.findall(r"job ID is (\d+)", reported)[0]
        eventually(lambda: all(job["status"] in ("DONE", "SPLIT") for job in self.user.json("ps", "-A")["results"]), 60)
        return numbers


def _outcome_of_part(text: str) -> Outcome:
    """Return the outcome of one line of a batch, whose last line of output is the exit code."""
    output, _, code = text.rstrip("\n").rpartition("\n")
    return Outcome(int(code), output, "", (), ())


def _with_variables(environment: dict[str, str], line: Line, place: Place) -> dict[str, str]:
    return environment | {name: place.filled(value) for name, value in line.env.items()}


def _write(directory: Path, files: dict[str, int | str]) -> None:
    for name, content in files.items():
        target = directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, int):
            target.write_bytes(hashlib.shake_128(name.encode()).digest(content))
        else:
            target.write_text(content, encoding="utf-8")


def _description(directory: Path, more: str) -> Path:
    path = directory / ("three.jdl" if more else "one.jdl")
    path.write_text(f'Executable = "/bin/date";\nSandboxWait = 0;\nSandboxRun = 0;\n{more}', encoding="utf-8")
    return path


def _tree(directory: Path) -> tuple[str, ...]:
    """List the files below a directory with size and md5, and the directories."""
    lines = []
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if path.is_dir():
            lines.append(f"{name}/")
        else:
            content = path.read_bytes()
            lines.append(f"{name} {len(content)} {hashlib.md5(content, usedforsecurity=False).hexdigest()}")
    return tuple(lines)


def pruned(ours: Any, theirs: Any) -> Any:  # noqa: ANN401
    """Return our document without the members that theirs does not have."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return {name: pruned(value, theirs[name]) for name, value in ours.items() if name in theirs}
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [pruned(*pair) for pair in zip(ours, theirs, strict=True)]
    return ours


def _document(text: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(text)
    except ValueError:
        return f"no document: {text}"
