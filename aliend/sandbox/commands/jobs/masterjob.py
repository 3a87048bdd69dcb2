"""The command masterjob: the states of the subjobs of master jobs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aliend.sandbox.errors import BadArgumentsError, BadOptionsError, CommandFailedError
from aliend.sandbox.protocol.options import integer, option_set, parse
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.state.job_queue import FAILED, Job

_INDENT = " " * 16
_OPTIONS = option_set("printid printsite", "status id site")


@dataclass(frozen=True, slots=True)
class _Part:
    id: int
    state: str
    site: str


def masterjob(call: Call) -> None:
    """Print the states of the subjobs of master jobs; text only."""
    try:
        call.options = parse(call.operands, _OPTIONS)
    except BadOptionsError as error:
        raise BadArgumentsError from error
    masters = _masters(call)
    parts: list[_Part] = []
    for number in masters:
        job = call.catalogue.jobs.get(number)
        if job is None:
            call.out.warn(f"Could not load the details of {number}\n")
            continue
        call.out.line(f"Job {number} is in status: {call.catalogue.jobs.status(job, call.now)}")
        parts += _parts(call, number)
    if parts:
        call.out.line("Subjobs aggregated by state:")
        _aggregate(call, parts)
        among = f" in {len(masters)} masterjobs" if len(masters) > 1 else ""
        call.out.line(f"\nIn total, there are {len(parts)} subjobs{among}")


def _masters(call: Call) -> list[int]:
    words = [word for operand in call.operands for word in re.split(r"[,; \r\n\t]+", operand) if word]
    numbers = []
    for word in words:
        number = integer(word)
        if number is None:
            raise CommandFailedError(22, f"Incorrect job ID specification: {word}")
        numbers.append(number)
    if not numbers:
        raise BadArgumentsError
    return numbers


def _parts(call: Call, master: int) -> list[_Part]:
    jobs = call.catalogue.jobs
    found = [(part, jobs.status(part, call.now)) for part in jobs.parts(master)]
    return [
        _Part(part.id, state, part.site) for part, state in found if state != "KILLED" and _is_chosen(call, part, state)
    ]


def _is_chosen(call: Call, part: Job, state: str) -> bool:
    wanted = {name: call.options.value(name) for name in ("status", "id", "site")}
    has = {"status": state, "id": str(part.id), "site": part.site.upper()}
    if state in FAILED and "ERROR_ALL" in (wanted["status"] or "").split(","):
        wanted["status"] = None
    return all(value is None or has[name] in value.upper().split(",") for name, value in wanted.items())


def _aggregate(call: Call, parts: list[_Part]) -> None:
    by_site = call.options.has("printsite")
    states = dict.fromkeys(part.state for part in parts)
    for site in dict.fromkeys(part.site for part in parts) if by_site else [None]:
        for state in states:
            ids = [part.id for part in parts if part.state == state and site in (None, part.site)]
            place = f" ({site})" if by_site else ""
            listed = f" (ids: {','.join(map(str, ids))})" if call.options.has("printid") else ""
            if ids:
                call.out.line(f"{_INDENT}Subjobs in {state}{place}: {len(ids)}{listed}")


COMMANDS = {
    "masterjob": Command(
        masterjob, "<job id> ... [-status <states>] [-id <ids>] [-site <sites>] [-printid] [-printsite]"
    ),
}
