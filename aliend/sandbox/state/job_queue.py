"""The job queue: simulated jobs that proceed from WAITING through RUNNING to DONE or to an error.

No job runs. The state of a job follows from the times that are fixed at its submission, so no process has to update
it; `background_work` creates the output files of ended jobs. A job description may define the course of its job:
`SandboxWait` and `SandboxRun` (seconds) and `SandboxError` (the name of the state in which it ends).
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

RUNNING = ("RUNNING", "STARTED", "SAVING")
QUEUED = ("ASSIGNED",)
WAITING = ("INSERTING", "WAITING", "ASSIGNED", "EXPIRED")
DONE = ("DONE", "DONE_WARN")
FAILED = (
    *("ERROR_A", "ERROR_I", "ERROR_E", "ERROR_IB", "ERROR_S", "ERROR_SV", "ERROR_V", "ERROR_VN", "ERROR_VT"),
    *("ERROR_EW", "ERROR_W", "ERROR_SPLT", "ERROR_VER", "FAULTY", "INCORRECT", "EXPIRED"),
)
TERMINAL = (*DONE, *FAILED, "KILLED")
STATES = (
    *("INSERTING", "UPDATING", "SPLITTING", "SPLIT", "WAITING", "ASSIGNED", "STARTED", "RUNNING", "SAVING", "SAVED"),
    *("SAVED_WARN", "ZOMBIE", "MERGING", *TERMINAL),
)


@dataclass(frozen=True, slots=True)
class Job:
    """One job. It waits from `queued`, runs from `starts`, is `final_state` from `ends` (times in POSIX milliseconds).

    `split` is the id of its master job (0: none).
    """

    id: int
    owner: str
    name: str
    split: int
    jdl: str
    created: int
    queued: int
    starts: int
    ends: int
    final_state: str
    killed: int | None
    site: str
    node: str
    has_output: int

    def history(self, now: int) -> list[tuple[int, str]]:
        """Return the states up to `now`, each with the time at which it began."""
        if self.final_state == "SPLIT":
            planned = [(self.queued, "INSERTING"), (self.queued, "SPLITTING"), (self.queued, "SPLIT")]
        else:
            saving = max(self.starts, self.ends - 100)
            planned = [(self.queued, "WAITING"), (self.starts, "RUNNING")]
            planned += [(saving, "SAVING")] if self.final_state in DONE else []
            planned.append((self.ends, self.final_state))
        if self.killed is not None:
            planned = [(moment, state) for moment, state in planned if moment <= self.killed]
            planned.append((self.killed, "KILLED"))
        return [(moment, state) for moment, state in planned if moment <= now] or [(self.queued, planned[0][1])]

    def state_since(self, now: int) -> int:
        """Return the time at which the present state began."""
        return self.history(now)[-1][0]

    @property
    def is_master(self) -> bool:
        """Return whether the job was split into subjobs."""
        return self.final_state == "SPLIT"


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """A job to be inserted: its waiting and running times (seconds), and its final state."""

    owner: str
    name: str
    jdl: str
    split: int = 0
    wait: float = 1.0
    run: float = 2.0
    final_state: str = "DONE"


@dataclass(frozen=True, slots=True)
class WorkerNode:
    """The site and node that run a job."""

    site: str
    node: str


class Jobs:
    """The jobs in `database`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def insert(self, plan: PlannedJob, spot: WorkerNode, now: int) -> int:
        """Insert a job and return its id."""
        starts = now + int(plan.wait * 1000)
        cursor = self._database.execute(
            "INSERT INTO job(owner, name, split, jdl, created, begun, starts, ends, fate, site, node)"
            " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(plan.owner, plan.name, plan.split, plan.jdl, now, now, starts, starts + int(plan.run * 1000)),
                *(plan.final_state, spot.site, spot.node),
            ),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def get(self, number: int) -> Job | None:
        """Return the job with this id."""
        row = self._database.execute("SELECT * FROM job WHERE id = ?", (number,)).fetchone()
        return None if row is None else Job(*row)

    def parts(self, master: int) -> list[Job]:
        """Return the subjobs of a master job."""
        rows = self._database.execute("SELECT * FROM job WHERE split = ? ORDER BY id", (master,))
        return [Job(*row) for row in rows.fetchall()]

    def newest(self) -> Iterable[Job]:
        """Yield all jobs, newest first."""
        for row in self._database.execute("SELECT * FROM job ORDER BY id DESC"):
            yield Job(*row)

    def status(self, job: Job, now: int) -> str:
        """Return the state of a job; a master job is DONE when all its subjobs have ended."""
        state = job.history(now)[-1][1]
        if state == "SPLIT":
            parts = self.parts(job.id)
            if parts and all(part.history(now)[-1][1] in TERMINAL for part in parts):
                return "DONE"
        return state

    def kill(self, job: Job, now: int) -> None:
        """Kill a job and its subjobs that have not ended."""
        self._database.execute("UPDATE job SET killed = ? WHERE id = ?", (now, job.id))
        for part in self.parts(job.id):
            if part.history(now)[-1][1] not in TERMINAL:
                self._database.execute("UPDATE job SET killed = ? WHERE id = ?", (now, part.id))

    def restart(self, job: Job, now: int) -> None:
        """Restart a job, which then ends in DONE."""
        wait, run = job.starts - job.queued, job.ends - job.starts
        fate = "SPLIT" if job.is_master else "DONE"
        self._database.execute(
            "UPDATE job SET begun = ?, starts = ?, ends = ?, fate = ?, killed = NULL, delivered = 0 WHERE id = ?",
            (now, now + wait, now + wait + run, fate, job.id),
        )

    def take_ended(self, now: int) -> list[Job]:
        """Return the jobs that have succeeded since the last call."""
        query = (
            "SELECT * FROM job WHERE delivered = 0 AND killed IS NULL AND ends <= ? AND fate IN ('DONE', 'DONE_WARN')"
        )
        ended = [Job(*row) for row in self._database.execute(query, (now,)).fetchall()]
        for job in ended:
            self.mark_output_created(job)
        return ended

    def mark_output_created(self, job: Job) -> None:
        """Record that the output files of a job were created."""
        self._database.execute("UPDATE job SET delivered = 1 WHERE id = ?", (job.id,))

    def count_by_owner(self, now: int) -> dict[str, tuple[int, int]]:
        """Return the numbers of running and waiting jobs by owner."""
        running: Counter[str] = Counter()
        waiting: Counter[str] = Counter()
        rows = self._database.execute("SELECT * FROM job WHERE killed IS NULL AND ends > ?", (now,))
        for job in [Job(*row) for row in rows.fetchall()]:
            state = job.history(now)[-1][1]
            running[job.owner] += state in RUNNING
            waiting[job.owner] += state in WAITING
        return {owner: (running[owner], waiting[owner]) for owner in sorted(running.keys() | waiting.keys())}

    def running_seconds(self, owner: str, since: int, now: int) -> int:
        """Return the total running time in seconds of an owner's jobs that ended after `since`."""
        rows = self._database.execute(
            "SELECT ends - starts AS ran FROM job WHERE owner = ? AND killed IS NULL AND ends > ? AND ends <= ?"
            " AND fate != 'SPLIT'",
            (owner, since, now),
        )
        return sum(int(row["ran"]) for row in rows.fetchall()) // 1000


def job_log(job: Job, now: int) -> list[str]:
    """Return the log of a job, each line with its POSIX seconds and section."""
    lines = [f"{job.queued // 1000} [state     ]: Job {job.id} inserted for {job.owner}"]
    before = ""
    for moment, state in job.history(now):
        seconds = moment // 1000
        if before:
            lines.append(f"{seconds} [state     ]: Job state transition from {before} to {state}")
        else:
            lines.append(f"{seconds} [state     ]: Job state is {state}")
        if state == "RUNNING":
            lines.append(f"{seconds} [trace     ]: BatchId {job.id} at {job.site}")
            lines.append(f"{seconds} [trace     ]: Running JAliEn JobAgent of the sandbox on {job.node}")
            lines.append(f"{seconds} [trace     ]: Created workdir: /sandbox/job-{job.id}")
            lines.append(f"{seconds} [proc      ]: 0.10 1024 2048 0 0.1 0 0 0 0 0")
        elif state in FAILED:
            lines.append(f"{seconds} [trace     ]: The job description asked for the end {state}")
        before = state
    return lines
