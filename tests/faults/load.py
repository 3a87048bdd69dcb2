"""The mixed load: uploads to two replicas, downloads, archive members, overwriting, copies within the catalogue."""

from __future__ import annotations

from hashlib import shake_128

from tests.faults.campaign import Ground, md5_of
from tests.faults.checker import Promises

FILES, OVERWRITTEN, COPIED = 12, 6, 3
LARGEST = 3_000_000
_MEMBERS = {"first.dat": 20 * 1024, "second.dat": 300}


class Load:
    """Submits waves of jobs and keeps account of what they promise. A wave uses the files of the previous one."""

    def __init__(self, ground: Ground, largest: int = LARGEST) -> None:
        self._ground = ground
        self._largest = largest
        self._wave = 0
        self._before: dict[str, str] = {}
        self.promises = Promises()

    def submit(self) -> list[int]:
        """Submit one wave; the numbers of its jobs."""
        ground, wave = self._ground, self._wave
        up = ground.fill(ground.user.home / f"up{wave}", FILES, self._largest)
        over = ground.fill(ground.user.home / f"over{wave}", OVERWRITTEN, self._largest)
        folder = f"{ground.folder}w{wave}/"
        jobs = {
            ground.detach("-T", "3", f"file:up{wave}/", f"{folder}@disk:2"): FILES,
            ground.detach("-f", "-T", "3", f"file:over{wave}/", f"{ground.folder}same/@disk:2"): OVERWRITTEN,
            ground.detach(*(f"{_archive(ground)}{name}" for name in _MEMBERS), f"file:member{wave}/"): len(_MEMBERS),
        }
        if wave:
            jobs[ground.detach("-T", "3", f"{ground.folder}w{wave - 1}/", f"file:down{wave}/")] = FILES
            self._promise_local(f"down{wave}", self._before)
            copied = dict(list(self._before.items())[:COPIED])
            sources = [f"{ground.folder}w{wave - 1}/{name}" for name in copied]
            jobs[ground.detach("-T", "3", *sources, f"{ground.folder}c{wave}/@disk:2")] = COPIED
            self.promises.entries |= {f"{ground.folder}c{wave}/{name}": md5 for name, md5 in copied.items()}
        self._promise_local(f"member{wave}", _member_sums(ground))
        self.promises.entries |= {f"{folder}{name}": md5 for name, md5 in up.items()}
        self.promises.entries |= {f"{ground.folder}same/{name}": md5 for name, md5 in over.items()}
        self.promises.jobs |= jobs
        self._before, self._wave = up, wave + 1
        return list(jobs)

    def _promise_local(self, directory: str, sums: dict[str, str]) -> None:
        place = self._ground.user.home / directory
        self.promises.local |= {place / name: md5 for name, md5 in sums.items()}


def unfinished(ground: Ground, jobs: list[int]) -> list[int]:
    """Return the jobs that have not ended; this starts a daemon if none runs."""
    listed = {job["job"] for job in ground.user.json("transfers", "list")["jobs"]}
    return [job for job in jobs if job in listed]


def wait_for(ground: Ground, jobs: list[int], limit: float = 120) -> None:
    """Wait until jobs have ended; one that does not is a problem."""
    for job in jobs:
        done = ground.user.run("transfers", "wait", str(job), "--timeout", f"{limit:g}", timeout=limit + 60)
        why = ground.user.run("transfers", "why", str(job)).stdout if done.returncode == 124 else ""
        ground.must_be(done.returncode != 124, f"job {job} has not ended after {limit:g} s: {why}")


def _archive(ground: Ground) -> str:
    return f"{ground.folder.removesuffix('faults/')}archive/"


def _member_sums(ground: Ground) -> dict[str, str]:
    """Return the md5 of the members, computed from the content that the sandbox reports."""
    place = ground.user.home / "members"
    if not place.exists():
        place.mkdir()
        for name, size in _MEMBERS.items():
            (place / name).write_bytes(shake_128(f"{_archive(ground)}{name}".encode()).digest(size))
    return {name: md5_of(place / name) for name in _MEMBERS}
