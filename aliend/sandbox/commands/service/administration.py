"""Commands for administrators, and tags: groupmembers, resyncLDAP, optimiserLogs, moveDirectory, showTagValue.

The sandbox has no LDAP directory and no optimiser, so most of these do nothing.
"""

from __future__ import annotations

from aliend.sandbox.errors import BadArgumentsError, CommandFailedError
from aliend.sandbox.protocol.options import option_set
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.state.entries import Entry


def group_members(call: Call) -> None:
    """List the accounts that have a role; text only."""
    if len(call.operands) != 1:
        raise BadArgumentsError
    group = call.operands[0]
    members = [account.name for account in call.catalogue.accounts.all() if group in account.roles]
    if not members:
        raise CommandFailedError(2, f"Group {group} does not exist")
    call.out.line(f"Members of {group}: {' '.join(members)}")


def resync(call: Call) -> None:
    """Do nothing: the accounts of the sandbox are in its catalogue."""
    if call.principal.has_role("admin"):
        call.out.line("The accounts are up to date: this grid has no directory of people to read them from")
    else:
        call.out.line("Only administrators may ask for this")


def optimiser_logs(call: Call) -> None:
    """Do nothing: the sandbox has no optimisers."""
    for name in call.operands:
        call.out.line(f"There is no optimiser {name} on this grid")
    if not call.operands:
        call.out.line("There are no optimisers on this grid")


def move_directory(call: Call) -> None:
    """Refuse: the sandbox keeps all directories in one table."""
    if len(call.operands) != 1:
        raise BadArgumentsError
    path = call.operands[0]
    if not call.principal.has_role("admin"):
        call.out.line("Only administrators may move directories to another table")
    elif call.find(path) is None:
        call.out.line(f"{path} does not exist")
    else:
        call.out.line(f"{path} stays where it is: this grid has only one table")


def show_tags(call: Call) -> None:
    """List the tags of files with their values, or with `-l` only the tags."""
    tags, columns = _chosen(call, "t"), _chosen(call, "c")
    for operand in call.operands:
        matching = call.expand(operand)
        if not matching:
            call.out.fail(2, operand)
        for path in matching:
            entry = call.find(path)
            if entry is None:
                call.out.fail(2, path)
            else:
                _show(call, entry, tags, columns)


def _chosen(call: Call, option: str) -> set[str]:
    return {word for word in (call.options.value(option) or "").split(",") if word}


def _show(call: Call, entry: Entry, tags: set[str], columns: set[str]) -> None:
    listed = set()
    rows = call.catalogue.database.execute("SELECT * FROM tag WHERE path = ? ORDER BY tag, col", (entry.path,))
    for row in rows.fetchall():
        if tags and row["tag"] not in tags:
            continue
        if call.options.has("l"):
            if row["tag"] not in listed:
                call.out.keys(fileName=entry.path, tagName=row["tag"])
                call.out.line(f"{entry.path}: {row['tag']}")
                call.out.finish_result()
            listed.add(row["tag"])
        elif not columns or row["col"] in columns:
            call.out.keys(fileName=entry.path, tagName=row["tag"], column=row["col"], value=row["value"])
            call.out.line(f"{entry.path}: {row['tag']}.{row['col']} = {row['value']}")
            call.out.finish_result()


COMMANDS = {
    "groupmembers": Command(group_members, "<group>"),
    "resyncLDAP": Command(resync, "reads the accounts again", needs_arguments=False),
    "optimiserLogs": Command(
        optimiser_logs,
        "[-l] [-v] [-f <frequency>] [name] ...",
        option_set("l v", "f"),
        needs_arguments=False,
        hides_option_errors=True,
    ),
    "moveDirectory": Command(move_directory, "<directory>", option_set()),
    "showTagValue": Command(show_tags, "[-t <tags>] [-c <columns>] [-l] <path> ...", option_set("l", "t c")),
}
