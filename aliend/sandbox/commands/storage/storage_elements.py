"""Commands for storage elements, sites and file quotas: listSEs, listSEDistance, setSite, fquota."""

from __future__ import annotations

import math
import re

from aliend.sandbox.errors import BadArgumentsError, CommandFailedError
from aliend.sandbox.protocol import formats
from aliend.sandbox.protocol.options import integer, option_set
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.state.replicas import StorageElement

_LIMITS = ("maxNbFiles", "maxTotalSize")
_CAPACITY_HEADER = "\t\t                Capacity\t  \t\t\t\t\tDemote\n"
_COLUMNS = "\t ID\t   Total  \t    Used  \t    Free      File count\t   Read   Write\t"


def list_elements(call: Call) -> None:
    """List the storage elements with their use; the table's header is in the first message."""
    shown = [se for se in _queried(call) if "::" in se.name and _has_tags(call, se)]
    width = max((len(se.name) for se in shown), default=0)
    tags = max((len(", ".join(se.qos)) for se in shown), default=0)
    call.out.text(f"{' ':{width}}{_CAPACITY_HEADER}{'SE name':>{width}}{_COLUMNS}{'QoS':<{tags}}\t  Endpoint URL\n")
    for se in shown:
        _show(call, se, width, tags)
        call.out.finish_result()
    if call.options.has("s") and len(shown) > 1:
        used, total = sum(se.used for se in shown), sum(se.capacity for se in shown)
        free, files = sum(max(0, se.capacity - se.used) for se in shown), sum(se.files for se in shown)
        sizes = "\t".join(f"{formats.human(size):>8}" for size in (total, used, free))
        call.out.line(f"\n{f'TOTAL: {len(shown)} SEs':>{width}}\t \t{sizes}{files:>16} files")


def _queried(call: Call) -> list[StorageElement]:
    """Return the storage elements that the operands mean: a number, a name, or a part of names; by name."""
    elements = call.catalogue.replicas.elements()
    if not call.operands:
        return elements
    return [se for se in elements if any(_is_meant(se, word, elements) for word in call.operands)]


def _is_meant(se: StorageElement, word: str, elements: list[StorageElement]) -> bool:
    number = integer(word, 32)
    if any(number == each.number for each in elements):
        return number == se.number
    if any(word.upper() == each.key for each in elements):
        return word.upper() == se.key
    if word.count("::") >= 2 and not any(sign in word for sign in "*+."):
        return False
    try:
        return re.search(word, se.key, re.IGNORECASE) is not None
    except re.error:
        return False


def _has_tags(call: Call, se: StorageElement) -> bool:
    choices = [set(filter(None, re.split("[ ,;]", text))) for text in call.options.values.get("qos", [])]
    choices = [choice for choice in choices if choice]
    return not choices or any(choice <= set(se.qos) for choice in choices)


def _show(call: Call, se: StorageElement, width: int, tags: int) -> None:
    free, url = max(0, se.capacity - se.used), f"{se.daemon}{se.path}"
    sizes = "\t".join(f"{formats.human(size):>8}" for size in (se.capacity, se.used, free))
    call.out.line(
        f"{se.name:>{width}}\t{se.number:>3}\t{sizes}{se.files:>16}\t{se.demote_read: .4f} {se.demote_write: .4f}"
        f"\t{', '.join(se.qos):<{tags}}\t  {url}"
    )
    call.out.keys(
        seName=se.name,
        seNumber=str(se.number),
        totalSpace=str(se.capacity),
        usedSpace=str(se.used),
        freeSpace=str(free),
        fileCount=str(se.files),
        demoteRead=str(se.demote_read),
        demoteWrite=str(se.demote_write),
        qos=",".join(se.qos),
        endpointUrl=url,
    )


