"""Commands for computing elements: listCEs, listpartitions, jobListMatch, setCEstatus, packages."""

from __future__ import annotations

from dataclasses import replace

from aliend.sandbox.errors import BadArgumentsError, CommandFailedError
from aliend.sandbox.protocol.options import integer, option_set, yes_or_no
from aliend.sandbox.service import jdl
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.state.computing_sites import PLATFORM, ComputingElement
from aliend.sandbox.state.job_queue import Job

_COLUMNS = "\tStatus\tMax running\t Max queued\t  TTL\t    Type"
_TABS = "\t\t"


def list_elements(call: Call) -> None:
    """List the computing elements; the table's header is in the first message."""
    detailed = call.options.has("v")
    shown = [element for element in call.catalogue.grid.elements() if _is_wanted(call, element)]
    width = max((len(element.name) for element in shown), default=0)
    columns = "\t\t\t\t\t  Host\t\t\tPartitions" if detailed else "\t\tHost"
    call.out.line(f"CE Listing \n{'CE name':>{width}}{_COLUMNS}{columns}")
    for element in shown:
        place = f"{element.host:>40}\t\t{','.join(element.partitions):>8}" if detailed else f"{element.host:>8}"
        call.out.line(f"{_row(element, width)}\t{place}")
        call.out.keys(**_facts(element), partitions=",".join(element.partitions))
        call.out.keys(TTL=element.ttl, type=element.type, host=element.host)
        call.out.finish_result()
    if call.options.has("s") and len(shown) > 1:
        running, queued = sum(each.max_running for each in shown), sum(each.max_queued for each in shown)
        call.out.line(f"\n{f'TOTAL: {len(shown)} CEs':>{width}}\t \t{running:>8}\t{queued:>8}")


def _row(element: ComputingElement, width: int) -> str:
    return (
        f"{element.name:>{width}}\t{element.status}\t\t{element.max_running:>3}\t\t{element.max_queued:>3}"
        f"\t{element.ttl:>3}\t{element.type:>8}"
    )


def _facts(element: ComputingElement) -> dict[str, str]:
    return {
        "ceName": element.name,
        "status": element.status,
        "maxRunning": str(element.max_running),
        "maxQueued": str(element.max_queued),
    }


def _is_wanted(call: Call, element: ComputingElement) -> bool:
    partitions = {name for text in call.options.values.get("p", []) for name in text.split(",")}
    if not partitions <= set(element.partitions):
        return False
    return not call.operands or any(word.upper() in element.name.upper() for word in call.operands)


def list_partitions(call: Call) -> None:
    """List the partitions of computing elements; text only."""
    detailed = call.options.has("v")
    call.out.line(f"Partition listing\n Partition name{f'{_TABS} Member CEs' if detailed else ''}")
    elements = call.catalogue.grid.elements()
    for name in sorted({name for element in elements for name in element.partitions}):
        if call.operands and name not in call.operands:
            continue
        members = [element.name for element in elements if name in element.partitions]
        call.out.line(f"{name:>15}{_TABS + ','.join(members) if detailed else ''}")


def match(call: Call) -> None:
    """List the computing elements that could run a job."""
    number = integer(call.operands[0])
    if number is None:
        raise BadArgumentsError
    job = call.catalogue.jobs.get(number)
    shown = _matching(call, job) if job else []
    width = max((len(element.name) for element in shown), default=0)
    call.out.line(f"CE Listing \n{'CE name':>{width}}{_COLUMNS}\tHost")
    for element in shown:
        call.out.line(f"{_row(element, width)}\t{element.host:>8}")
        call.out.keys(**_facts(element))
        call.out.finish_result()


def _matching(call: Call, job: Job) -> list[ComputingElement]:
    description = jdl.parse(job.jdl)
    needed = description.seconds("TTL", 0)
    names = [text.upper() for text in description.items("CE")]
    return [
        element
        for element in call.catalogue.grid.elements()
        if element.status == "open" and element.max_running and needed <= element.ttl and _is_named(names, element)
    ]


def _is_named(names: list[str], element: ComputingElement) -> bool:
    return not names or element.name.upper() in names


def set_status(call: Call) -> None:
    """Open or lock computing elements (administrators only); failures appear as text."""
    text = call.options.value("status")
    if text is None:
        raise CommandFailedError(22, "You must specify a `-status` parameter to this command")
    status = _status(text)
    if status is None:
        raise CommandFailedError(22, "You have to specify a `-status` option with either `open` or `locked`")
    if not call.operands:
        raise CommandFailedError(22, "The list of given CE names should not be empty")
    if not call.principal.has_role("admin"):
        call.out.line("Users must have the admin role to perform this action")
        return
    words = [word.upper() for word in call.operands]
    changed = [
        element for element in call.catalogue.grid.elements() if any(word in element.name.upper() for word in words)
    ]
    for element in changed:
        call.catalogue.grid.save(replace(element, status=status))
    if changed:
        names = ", ".join(f"'{element.name}'" for element in changed)
        call.out.line(f"Success:  Status {status} correctly set to CEs [{names}]")
    else:
        call.out.line(f"Error:  Could not set status {status} to CEs [{', '.join(call.operands)}]")


def _status(text: str) -> str | None:
    """Return the status that a text means: a part of its name, a longer text, or a word for yes or no."""
    lower = text.lower()
    if "open" in lower or lower in "open" or yes_or_no(text) is True:
        return "open"
    if "locked" in lower or lower in "locked" or yes_or_no(text) is False:
        return "locked"
    return None


def packages(call: Call) -> None:
    """List the software packages of a platform that match one of the filters."""
    platform = "all" if call.options.has("all") else call.options.value("platform") or PLATFORM
    names = [name for name, of in call.catalogue.grid.packages() if platform in ("all", of)]
    for name in dict.fromkeys(names):
        if not call.operands or any(word.lower() in name.lower() for word in call.operands):
            call.out.key("packages", name)
            call.out.line(f" {name}")
            call.out.finish_result()


COMMANDS = {
    "listCEs": Command(
        list_elements,
        "[-s] [-v] [-p <partitions>] [CE name] ...",
        option_set("s v", repeated="p"),
        needs_arguments=False,
        hides_option_errors=True,
    ),
    "listpartitions": Command(
        list_partitions, "[-v] [partition] ...", option_set("v"), needs_arguments=False, hides_option_errors=True
    ),
    "jobListMatch": Command(match, "<job id>"),
    "setCEstatus": Command(
        set_status, "-status open|locked <CE name> ...", option_set("", "status"), hides_option_errors=True
    ),
    "packages": Command(
        packages, "[-platform <platform> | -all] [filter] ...", option_set("all", "platform"), needs_arguments=False
    ),
}
