"""The command ps: jobs by owner, site, time and state (wire specification, section 3.5)."""

from __future__ import annotations

import re
from collections.abc import Callable

from aliend.sandbox.protocol.options import option_set
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
"""The short names of states; `ST` means RUNNING in the service too."""
_GROUPS: dict[str, tuple[str, ...]] = {
    "a": job_queue.STATES,
    "r": job_queue.RUNNING,
    "q": job_queue.QUEUED,
    "f": job_queue.FAILED,
    "d": job_queue.DONE,
    "t": job_queue.TERMINAL,
    "s": job_queue.WAITING,
}
_NAMED = {"ERROR_ALL": job_queue.FAILED, "DONE_ANY": job_queue.DONE, "%": job_queue.STATES}
_SHORT = {state: code for code, state in _CODES.items() if code != "ST"}
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
    for job in _selected(call):
        if call.options.has("trace"):
            _show_trace(call, job)
        if call.options.has("jdl"):
            call.out.key("jdl", job.jdl)
            call.out.line(job.jdl)
        _show(call, job)
        call.out.finish_result()
    asked = [number for name in ("trace", "jdl") for number in _numbers(call, name)]
    for number in asked:
        if call.catalogue.jobs.get(number) is None:
            wording = "No trace information for {}" if call.options.has("trace") else "JDL of {} could not be retrieved"
            call.out.fail(61, wording.format(number))


def _numbers(call: Call, *names: str) -> list[int]:
    text = " ".join(call.options.value(name) or "" for name in names)
    return [int(digits) for digits in re.findall(r"\d{1,18}", text)]


def _selected(call: Call) -> list[Job]:
    limit = call.options.integer("l")
    limit = _MOST if limit is None or limit <= 0 else min(limit, _MOST)
    wanted, found = _filters(call), []
    for job in call.catalogue.jobs.newest():
        if all(fits(job) for fits in wanted):
            found.append(job)
            if len(found) == limit:
                break
    found.reverse()
    column = _COLUMNS.get((call.options.value("o") or "queueId").lower())
    return found if column is None else sorted(found, key=lambda job: (str(type(column(job))), column(job)))


def _filters(call: Call) -> list[Callable[[Job], bool]]:
    given, queue, now = call.options, call.catalogue.jobs, call.now
    ids = set(_numbers(call, "j", "trace", "jdl"))
    filters: list[Callable[[Job], bool]] = []
    if ids:
        filters.append(lambda job: job.id in ids)
    elif not given.has("a"):
        owners = _values(call, "u") or [call.principal.name]
        filters.append(lambda job: job.owner in owners or "%" in owners)
    states = _states(call)
    if states is not None and not ids:
        filters.append(lambda job: queue.status(job, now) in states)
    for fits in (_place_filter(call, "s", lambda job: job.site), _place_filter(call, "n", lambda job: job.node)):
        if fits is not None:
            filters.append(fits)
    masters = set(_numbers(call, "m"))
    if masters:
        filters.append(lambda job: job.split in masters)
    if given.has("M"):
        filters.append(lambda job: job.split == 0)
    span = _span(call)
    if span is not None:
        filters.append(lambda job: span[0] <= job.state_since(now) <= span[1])
    return filters


def _place_filter(call: Call, option: str, place: Callable[[Job], str]) -> Callable[[Job], bool] | None:
    words = [word.upper() for word in _values(call, option)]
    return (lambda job: any(word in place(job).upper() for word in words)) if words else None


def _values(call: Call, name: str) -> list[str]:
    return [word for word in re.split(r"[\s,]+", call.options.value(name) or "") if word]


def _span(call: Call) -> tuple[float, float] | None:
    words = _values(call, "t")
    try:
        hours = [float(word) for word in words]
    except ValueError:
        return None
    if not hours:
        return None
    end = call.now - hours[1] * _HOUR if len(hours) > 1 else call.now
    return call.now - hours[0] * _HOUR, end


def _states(call: Call) -> set[str] | None:
    given, chosen = call.options, set[str]()
    if given.has("A"):
        return None
    if given.has("X"):
        chosen |= {*job_queue.RUNNING, *job_queue.WAITING}
    if given.has("W"):
        chosen |= set(job_queue.WAITING)
    if given.has("E"):
        chosen |= set(job_queue.FAILED)
    text = given.value("f") or ""
    if text.startswith("-"):
        for letter in text[1:]:
            chosen |= set(_GROUPS.get(letter, ()))
    else:
        for word in re.split(r"[\s,]+", text.upper()):
            chosen |= set(_NAMED.get(word, ())) | ({_CODES.get(word, word)} if word else set())
    return chosen or None


def _show_trace(call: Call, job: Job) -> None:
    text = "\n".join(job_queue.job_log(job, call.now))
    call.out.key("trace", text)
    call.out.line(text)


def _show(call: Call, job: Job) -> None:
    status, long_form = call.catalogue.jobs.status(job, call.now), call.options.has("L", "F", "Fl", "X")
    call.out.keys(owner=job.owner, id=str(job.id), split=str(job.split), priority="0", status=status, name=job.name)
    if long_form:
        call.out.keys(site=job.site, node=job.node)
    if call.options.has("id"):
        call.out.line(str(job.id))
    elif not call.options.has("trace", "jdl"):
        code = _SHORT.get(status, status)
        place = f" {job.site:<30} {job.node:<30}" if long_form else ""
        call.out.line(f"{job.owner:>10} {job.id:>12} {code:>4}{place}  {job.name}")


COMMANDS = {
    "ps": Command(
        ps,
        "[-F l | -L] [-f <states>] [-u <users>] [-s <sites>] [-n <nodes>] [-m <masters>] [-j <ids>] [-l <count>] ...",
        option_set("Fl L M X A W E a b id q", "F f u s n m j l o t", optional="jdl trace"),
        needs_arguments=False,
    )
}
