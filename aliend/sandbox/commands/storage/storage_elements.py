"""Commands for storage elements, sites and file quotas: listSEs, listSEDistance, setSite, fquota."""

from __future__ import annotations

import math

from aliend.sandbox.errors import BadArgumentsError, CommandFailedError
from aliend.sandbox.protocol import formats
from aliend.sandbox.protocol.options import option_set
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.state.replicas import StorageElement

_CAPACITY_HEADER = "\t\t                Capacity\t  \t\t\t\t\tDemote\n"
_COLUMNS = "\t ID\t   Total  \t    Used  \t    Free      File count\t   Read   Write\tQoS \t  Endpoint URL\n"


def list_elements(call: Call) -> None:
    """List the storage elements with their use; the table's header is in the first message."""
    shown = [se for se in call.catalogue.replicas.elements() if _is_wanted(call, se)]
    width = max((len(se.name) for se in shown), default=0)
    call.out.text(f"{'':{width}}{_CAPACITY_HEADER}{'SE name':>{width}}{_COLUMNS}")
    for se in shown:
        _show(call, se, width)
        call.out.finish_result()
    if call.options.has("s"):
        used, total = sum(se.used for se in shown), sum(se.capacity for se in shown)
        free, files = formats.human(total - used), sum(se.files for se in shown)
        call.out.line(
            f"{'TOTAL':>{width}}\t   \t{formats.human(total):>8}\t{formats.human(used):>8}\t{free:>8}{files:>16}"
        )


def _is_wanted(call: Call, se: StorageElement) -> bool:
    choices = call.options.values.get("qos", [])
    if choices and not any(set(choice.lower().split(",")) <= set(se.qos) for choice in choices):
        return False
    words = [word.upper() for word in call.operands]
    return not words or any(word in (se.key, str(se.number)) or ("*" in word and _like(word, se)) for word in words)


def _like(word: str, se: StorageElement) -> bool:
    return all(part in se.key for part in word.split("*"))


def _show(call: Call, se: StorageElement, width: int) -> None:
    free, url = max(0, se.capacity - se.used), f"{se.daemon}{se.path}"
    sizes = "\t".join(f"{formats.human(size):>8}" for size in (se.capacity, se.used, free))
    call.out.line(
        f"{se.name:>{width}}\t{se.number:>3}\t{sizes}{se.files:>16}\t{se.demote_read: .4f} {se.demote_write: .4f}"
        f"\t{', '.join(se.qos)}\t  {url}"
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
    elements = _readable(call) if reading and call.operands else call.catalogue.replicas.elements()
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


def _readable(call: Call) -> list[StorageElement]:
    entry = call.find(call.operands[0])
    replicas = call.catalogue.replicas.replicas_of(entry.guid or "") if entry is not None else []
    elements = [replica.se for replica in replicas if replica.se is not None]
    if not elements:
        raise CommandFailedError(61, "No results from server")
    return elements


def set_site(call: Call) -> None:
    """Set the site from which distances count; `auto` is the service's own."""
    before = call.session.site
    site = call.operands[0] if call.operands else "auto"
    if "." in site or ":" in site:
        raise CommandFailedError(11, f"This grid knows no sites of addresses, so none of {site}")
    call.session.site = call.service.site if site == "auto" else site
    call.out.line(f"Setting close site to {call.session.site} (was {before})")


def fquota(call: Call) -> None:
    """List the file quotas of users, or set them (administrators only)."""
    action, *rest = call.operands
    if action == "list":
        for name in rest or [call.principal.name]:
            _show_quota(call, name)
    elif action == "set" and len(rest) == 3:
        _set_quota(call, *rest)
    else:
        raise BadArgumentsError


def _show_quota(call: Call, name: str) -> None:
    quota = call.catalogue.quotas.get(name)
    if quota is None:
        call.out.fail(61, f"File quota information not available for {name}")
        return
    call.out.line(
        f"FQuota: user: {name}\ntotalSize\t: {formats.human(quota.size)}\n"
        f"maxTotalSize\t: {formats.human(quota.max_size)}\n"
        f"tmpIncreasedTotalSize\t: 0 B\nnbFiles\t: {quota.files}\nmaxNbFiles\t: {quota.max_files}\n"
        "tmpIncreasedNbFiles\t: 0"
    )
    call.out.keys(username=name, totalSize=str(quota.size), maxTotalSize=str(quota.max_size))
    call.out.keys(nbFiles=str(quota.files), maxNbFiles=str(quota.max_files))
    call.out.finish_result()


def _set_quota(call: Call, name: str, field: str, value: str) -> None:
    if not call.principal.has_role("admin"):
        raise CommandFailedError(1, "Only administrators can do this")
    if field not in ("maxNbFiles", "maxTotalSize") or not value.isdecimal():
        raise CommandFailedError(22, f"Wrong field name! Choose one of them: maxNbFiles, maxTotalSize, not {field}")
    if not call.catalogue.quotas.limit(name, **{field: int(value)}):
        raise CommandFailedError(61, f"File quota information not available for {name}")
    call.out.line(f"Result: ok, {field}={value} for user=[{name}]")


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
        option_set("read", "site qos"),
        needs_arguments=False,
        hides_option_errors=True,
    ),
    "setSite": Command(set_site, "[site name|IP|auto]", needs_arguments=False),
    "fquota": Command(fquota, "list [users] | set <user> <field> <value>"),
}
