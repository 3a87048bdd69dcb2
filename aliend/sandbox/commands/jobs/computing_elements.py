"""Commands for computing elements: listCEs, listpartitions, jobListMatch, setCEstatus, packages."""

from __future__ import annotations

from dataclasses import replace

from aliend.sandbox.errors import BadArgumentsError, BadOptionsError, CommandFailedError
from aliend.sandbox.protocol.options import option_set
from aliend.sandbox.service import jdl
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.state.computing_sites import ComputingElement

_COLUMNS = "\tStatus\tMax running\t Max queued\t  TTL\t    Type\t\tHost\n"
_STATES = ("open", "locked")


def list_elements(call: Call) -> None:
    """List the computing elements; the table's header is in the first message."""
    shown = [element for element in call.catalogue.grid.elements() if _is_wanted(call, element)]
    width = max((len(element.name) for element in shown), default=0)
    kind = max((len(element.type) for element in shown), default=0)
    call.out.text(f"CE Listing \n{'CE name':>{width}}{_COLUMNS}")
    for element in shown:
        partitions = f"\t{','.join(element.partitions)}" if call.options.has("v") else ""
        call.out.line(
            f"{element.name:>{width}}\t{element.status}\t\t{element.max_running:>3}\t\t{element.max_queued:>3}"
            f"\t{element.ttl:>5}\t{element.type:>{kind}}\t{element.host:>8}{partitions}"
        )
        call.out.keys(**_facts(element), partitions=",".join(element.partitions))
        call.out.keys(TTL=element.ttl, type=element.type, host=element.host)
        call.out.finish_result()
    if call.options.has("s"):
        running, queued = sum(each.max_running for each in shown), sum(each.max_queued for each in shown)
        call.out.line(f"{'TOTAL':>{width}}\t    \t\t{running:>3}\t\t{queued:>3}")


def _facts(element: ComputingElement) -> dict[str, str]:
    return {
        "ceName": element.name,
        "status": element.status,
        "maxRunning": str(element.max_running),
        "maxQueued": str(element.max_queued),
    }


def _is_wanted(call: Call, element: ComputingElement) -> bool:
    partitions = {name for text in call.options.values.get("p", []) for name in text.split(",")}
    if partitions and partitions.isdisjoint(element.partitions):
        return False
    return not call.operands or any(word.upper() in element.name.upper() for word in call.operands)


def list_partitions(call: Call) -> None:
    """List the partitions of computing elements; text only."""
    call.out.line("Partition listing\n Partition name")
    elements = call.catalogue.grid.elements()
    for name in sorted({name for element in elements for name in element.partitions}):
        if call.operands and name not in call.operands:
            continue
        members = [element.name for element in elements if name in element.partitions]
        call.out.line(f"{name:>15}{'  ' + ' '.join(members) if call.options.has('v') else ''}")


def match(call: Call) -> None:
    """List the computing elements that could run a job."""
    word = call.operands[0]
    job = call.catalogue.jobs.get(int(word)) if word.isdecimal() and len(word) < 19 else None
    if job is None:
        raise CommandFailedError(3, f"There is no job {word}")
    description = jdl.parse(job.jdl)
    needed = description.seconds("TTL", 0)
    names = [text.upper() for text in description.items("CE")]
    for element in call.catalogue.grid.elements():
        if element.status == "open" and element.max_running and needed <= element.ttl and _is_named(names, element):
            call.out.line(f"{element.name}\t{element.status}\t{element.max_running}\t{element.max_queued}")
            call.out.keys(**_facts(element))
            call.out.finish_result()


def _is_named(names: list[str], element: ComputingElement) -> bool:
    return not names or element.name.upper() in names


def set_status(call: Call) -> None:
    """Open or lock computing elements (administrators only); failures appear as text."""
    status = call.options.value("status")
    if status not in _STATES:
        raise BadOptionsError(f"{status} is not a status")
    if not call.operands:
        raise BadArgumentsError
    by_name = {element.name.upper(): element for element in call.catalogue.grid.elements()}
    for word in call.operands:
        element = by_name.get(word.upper())
        if not call.principal.has_role("admin"):
            call.out.line(f"Only administrators may change the status of {word}")
        elif element is None:
            call.out.line(f"There is no CE {word}")
        else:
            call.catalogue.grid.save(replace(element, status=status))
            call.out.line(f"{element.name} is {status} now")


def packages(call: Call) -> None:
    """List the software packages for jobs."""
    platform = call.options.value("platform")
    matching = [
        name
        for name, of in call.catalogue.grid.packages()
        if platform in (None, of) and all(word.lower() in name.lower() for word in call.operands)
    ]
    if not matching and (platform is not None or call.operands):
        raise CommandFailedError(61, "There are no packages like that")
    for name in dict.fromkeys(matching):
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
