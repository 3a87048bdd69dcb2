"""The command ps: jobs by owner, site, time and state (wire specification, section 3.5)."""

from __future__ import annotations

from collections.abc import Callable

from aliend.sandbox.errors import CommandFailedError
from aliend.sandbox.protocol.options import integer, option_set
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.state import job_queue
from aliend.sandbox.state.job_queue import Job

_MOST = 50_000
_HOUR = 3_600_000
_CODE_TEXT = (
    "K=KILLED R=RUNNING ST=RUNNING D=DONE DW=DONE_WARN W=WAITING I=INSERTING S=SPLIT SP=SPLITTING SV=SAVING "
    "SVD=SAVED ASG=ASSIGNED M=MERGING SW=SAVED_WARN EA=ERROR_A EE=ERROR_E EI=ERROR_I EIB=ERROR_IB ES=ERROR_S "
    "ESV=ERROR_SV EV=ERROR_V EVN=ERROR_VN EVT=ERROR_VT ESP=ERROR_SPLT EW=ERROR_W EVE=ERROR_VER Z=ZOMBIE "
    "XP=EXPIRED EEW=ERROR_EW UP=UPDATING F=FAULTY INC=INCORRECT"
)
_CODES = dict(pair.split("=") for pair in _CODE_TEXT.split())
"""The short names of states; as a filter `ST` means RUNNING in the service too."""
_GROUPS: dict[str, tuple[str, ...]] = {
    "r": job_queue.RUNNING,
    "q": job_queue.QUEUED,
    "f": job_queue.FAILED,
    "d": job_queue.DONE,
    "t": job_queue.TERMINAL,
    "s": job_queue.WAITING,
}
_NAMED = {"ERROR_ALL": job_queue.FAILED, "ERROR_ANY": job_queue.FAILED, "DONE_ANY": job_queue.DONE}
_SHORT = {state: code for code, state in _CODES.items() if code != "ST"} | {"STARTED": "ST"}
_COLUMNS: dict[str, Callable[[Job], object]] = {
    "queueid": lambda job: job.id,
    "owner": lambda job: job.owner,
    "user": lambda job: job.owner,
    "name": lambda job: job.name,
    "split": lambda job: job.split,
    "site": lambda job: job.site,
    "node": lambda job: job.node,
}


def ps(call: Call) -> None:
    """List the user's jobs, or with options those of other users."""
    given = call.options
    limit, ids, span = given.integer("l", 32), _ids(call), _span(call)
    for name, what in (("jdl", "JDL"), ("trace", "trace")):
        if given.has(name) and given.value(name) is None and not ids:
            call.out.fail(22, f"No job IDs to get the {what} for")
    for job in _selected(call, ids, span, _MOST if limit is None or limit <= 0 else min(limit, _MOST)):
        _show(call, job)
        call.out.finish_result()


def _ids(call: Call) -> set[int]:
    """Return the ids of the jobs that the options name."""
    given, ids = call.options, set(_numbers(call, "j"))
    for name in ("jdl", "trace"):
        number = given.integer(name)
        ids = ids if number is None else {number}
    return ids


def _numbers(call: Call, name: str) -> list[int]:
    numbers = [integer(word) for word in (call.options.value(name) or "").split(",")]
    return [number for number in numbers if number is not None]


def _selected(call: Call, ids: set[int], span: tuple[int, int] | None, limit: int) -> list[Job]:
    wanted, found = _filters(call, ids, span), []
    for job in call.catalogue.jobs.newest():
        if all(fits(job) for fits in wanted):
            found.append(job)
            if len(found) == limit:
                break
    found.reverse()
    column = _COLUMNS.get((call.options.value("o") or "queueId").lower())
    return found if column is None else sorted(found, key=lambda job: (str(type(column(job))), column(job)))


def _filters(call: Call, ids: set[int], span: tuple[int, int] | None) -> list[Callable[[Job], bool]]:
    given, queue, now = call.options, call.catalogue.jobs, call.now
    filters: list[Callable[[Job], bool]] = []
    if ids and 0 not in ids:
        filters.append(lambda job: job.id in ids)
    owners = _owners(call)
    if not ids and "%" not in owners:
        filters.append(lambda job: job.owner in owners)
    states = _states(call)
    if states is not None and not ids:
        filters.append(lambda job: queue.status(job, now) in states)
    for fits in (_place_filter(call, "s", lambda job: job.site), _place_filter(call, "n", lambda job: job.node)):
        if fits is not None:
            filters.append(fits)
    masters = {0} if given.has("M") else set(_numbers(call, "m"))
    if masters:
        filters.append(lambda job: job.split == 0 if 0 in masters else job.split in masters)
    if span is not None:
        filters.append(lambda job: now - span[0] * _HOUR <= job.state_since(now) <= now - span[1] * _HOUR)
    return filters


