"""Commands for identities and accounts: whoami, user, whois, groups."""

from __future__ import annotations

from datetime import UTC, datetime

from aliend.sandbox.errors import BadArgumentsError, CommandFailedError
from aliend.sandbox.protocol import formats
from aliend.sandbox.protocol.options import option_set
from aliend.sandbox.service.call import Call, Command
from aliend.sandbox.state.accounts import Account


def whoami(call: Call) -> None:
    """Print the effective identity and its certificate; after `user` without the address."""
    principal, client = call.principal, call.session.client
    account = call.catalogue.accounts.get(principal.name)
    facts = {
        "username": principal.name,
        "role": principal.name,
        "roles": ",".join(principal.roles),
        "fullname": account.full_name if account else "",
        "email": account.email if account else "",
        "certificate_expires": str(client.expires),
        "certificate_dn": client.java_subject,
        "connected_from": "" if call.session.switched else client.address,
        "homedir": call.home(),
    }
    for name, value in facts.items():
        if value:
            call.out.key(name, value)
    if call.options.has("v"):
        _describe(call, facts)
    else:
        call.out.line(principal.name)


def _describe(call: Call, facts: dict[str, str]) -> None:
    others = ", ".join(role for role in call.principal.roles if role != call.principal.name)
    expires = datetime.fromtimestamp(int(facts["certificate_expires"]), UTC).strftime("%Y-%m-%dT%H:%M:%SZ[Etc/UTC]")
    rest = formats.interval(int(facts["certificate_expires"]) - call.now / 1000)
    lines = {
        "Username": facts["username"],
        "Role": facts["role"] + (f" (other roles: {others})" if others else ""),
        "Full name": facts["fullname"],
        "Email": facts["email"],
        "Certificate DN": f"{facts['certificate_dn']} (expiring on {expires}, which is in {rest})",
        "Connected from": facts["connected_from"],
        "Home directory": facts["homedir"],
    }
    for label, value in lines.items():
        if value:
            call.out.line(f"{label}: {value}")


def user(call: Call) -> None:
    """Switch to another account; the current directory stays."""
    if len(call.operands) != 1:
        raise BadArgumentsError
    name = call.operands[0]
    principal = call.principal
    if not principal.can_become(name):
        raise CommandFailedError(1, f"Switching user {principal.name} to [{name}] failed")
    identity = call.catalogue.accounts.principal(name, principal.login)
    if identity is None:
        raise CommandFailedError(22, f"User {name} cannot be found. Abort")
    call.session.principal = identity
    call.session.switched = True
    call.out.key("homedir", call.home())


def groups(call: Call) -> None:
    """List the groups of the effective user."""
    principal = call.principal
    call.out.line(f"User: {principal.name}, main group: {principal.group}")
    call.out.line(f"Member of groups: {' '.join(principal.roles)} ")


def whois(call: Call) -> None:
    """Show accounts by name, or those with a text in their data; a search without a match prints nothing."""
    if not call.operands:
        raise BadArgumentsError
    searching = call.options.has("s", "f", "e", "d", "a")
    accounts = call.catalogue.accounts.all()
    names = {
        account.name for word in call.operands for account in accounts if searching and _matches(call, account, word)
    }
    for name in sorted(names if searching else set(call.operands)):
        found = call.catalogue.accounts.get(name)
        if found is None:
            call.out.line(f"Username not found: {name}")
        else:
            _present(call, found)


def _matches(call: Call, account: Account, word: str) -> bool:
    searched = {"f": account.full_name, "e": account.email, "d": account.subject}
    texts = [account.name, *(text for option, text in searched.items() if call.options.has(option, "a"))]
    return any(word.lower() in text.lower() for text in texts)


def _present(call: Call, account: Account) -> None:
    facts = {
        "username": ("Username", account.name),
        "full_name": ("  Full name", account.full_name),
        "roles": ("  Roles", ", ".join(account.roles)),
        "email": ("  Email", account.email),
        "subject": ("  Subject", account.subject),
    }
    for key, (label, value) in facts.items():
        if value:
            call.out.line(f"{label}: {value}")
            call.out.key(key, value)
    call.out.finish_result()


COMMANDS = {
    "whoami": Command(whoami, "[-v]", option_set("v"), needs_arguments=False),
    "user": Command(user, "<user name>"),
    "groups": Command(groups, "prints the groups of the current user", needs_arguments=False),
    "whois": Command(whois, "[-s] [-f] [-e] [-d] [-a] <account name>", option_set("s f e d a")),
}
