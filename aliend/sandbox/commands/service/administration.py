"""Commands for administrators, and tags: groupmembers, resyncLDAP, optimiserLogs, moveDirectory, showTagValue.

The sandbox has no LDAP directory and no optimiser, so most of these do nothing.
"""

from __future__ import annotations

import re

from aliend.sandbox.errors import NO_COMMAND, CommandFailedError
from aliend.sandbox.protocol.options import option_set
from aliend.sandbox.service.call import Call, Command


def group_members(call: Call) -> None:
    """List the accounts that have a role; text only."""
    if len(call.operands) != 1 or not call.operands[0]:
        raise CommandFailedError(22, "No group name passed")
    group = call.operands[0]
    # an account is no member of the role that is its own name
    accounts = call.catalogue.accounts.all()
    members = [account.name for account in accounts if group in account.roles and group != account.name]
    if not members:
        raise CommandFailedError(2, f"Group {group} does not exist")
    call.out.line(f"Members of {group}: {' '.join(members)}")


def resync(call: Call) -> None:
    """Do nothing: the accounts of the sandbox are in its catalogue."""
    if call.principal.has_role("admin"):
        call.out.line("The accounts are up to date: this grid has no directory of people to read them from")
    else:
        call.out.line("Only users with role admin can execute this call")


def optimiser_logs(call: Call) -> None:
    """Describe no optimiser: the sandbox has none."""
    frequency, text = call.options.integer("f", 32), ""
    if frequency and not call.principal.has_role("admin"):
        text += "Only users with role admin can execute this call"
    if call.options.has("l"):
        text += "".join(["Classnames matching query : \n", *(f"\t{name}\n" for name in call.operands)])
    else:
        for name in call.operands:
            text += f"The introduced classname/keyword ({name}) is not registered. The classes in the database are : \n"
    call.out.line(text.strip())


def move_directory(call: Call) -> None:
    """Refuse: the sandbox keeps all directories in one table."""
    if not call.operands:
        call.out.fail_with(2, NO_COMMAND)
        return
    entry = call.find(call.operands[0])
    if not call.principal.has_role("admin"):
        call.out.line("The user does not have enough permissions")
    elif entry is None or not entry.is_directory:
        call.out.line("The LFN does not exist or it is not a directory")
    else:
        call.out.line("Operation failed, rolling back the changes")


def show_tags(call: Call) -> None:
    """List the tags of paths with their values, or with `-l` only the tags."""
    if not call.operands:
        raise CommandFailedError(22, "No paths were indicated")
    is_first = True
    for operand in call.operands:
        matching = call.expand(operand)
        if not matching:
            call.out.warn(f"Could not resolve this path: {operand}\n")
        for path in matching:
            call.out.line(path if is_first else f"\n{path}")
            is_first = False
            _show_tags(call, path)


def _show_tags(call: Call, path: str) -> None:
    columns = _chosen(call, "c")
    rows = call.catalogue.database.execute("SELECT * FROM tag ORDER BY length(path), tag, col").fetchall()
    rows = [row for row in rows if path.startswith(row["path"])]
    tags = [] if call.options.has("l") else _chosen(call, "t")
    tags = tags or list(dict.fromkeys(row["tag"] for row in rows))
    if not tags:
        call.out.line("  no tags defined for this path")
    elif call.options.has("l"):
        call.out.line(f"  available tags: {', '.join(tags)}")
        for tag in tags:
            call.out.keys(fileName=path, tagName=tag)
            call.out.finish_result()
    else:
        for tag in tags:
            call.out.line(f"  {tag}")
            values = {row["col"]: row["value"] for row in rows if row["tag"] == tag}
            _show_values(call, path, tag, {name: text for name, text in values.items() if name in (columns or values)})


def _show_values(call: Call, path: str, tag: str, values: dict[str, str]) -> None:
    for column, value in values.items():
        call.out.line(f"    {column}={value}")
        call.out.keys(fileName=path, tagName=tag, column=column, value=value)
        call.out.finish_result()


def _chosen(call: Call, option: str) -> list[str]:
    return list(dict.fromkeys(filter(None, re.split("[,;]", call.options.value(option) or ""))))


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
