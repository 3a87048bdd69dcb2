"""Many programs submit at once, repeat each request, and the daemon is killed in between: one request is one job."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import grpc

from aliend.v1 import transfers_pb2, transfers_pb2_grpc
from tests.faults.campaign import Ground, Order, Report, ground, md5
from tests.faults.checker import Promises, check
from tests.faults.load import wait_for

WHAT = "storms of submissions, each said twice, with kills in between"
ROUNDS, SHORT = 20, 4
_PROGRAMS, _REQUESTS = 8, 5


def run(order: Order) -> Report:
    """Cause a storm and a kill in each round; then compare."""
    with ground(order) as place:
        content = place.chance.randbytes(2000)
        (place.user.home / "one").write_bytes(content)
        place.user.must("cp", "file:one", f"{place.folder}one@disk:2")
        promises = Promises({f"{place.folder}one": md5(content)})
        jobs: dict[str, set[int]] = {}
        for number in range(order.rounds):
            _storm(place, number, jobs)
            place.report.faults += 1
        place.user.must("transfers", "list")
        wait_for(place, sorted({job for numbers in jobs.values() for job in numbers}))
        for request, numbers in jobs.items():
            place.must_be(len(numbers) == 1, f"request {request} became the jobs {sorted(numbers)}")
            promises.jobs[min(numbers)] = 1
            promises.local[place.user.home / "storm" / request] = md5(content)
        listed = len(place.user.json("transfers", "list", "--all")["jobs"])
        place.must_be(listed == len(jobs) + 1, f"{len(jobs) + 1} jobs were submitted, {listed} are listed")
        check(place, promises)
        place.report.notes.append(f"{len(jobs)} requests, each acknowledged twice")
        return place.report


def _storm(place: Ground, number: int, jobs: dict[str, set[int]]) -> None:
    """Let every program repeat its requests until each was acknowledged twice, and kill the daemon meanwhile."""
    socket = place.user.json("daemon", "status")["socket"]
    names = [[f"{number}-{program}-{request}" for request in range(_REQUESTS)] for program in range(_PROGRAMS)]
    programs = [threading.Thread(target=_say_twice, args=(place, socket, mine, jobs)) for mine in names]
    for program in programs:
        program.start()
    time.sleep(place.chance.uniform(0.0, 0.1))
    place.user.kill_daemon()
    place.user.must("daemon", "start")
    for program in programs:
        program.join()


def _say_twice(place: Ground, socket: str, requests: list[str], jobs: dict[str, set[int]]) -> None:
    for request in requests:
        heard = 0
        while heard < 2:
            try:
                with grpc.insecure_channel(f"unix:{socket}", options=[("grpc.enable_http_proxy", 0)]) as channel:
                    answer = (
                        transfers_pb2_grpc.TransfersServiceStub(channel)
                        .SubmitJob(_request(place, request), timeout=20)
                        .job
                    )
            except grpc.RpcError:
                time.sleep(0.05)
                continue
            jobs.setdefault(request, set()).add(answer.id)
            heard += 1


def _request(place: Ground, request: str) -> transfers_pb2.SubmitJobRequest:
    target = Path(place.user.home) / "storm" / request
    return transfers_pb2.SubmitJobRequest(
        request_id=request, sources=[f"{place.folder}one"], target=f"file:{target}", umask=0o022
    )
