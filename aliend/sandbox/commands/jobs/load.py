"""Commands for the load of the job queue and its quotas: w, uptime, jquota."""

from __future__ import annotations

from aliend.sandbox.errors import BadArgumentsError, CommandFailedError
from aliend.sandbox.protocol import formats
from aliend.sandbox.protocol.options import integer, option_set
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.state.computing_sites import COLUMNS, JobQuota

_RULE = f"{'-' * 26}+{'-' * 14}+{'-' * 14}\n"
_DAY = 86_400_000


def w(call: Call) -> None:
    """Print a table of the accounts with jobs."""
    rows = [(name, *counts) for name, counts in call.catalogue.jobs.count_by_owner(call.now).items()]
    column = 2 if call.options.has("w") else 1 if call.options.has("a") else 0
    rows.sort(key=lambda row: row[column], reverse=call.options.has("r") != (column > 0))
    text = f"     {'Account name':<21}|{'Active jobs':>13} |{'Waiting jobs':>13}\n{_RULE}"
    for number, (name, running, waiting) in enumerate(rows, 1):
        text += _row(f"{number:>3}. ", name, running, waiting)
    text += _RULE + _row("     ", "TOTAL", sum(row[1] for row in rows), sum(row[2] for row in rows))
    call.out.key("value", text)
    call.out.text(text)


def _row(begin: str, name: str, running: int, waiting: int) -> str:
    return f"{begin}{name:<21}| {running:>12} | {waiting:>12}\n"


def uptime(call: Call) -> None:
    """Print the numbers of jobs; the values begin with a space."""
    use = call.catalogue.jobs.count_by_owner(call.now)
    running, waiting = sum(counts[0] for counts in use.values()), sum(counts[1] for counts in use.values())
    call.out.keys(**{"running jobs": f" {running}", "waiting jobs": f" {waiting}", "active users": f" {len(use)}"})
    call.out.line(f"{running} running jobs, {waiting} waiting jobs, {len(use)} active users")


def jquota(call: Call) -> None:
    """List the job quotas of users, or set them (administrators only)."""
    action, *rest = call.operands
    if action == "list":
        _list(call, rest)
    elif action == "set":
        _set(call, rest)
    else:
        raise CommandFailedError(22, f"Unrecognized command {action}")


def _list(call: Call, names: list[str]) -> None:
    for name in names:
        if call.catalogue.accounts.get(name) is None:
            raise CommandFailedError(126, f"No such account name: {name}")
    for index, name in enumerate(dict.fromkeys(names or [call.principal.name])):
        if index:
            call.out.text("\n")
        _show(call, name)


def _show(call: Call, name: str) -> None:
    quota = call.catalogue.grid.quota(name)
    if quota is None:
        call.out.fail(61, f"No jobs quota found for user {name}")
        return
    running, waiting = call.catalogue.jobs.count_by_owner(call.now).get(name, (0, 0))
    consumed = call.catalogue.jobs.running_seconds(name, call.now - _DAY, call.now)
    call.out.keys(
        username=name,
        nominalparallelJobs=str(quota.parallel),
        running=str(running),
        waiting=str(waiting),
        totalCpuCostLast24h=str(float(consumed)),
        totalRunningTimeLast24h=str(consumed),
        maxparallelJobs=str(quota.parallel),
        maxUnfinishedJobs=str(quota.unfinished),
        maxTotalCpuCost=_double(quota.cost),
        maxTotalRunningTime=str(quota.running_time),
    )
    # the names of two keys in newer services, which newer clients read
    call.out.keys(nominalParallelJobs=str(quota.parallel), maxParallelJobs=str(quota.parallel))
    _describe(call, quota, (running, waiting, consumed))
    call.out.finish_result()


def _describe(call: Call, quota: JobQuota, use: tuple[int, int, int]) -> None:
    running, waiting, consumed = use
    load = running / quota.parallel if quota.parallel else 0.0
    cost = int(quota.cost)
    lines = [
        f"Quota of {quota.account} (userid: {quota.user_id})",
        f"computed priority\t: {load * quota.priority}\t\t(effective priority between users)",
        f"priority\t\t: {quota.priority}\t\t(base priority of the account)",
        f"maxparallelJobs\t\t: {quota.parallel}\t\t\t(where to stop applying the priority)",
        f"running\t\t\t: {running} = {_percent(running, quota.parallel)} of max\t(active jobs for this account)",
        f"userload\t\t: {load}\t\t(running / max parallel jobs ratio)",
        f"maxUnfinishedJobs\t: {quota.unfinished}\t\t(maximum allowed number of waiting jobs)",
        f"waiting\t\t\t: {waiting} = {_percent(waiting, quota.unfinished)} of max\t(currently queued jobs)",
        f"unfinishedJobsLast24h\t: {running + waiting}\t\t\t(jobs waiting since less than 24h or currently active)",
        f"maxTotalRunningTime\t: {quota.running_time}\t(CPU cores * wall time seconds)",
        f"totalRunningTimeLast24h\t: {consumed} = {_percent(consumed, quota.running_time)} of max"
        "\t(resources consumed by jobs completed in the last 24h)",
        f"maxTotalCpuCost\t\t: {cost}\t(price * CPU cores * wall time seconds)",
        f"totalCpuCostLast24h\t: {consumed} = {_percent(consumed, cost)} of max"
        "\t(cost of jobs completed in the last 24h)",
    ]
    for line in lines:
        call.out.line(line)


def _percent(value: float, most: float) -> str:
    return f"{formats.number(100 * value / most) if most else 0}%"


def _double(value: float) -> str:
    """Return a number in Java's format of a `double`."""
    if value and not 1e-3 <= abs(value) < 1e7:
        mantissa, _, exponent = f"{value:e}".partition("e")
        digits = mantissa.rstrip("0")
        return f"{digits}{'0' if digits.endswith('.') else ''}E{int(exponent)}"
    return str(float(value))


def _set(call: Call, words: list[str]) -> None:
    if len(words) != 3:
        raise BadArgumentsError
    name, field, text = words
    if call.catalogue.accounts.get(name) is None:
        raise CommandFailedError(126, f"User {name} not found")
    if field not in COLUMNS:
        fields = ", ".join(COLUMNS)
        raise CommandFailedError(
            38, f"Parameter `{field}` cannot be updated, only one these fields can be set: [{fields}]"
        )
    value = integer(text)
    if value is None:
        raise CommandFailedError(22, f"Invalid new value for {field} : {text}")
    if not call.principal.has_role("admin"):
        call.out.text(call.usage)
        raise CommandFailedError(22, "Wrong command passed: set")
    if value == 0:
        call.out.text(call.usage)
        raise CommandFailedError(22, "Error in value")
    if call.catalogue.grid.quota(name) is None:
        raise CommandFailedError(121, f"Result: failed to set {field}={value} for user={name}")
    call.catalogue.grid.limit(name, field, value)
    call.out.line(f"Result: ok, {field}={value} for user={name}")


COMMANDS = {
    "w": Command(w, "[-a|-w] [-r]", option_set("a w r"), needs_arguments=False),
    "uptime": Command(uptime, "prints the number of jobs", needs_arguments=False),
    "jquota": Command(jquota, "list [users] | set <user> <field> <value>"),
}