def _owners(call: Call) -> set[str]:
    given = call.options
    if given.has("a"):
        return {"%"}
    own = given.has("E", "W", "A") or not given.has("u")
    return {*_values(call, "u"), *([call.principal.name] if own else [])}


def _place_filter(call: Call, option: str, place: Callable[[Job], str]) -> Callable[[Job], bool] | None:
    words = [word.upper() for word in _values(call, option)]
    return (lambda job: any(word in place(job).upper() for word in words)) if words else None


def _values(call: Call, name: str) -> list[str]:
    return [word for word in (call.options.value(name) or "").split(",") if word]


def _span(call: Call) -> tuple[int, int] | None:
    """Return the option `-t` as hours before now, the longer first. Raises CommandFailedError."""
    text = call.options.value("t")
    if text is None:
        return None
    words = _values(call, "t")
    if len(words) not in (1, 2):
        raise CommandFailedError(22, f"Invalid number of arguments for time interval{text}")
    start, end = integer(words[0], 32), integer(words[1], 32) if len(words) == 2 else 0
    if end is None:
        raise CommandFailedError(22, "Invalid argument provided for the end time. End time should be a number.")
    if start is None:
        raise CommandFailedError(22, "Invalid argument provided as the start time. Start time should be a number.")
    if start < 0 or end < 0:
        raise CommandFailedError(22, f"Invalid argument for time interval{text}")
    return max(start, end), min(start, end)


def _states(call: Call) -> set[str] | None:
    """Return the wanted states, or None for all; `-f` replaces what other options choose."""
    given, chosen = call.options, set[str]()
    if given.has("A"):
        return None
    if given.value("f") is not None:
        return _listed_states(given.value("f") or "")
    if given.has("X"):
        chosen |= {*job_queue.RUNNING, *job_queue.WAITING}
    elif given.has("s", "n", "m"):
        return None
    if given.has("W"):
        chosen |= set(job_queue.WAITING)
    if given.has("E"):
        chosen |= set(job_queue.FAILED)
    return chosen or None


def _listed_states(text: str) -> set[str] | None:
    chosen: set[str] = set()
    if text.startswith("-"):
        if text == "-" or "a" in text:
            return None
        for letter in text[1:]:
            chosen |= set(_GROUPS.get(letter, ()))
        return chosen or None
    for word in filter(None, text.upper().split(",")):
        if word in ("%", "ANY"):
            return None
        state = word if word in job_queue.STATES else _CODES.get(word)
        chosen |= set(_NAMED.get(word, ())) | ({state} if state else set())
    return chosen or None


def _show(call: Call, job: Job) -> None:
    out, given = call.out, call.options
    status, long_form = call.catalogue.jobs.status(job, call.now), given.has("L", "Fl", "X") or given.value("F") == "l"
    out.keys(owner=job.owner, id=str(job.id), split=str(job.split), priority="0", status=status, name=job.name)
    if given.has("trace", "jdl"):
        _show_texts(call, job)
    elif given.has("id"):
        out.line(str(job.id))
    else:
        priority = f"{0:>3}" if status in ("INSERTING", "WAITING") else "___"
        code = _SHORT.get(status, "")
        if long_form:
            out.keys(site=job.site, node=job.node)
            place = f"{job.site:>38}  {job.node:>40}"
            out.line(f"{job.owner:>10}    {job.id:>10}  {priority}  {place}  {code:>3}  {job.name:>30}")
        else:
            out.line(f"{job.owner:>10} {job.id:>10}  {priority}  {code:>3}  {job.name:>32}")


def _show_texts(call: Call, job: Job) -> None:
    texts = {"trace": "\n".join(job_queue.job_log(job, call.now)), "jdl": job.jdl}
    for name, text in texts.items():
        if call.options.has(name):
            call.out.line(text)
            call.out.key(name, text)


COMMANDS = {
    "ps": Command(
        ps,
        "[-F l | -L] [-f <states>] [-u <users>] [-s <sites>] [-n <nodes>] [-m <masters>] [-j <ids>] [-l <count>] ...",
        option_set("Fl L M X A W E a b id", "F f u s n m j l o", optional="q t", optional_numbers="jdl trace"),
        needs_arguments=False,
    )
}