def list_distances(call: Call) -> None:
    """List the storage elements from near to far; text only."""
    site = call.options.value("site") or call.session.site
    distances = call.catalogue.replicas.distances(site)
    reading = call.options.has("read")
    file = call.options.value("read")
    elements = _readable(call, file) if file else call.catalogue.replicas.elements()
    tag = call.options.value("qos")
    rows = []
    for se in elements:
        if tag is None or tag.lower() in se.qos:
            known = distances.get(se.number)
            total = None if known is None else known + (se.demote_read if reading else se.demote_write)
            rows.append((math.inf if total is None else total, se))
    for total, se in sorted(rows, key=lambda row: row[0]):
        distance = " nul" if total == math.inf else f"{total: .3f}"
        call.out.line(
            f"{se.key:>40}\t(read: {se.demote_read: .3f},  write: {se.demote_write: .3f},  distance: {distance})"
        )
    call.out.text("\n")


def _readable(call: Call, file: str) -> list[StorageElement]:
    entry = call.find(file)
    if entry is None or entry.guid is None:
        raise CommandFailedError(61, "No results from server")
    replicas = call.catalogue.replicas.replicas_of(entry.guid)
    return [replica.se for replica in replicas if replica.se is not None]


def set_site(call: Call) -> None:
    """Set the site from which distances count; `auto` is the service's own."""
    before = call.session.site
    site = call.operands[0].strip() if call.operands else ""
    if not site:
        call.out.line(f"Keeping the current close site: {before}")
        return
    if "." in site or ":" in site:
        raise CommandFailedError(
            11, f"Could not retrieve the site name for {site} from the external service: alimonitor.cern.ch"
        )
    call.session.site = call.service.site if site.lower() == "auto" else site
    call.out.line(f"Setting close site to {call.session.site} (was {before})")


def fquota(call: Call) -> None:
    """List the file quotas of users, or set them (administrators only)."""
    action, *rest = call.operands
    if action == "list":
        for index, name in enumerate(rest or [call.principal.name]):
            _show_quota(call, name, is_first=index == 0)
    elif action == "set" and len(rest) == 3:
        _set_quota(call, *rest)
    else:
        raise BadArgumentsError


def _show_quota(call: Call, name: str, *, is_first: bool) -> None:
    quota = call.catalogue.quotas.get(name)
    if quota is None:
        call.out.fail(61, f"File quota information not available for {name}")
        return
    separator = "" if is_first else "\n"
    call.out.line(
        f"{separator}FQuota: user: {name}\ntotalSize\t: {formats.human(quota.size)}\n"
        f"maxTotalSize\t: {formats.human(quota.max_size)}\n"
        f"tmpIncreasedTotalSize\t: 0 B\nnbFiles\t: {quota.files}\nmaxNbFiles\t: {quota.max_files}\n"
        "tmpIncreasedNbFiles\t: 0"
    )
    call.out.keys(username=name, totalSize=str(quota.size), maxTotalSize=str(quota.max_size))
    call.out.keys(nbFiles=str(quota.files), maxNbFiles=str(quota.max_files))
    call.out.finish_result()


def _set_quota(call: Call, name: str, field: str, value: str) -> None:
    if field not in _LIMITS:
        fields = ", ".join(_LIMITS)
        raise CommandFailedError(38, f"Not a field you can set: {field}, only these ones can be modified: [{fields}]")
    number = integer(value)
    if number is None:
        raise CommandFailedError(22, f"Illegal value for {field} : {value}")
    if number == 0:
        call.out.text(call.usage)
        raise CommandFailedError(22, "Value cannot be null")
    if not call.principal.has_role("admin"):
        raise CommandFailedError(1, "Only administrators can do this")
    if not call.catalogue.quotas.limit(name, **{field: number}):
        raise CommandFailedError(121, f"Failed to set {field}={number} for user=[{name}]")
    call.out.line(f"Result: ok, {field}={number} for user=[{name}]")


COMMANDS = {
    "listSEs": Command(
        list_elements,
        "[-qos <tags>] [-s] [SE name] ...",
        option_set("s", repeated="qos"),
        needs_arguments=False,
        hides_option_errors=True,
    ),
    "listSEDistance": Command(
        list_distances,
        "[-site <site>] [-read [<lfn>]] [-qos <tag>]",
        option_set("", "site qos", optional="read"),
        needs_arguments=False,
        hides_option_errors=True,
    ),
    "setSite": Command(set_site, "[site name|IP|auto]", needs_arguments=False),
    "fquota": Command(fquota, "list [users] | set <user> <field> <value>"),
}
