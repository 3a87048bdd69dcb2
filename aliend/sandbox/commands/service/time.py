"""The command time: another command, several times."""

from __future__ import annotations

import time

from aliend.sandbox.service.call import Call, Command


async def repeat(call: Call) -> None:
    """Run a command a number of times in place; its results add up, and how long it took comes last."""
    words = call.operands
    if len(words) < 2 or not words[0].isdecimal() or not 0 < int(words[0]) <= 1000 or call.execute is None:
        call.out.line(f"usage: time   {_USAGE}")
        return
    count, name, options = int(words[0]), words[1], words[2:]
    begin = time.perf_counter()
    for _ in range(count):
        await call.execute(name, options)
    took = (time.perf_counter() - begin) * 1000
    call.out.line(f"{name}: {took / count:.3f} ms on average, {took:.3f} ms in total ({count} times)")


_USAGE = "<times> <command> [arguments]"

COMMANDS = {"time": Command(repeat, _USAGE, needs_arguments=False)}
