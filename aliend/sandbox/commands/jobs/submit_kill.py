"""Commands that act on jobs: submit, kill, resubmit, registerOutput."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aliend.sandbox.commands.catalogue.cat_grep import CAT_OPTIONS
from aliend.sandbox.errors import BadArgumentsError, CommandFailedError
from aliend.sandbox.protocol.options import integer
from aliend.sandbox.service import background_work, contents, jdl, job_checks, job_splitting
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.service.jdl import BadDescriptionError
from aliend.sandbox.state.job_queue import FAILED, Job, WorkerNode

_OUTPUT_LIFE = 14 * 86_400_000


def submit(call: Call) -> None:
    """Queue a job, or a master job with its subjobs; the description is a file or text."""
    words = [*call.operands, *(f"-{name}" for name in call.options.values)]
    if not words:
        raise BadArgumentsError
    first, *arguments = words
    path = None if "=" in first else call.resolve(first)
    if path is None:
        call.out.line("Submitting the content that you passed to the command")
    text = first if path is None else _read_description(call, path)
    title = "your job" if path is None else path
    try:
        description = jdl.parse(jdl.substitute(text, arguments))
    except BadDescriptionError as error:
        raise CommandFailedError(22, f"Passing arguments to {title} failed:\n  {error}") from error
    try:
        job_checks.check(call, description, path)
        number = _insert(call, description)
    except BadDescriptionError as error:
        raise CommandFailedError(121, f"Task queue rejected {title} due to:\n  {error}") from error
    call.out.line(f"Your new job ID is {number}")
    call.out.key("jobId", str(number))


def _read_description(call: Call, path: str) -> str:
    call.out.line(f"Submitting {path}")
    try:
        return contents.read(call, path).decode("utf-8", "replace")
    except contents.UnreadableError as error:
        raise CommandFailedError(121, f"Not able to get the file {path}") from error


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


def _numbers(words: Sequence[str]) -> list[int]:
    """Return the numbers in the operands; other characters separate them. Raises CommandFailedError 22."""
    found = []
    for digits in re.findall(r"[0-9]+", " ".join(words)):
        number = integer(digits)
        if number is None:
            raise CommandFailedError(22, f"Invalid job ID: {digits}")
        found.append(number)
    return found


def kill(call: Call) -> None:
    """Kill jobs, with the subjobs of master jobs; ignore unknown ids."""
    for number in _numbers(call.operands):
        job = call.catalogue.jobs.get(number)
        if job is None:
            continue
        status = _kill(call, job)
        call.out.keys(jobid=str(number), status=status)
        call.out.line(_KILL_TEXTS[status].format(number))
        call.out.finish_result()
        if status == "failed_to_kill":
            call.out.fail(121, f"Could not kill the job with id: [{number}]")


_KILL_TEXTS = {
    "killed": "Killed: {}",
    "failed_to_kill": "Could not kill: {}",
    "not_allowed": "You are not allowed to kill {}",
}


def _kill(call: Call, job: Job) -> str:
    if not call.principal.can_become(job.owner):
        return "not_allowed"
    if call.catalogue.jobs.status(job, call.now) == "KILLED":
        return "failed_to_kill"
    call.catalogue.jobs.kill(job, call.now)
    return "killed"


def resubmit(call: Call) -> None:
    """Restart jobs; of a master job, the failed subjobs."""
    for number in _numbers(call.operands):
        job = call.catalogue.jobs.get(number)
        if job is None:
            call.out.fail(121, f"Problem with the resubmit request of job ID {number}")
            continue
        problem = _resubmit(call, job)
        if problem is None:
            call.out.line(f"Resubmit: back to WAITING: {job.id}")
        else:
            call.out.fail_with(*problem)


def _resubmit(call: Call, job: Job) -> tuple[int, str] | None:
    jobs, now = call.catalogue.jobs, call.now
    if not call.principal.can_become(job.owner):
        return 1, f"Resubmit: not authorized for : {job.id}"
    if job.is_master:
        state = jobs.status(job, now)
        failed = [part for part in jobs.parts(job.id) if jobs.status(part, now) in (*FAILED, "KILLED")]
        if not failed and state != "KILLED":
            reason = "masterjob is not in an error state itself, will not split it again"
            return 77, f"Resubmit: {reason}: {job.id} / {state}"
        for each in (job, *failed):
            jobs.restart(each, now)
        return None
    quota = call.catalogue.grid.quota(job.owner)
    if quota is not None and sum(jobs.count_by_owner(now).get(job.owner, (0, 0))) >= quota.unfinished:
        return 122, f"Resubmit: job quota problem: {job.owner} may not have more unfinished jobs"
    jobs.restart(job, now)
    return None


def register_output(call: Call) -> None:
    """Register the output of a failed job for two weeks; of several ids, the last one counts."""
    number = -1
    for word in call.operands:
        parsed = integer(word)
        if parsed is None:
            raise CommandFailedError(22, f"Invalid job ID: {word}")
        number = parsed
    if number < 0:
        return
    job = call.catalogue.jobs.get(number)
    if job is None:
        raise CommandFailedError(3, f"Job ID {number} was not found in the task queue")
    state = call.catalogue.jobs.status(job, call.now)
    if job.is_master:
        raise CommandFailedError(
            22, f"Job ID {number} is a masterjob, you can only register the output of a failed (sub)job"
        )
    if state not in ("ERROR_V", "ERROR_E"):
        rule = "You can only register ERROR_V jobs (or ERROR_E when OutputErrorE exists)."
        raise CommandFailedError(22, f"Job ID {number} is in state {state}. {rule}")
    if not call.principal.can_become(job.owner):
        raise CommandFailedError(1, f"You ({call.principal.name}) are not allowed to work on {job.owner}'s jobs")
    made = [] if job.has_output else background_work.create_output_files(call.service, job, call.now + _OUTPUT_LIFE)
    if not made:
        raise CommandFailedError(61, f"No files have been commited to the catalogue for job ID {number}")
    call.catalogue.jobs.mark_output_created(job)
    for lfn in made:
        call.out.line(f"  {lfn}")


COMMANDS = {
    "submit": Command(submit, "<JDL file | JDL text> [arguments]", CAT_OPTIONS),
    "kill": Command(kill, "<job id> ..."),
    "resubmit": Command(resubmit, "<job id> ..."),
    "registerOutput": Command(register_output, "<job id>"),
}
