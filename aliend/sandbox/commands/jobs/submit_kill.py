"""Commands that act on jobs: submit, kill, resubmit, masterjob, registerOutput."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from aliend.sandbox.commands.catalogue.cat_grep import CAT_OPTIONS
from aliend.sandbox.errors import BadArgumentsError, BadOptionsError, CommandFailedError
from aliend.sandbox.protocol.options import option_set, parse
from aliend.sandbox.service import background_work, contents, jdl, job_splitting
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.service.jdl import BadDescriptionError
from aliend.sandbox.state.job_queue import DONE, FAILED, Job, WorkerNode

_OUTPUT_LIFE = 14 * 86_400_000
_INDENT = " " * 16


def submit(call: Call) -> None:
    """Queue a job, or a master job with its subjobs; the description is a file or text."""
    if not call.operands:
        raise BadArgumentsError
    first, *arguments = call.operands
    inline = "=" in first
    text = first if inline else _read_description(call, first)
    if inline:
        call.out.line("Submitting the content that you passed to the command")
    title = "your job" if inline else first
    try:
        text = jdl.substitute(text, arguments)
    except BadDescriptionError as error:
        raise CommandFailedError(22, f"Passing arguments to {title} failed:\n  {error}") from error
    try:
        number = _insert(call, jdl.parse(text))
    except BadDescriptionError as error:
        raise CommandFailedError(121, f"Task queue rejected {title} due to:\n  {error}") from error
    call.out.line(f"Your new job ID is {number}")
    call.out.key("jobId", str(number))


def _read_description(call: Call, operand: str) -> str:
    call.out.line(f"Submitting {operand}")
    try:
        return contents.read(call, operand).decode("utf-8", "replace")
    except contents.UnreadableError as error:
        raise CommandFailedError(121, f"Not able to get the file {operand}") from error


def _insert(call: Call, description: jdl.Description) -> int:
    jobs, owner = call.catalogue.jobs, call.principal.name
    plan, parts = job_splitting.plan_jobs(description, owner)
    plans = [job_splitting.plan_part(part, owner, 0) for part in parts]
    _check_quota(call, max(1, len(plans)))
    number = jobs.insert(plan, WorkerNode("", ""), call.now) if parts else 0
    for index, part in enumerate(parts or [description]):
        made = job_splitting.plan_part(part, owner, number)
        found = jobs.insert(made, _spot(call, index), call.now)
        number = number or found
    return number


def _check_quota(call: Call, count: int) -> None:
    quota = call.catalogue.grid.quota(call.principal.name)
    running, waiting = call.catalogue.jobs.count_by_owner(call.now).get(call.principal.name, (0, 0))
    if quota is not None and running + waiting + count > quota.unfinished:
        raise BadDescriptionError(
            f"{call.principal.name} may have {quota.unfinished} unfinished jobs, and has {running + waiting}"
        )


def _spot(call: Call, index: int) -> WorkerNode:
    open_elements = [element for element in call.catalogue.grid.elements() if element.status == "open"]
    if not open_elements:
        return WorkerNode("", "")
    element = open_elements[index % len(open_elements)]
    return WorkerNode(element.name, element.host)


def _numbers(words: Sequence[str]) -> Iterator[int]:
    for digits in re.findall(r"\d{1,18}", " ".join(words)):
        yield int(digits)


def kill(call: Call) -> None:
    """Kill jobs, with the subjobs of master jobs; ignore unknown ids."""
    for number in _numbers(call.operands):
        job = call.catalogue.jobs.get(number)
        if job is None:
            continue
        status = _kill(call, job)
        wording = {"killed": "was killed", "not_allowed": "is not yours to kill"}.get(status, "could not be killed")
        call.out.line(f"Job {number} {wording}")
        call.out.keys(jobid=str(number), status=status)
        call.out.finish_result()
        if status == "failed_to_kill":
            call.out.fail(121, f"Failed to kill job {number}")


def _kill(call: Call, job: Job) -> str:
    if not call.principal.can_become(job.owner):
        return "not_allowed"
    if call.catalogue.jobs.status(job, call.now) == "KILLED":
        return "failed_to_kill"
    call.catalogue.jobs.kill(job, call.now)
    return "killed"


def resubmit(call: Call) -> None:
    """Restart jobs that have ended; of a master job, the failed subjobs."""
    for word in call.operands:
        job = call.catalogue.jobs.get(int(word)) if word.isdecimal() and len(word) < 19 else None
        if job is None:
            call.out.fail(121, f"Problem with the resubmit request of job ID {word}")
            continue
        problem = _resubmit(call, job)
        if problem is None:
            call.out.line(f"Job {job.id} was resubmitted")
        else:
            call.out.fail_with(*problem)


def _resubmit(call: Call, job: Job) -> tuple[int, str] | None:
    jobs, now = call.catalogue.jobs, call.now
    if not call.principal.can_become(job.owner):
        return 1, f"Job {job.id} is not yours"
    if job.is_master:
        failed = [part for part in jobs.parts(job.id) if jobs.status(part, now) in (*FAILED, "KILLED")]
        if not failed and jobs.status(job, now) != "KILLED":
            return 77, f"Masterjob {job.id} is not in an error state"
        for each in (job, *failed):
            jobs.restart(each, now)
        return None
    if jobs.status(job, now) not in (*FAILED, *DONE, "KILLED"):
        return 11, f"Job {job.id} has not ended yet"
    quota = call.catalogue.grid.quota(job.owner)
    if quota is not None and sum(jobs.count_by_owner(now).get(job.owner, (0, 0))) >= quota.unfinished:
        return 122, f"{job.owner} may not have more unfinished jobs"
    jobs.restart(job, now)
    return None


_MASTERJOB_OPTIONS = option_set("printid printsite", "status id site")


def masterjob(call: Call) -> None:
    """Print the states of the subjobs of master jobs; text only."""
    try:
        call.options = parse(call.operands, _MASTERJOB_OPTIONS)
    except BadOptionsError as error:
        raise BadArgumentsError from error
    masters = list(_numbers(call.operands))
    if not masters:
        raise BadArgumentsError
    total = shown = 0
    for number in masters:
        job = call.catalogue.jobs.get(number)
        if job is None:
            call.out.warn(f"Could not load the details of {number}\n")
            continue
        shown += 1
        call.out.line(f"Job {number} is in status: {call.catalogue.jobs.status(job, call.now)}")
        total += _aggregate(call, number)
    if shown:
        call.out.text(f"In total, there are {total} subjobs")
        call.out.line(f" in {shown} masterjobs" if shown > 1 else "")


def _aggregate(call: Call, master: int) -> int:
    jobs, chosen = call.catalogue.jobs, defaultdict(list)
    for part in jobs.parts(master):
        state = jobs.status(part, call.now)
        if state != "KILLED" and _is_chosen(call, part, state):
            chosen[state, part.site if call.options.has("printsite") else ""].append(part.id)
    call.out.line("Subjobs aggregated by state:")
    counts: Counter[str] = Counter()
    for (state, site), numbers in sorted(chosen.items()):
        place = f" ({site})" if site else ""
        listed = f" (ids: {','.join(map(str, numbers))})" if call.options.has("printid") else ""
        call.out.line(f"{_INDENT}Subjobs in {state}{place}: {len(numbers)}{listed}")
        counts[state] += len(numbers)
    return sum(counts.values())


def _is_chosen(call: Call, part: Job, state: str) -> bool:
    wanted = {name: call.options.value(name) for name in ("status", "id", "site")}
    has = {"status": state, "id": str(part.id), "site": part.site.upper()}
    return all(value is None or has[name] in value.upper().split(",") for name, value in wanted.items())


def register_output(call: Call) -> None:
    """Register the output of a failed job for two weeks."""
    word = call.operands[0]
    if not word.isdecimal():
        raise CommandFailedError(22, f"Not a job ID: {word}")
    job = call.catalogue.jobs.get(int(word)) if len(word) < 19 else None
    if job is None:
        raise CommandFailedError(3, f"There is no job {word}")
    if not call.principal.can_become(job.owner):
        raise CommandFailedError(1, f"Job {word} is not yours")
    state = call.catalogue.jobs.status(job, call.now)
    if state not in ("ERROR_V", "ERROR_E"):
        raise CommandFailedError(22, f"Job {word} is in status {state}, not in ERROR_V or ERROR_E")
    made = [] if job.has_output else background_work.create_output_files(call.service, job, call.now + _OUTPUT_LIFE)
    if not made:
        raise CommandFailedError(61, f"Job {word} has no output to register")
    call.catalogue.jobs.mark_output_created(job)
    call.out.line("\n".join(made))


COMMANDS = {
    "submit": Command(submit, "<JDL file | JDL text> [arguments]", CAT_OPTIONS),
    "kill": Command(kill, "<job id> ..."),
    "resubmit": Command(resubmit, "<job id> ..."),
    "masterjob": Command(
        masterjob, "<job id> ... [-status <states>] [-id <ids>] [-site <sites>] [-printid] [-printsite]"
    ),
    "registerOutput": Command(register_output, "<job id>"),
}
