"""A daemon that kills itself at a chosen point: `python -P crashing_daemon.py POINT [ARGUMENTS of aliend]`.

POINT is JSON: `where` (`module:function` or `module:Class.method`), `when` (`before` or `after`), `call` (which call,
from 1, counted in each process), `about` (only calls with that text in their arguments count), `inside` (`daemon`, or
`worker`: one of its workers, which kills the daemon and itself). The product does not know about this: the function is
replaced here, and then the real programs run.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import inspect
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from aliend.storage.pool.worker_environment import isolated


def found(where: str) -> tuple[Any, str, Callable[..., Any]]:
    """Return the owner of the function, its name there, and the function.

    Raises AttributeError if it does not exist.
    """
    module, _, path = where.partition(":")
    *above, name = path.split(".")
    owner = functools.reduce(getattr, above, importlib.import_module(module))
    return owner, name, getattr(owner, name)


def arm(point: dict[str, Any]) -> None:
    """Replace the function of a point by one that dies there."""
    owner, name, function = found(point["where"])
    calls, is_before = 0, point["when"] == "before"

    def is_due(*arguments: object) -> bool:
        nonlocal calls
        calls += point["about"] in repr(arguments)
        return calls == point["call"] and point["about"] in repr(arguments)

    async def later(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the function takes and gives
        due = is_due(arguments, named)
        if due and is_before:
            _die(point["inside"])
        result = await function(*arguments, **named)
        if due:
            _die(point["inside"])
        return result

    def now(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        due = is_due(arguments, named)
        if due and is_before:
            _die(point["inside"])
        result = function(*arguments, **named)
        if due:
            _die(point["inside"])
        return result

    setattr(owner, name, functools.wraps(function)(later if inspect.iscoroutinefunction(function) else now))


def _die(inside: str) -> None:
    if inside == "worker":
        os.kill(os.getppid(), 9)
    os.kill(os.getpid(), 9)


def _arm_workers(text: str) -> None:
    """Copying processes are started by way of this program too."""
    start, worker = asyncio.create_subprocess_exec, isolated("aliend.storage.worker")

    def started(*words: Any, **options: Any) -> Awaitable[asyncio.subprocess.Process]:  # noqa: ANN401
        if words[: len(worker)] == worker:
            words = (words[0], "-P", __file__, text, "worker", *words[len(worker) :])
        return start(*words, **options)

    asyncio.create_subprocess_exec = started  # type: ignore[assignment]


def main() -> int:
    """Arm the point, then run what was asked for."""
    text, *words = sys.argv[1:]
    point = json.loads(text)
    sys.argv = [sys.argv[0], *words[1:]]
    if words[:1] == ["worker"]:
        from aliend.storage.worker import __main__ as worker

        arm(point)
        worker.main()
        return 0
    if point["inside"] == "worker":
        _arm_workers(text)
    else:
        arm(point)
    from aliend import __main__

    return __main__.main(words)


if __name__ == "__main__":
    sys.exit(main())
