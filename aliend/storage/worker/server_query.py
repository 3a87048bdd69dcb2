"""Queries a storage server: ping, configuration, statistics, stat of a path."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aliend.storage.errors import redact
from aliend.storage.io.completion_queue import CompletionQueue
from aliend.storage.io.task_context import TaskContext
from aliend.storage.io.xrootd_client import (
    QUERY_CONFIG,
    QUERY_STATS,
    Callback,
    RemoteSystem,
    StatInfo,
    Status,
    new_system,
)
from aliend.storage.tasks import Probe, Probed

_NO_ANSWER = Probed(ok=False, error=True, fatal=False, status=1, code=206, errno=0, message="", shellcode=52)
"""The status of XRootD's client for a request that timed out (XrdClStatus.hh, errOperationExpired)."""

_SLACK = 2.0
"""Seconds by which the library may report a timeout late."""


def probe(task: Probe, context: TaskContext) -> Probed:
    """Query the server. A refusal or a timeout is a result too."""
    system = new_system(f"{task.server}//")
    milliseconds: list[float] = []
    result = _NO_ANSWER
    for _ in range(task.count):
        began = time.monotonic()
        result, response = _query(task, system, context.completions)
        if result.ok:
            milliseconds.append((time.monotonic() - began) * 1000)
            result = _with_response(result, response)
    return replace(result, milliseconds=tuple(milliseconds))


def _query(task: Probe, system: RemoteSystem, completions: CompletionQueue) -> tuple[Probed, Any]:
    answers: list[tuple[Status, Any]] = []
    started = _start(task, system)(completions.callback(lambda status, response: answers.append((status, response))))
    if not started["ok"]:
        return _probed(started), None
    until = time.monotonic() + task.limit + _SLACK
    while not answers:
        if not completions.process(until - time.monotonic()) and not answers:
            return replace(_NO_ANSWER, message=f"{task.server} did not answer within {task.limit:g} s"), None
    return _probed(answers[0][0]), answers[0][1]


def _start(task: Probe, system: RemoteSystem) -> Callable[[Callback], Status]:
    limit = max(1, round(task.limit))
    match task.what:
        case "ping":
            return lambda callback: system.ping(limit, callback=callback)
        case "config":
            return lambda callback: system.query(QUERY_CONFIG, task.argument, limit, callback=callback)
        case "stats":
            return lambda callback: system.query(QUERY_STATS, task.argument, limit, callback=callback)
        case "stat":
            return lambda callback: system.stat(task.argument, limit, callback=callback)


def _probed(status: Status) -> Probed:
    return Probed(
        ok=bool(status["ok"]),
        error=bool(status["error"]),
        fatal=bool(status["fatal"]),
        status=int(status["status"]),
        code=int(status["code"]),
        errno=int(status["errno"]),
        message=redact(" ".join(status["message"].split())),
        shellcode=int(status["shellcode"]),
    )


def _with_response(result: Probed, response: bytes | StatInfo | None) -> Probed:
    if response is None:
        return result
    if isinstance(response, bytes):
        return replace(result, text=response.rstrip(b"\0").decode("utf-8", "replace"))
    return replace(result, size=int(response["size"]), flags=int(response["flags"]), modified=int(response["modtime"]))
