"""Accounts, the mapping of certificates to identities, and permissions (specification, 1.1 and 2.7)."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace

ADMIN = "admin"
JOB_AGENT = "jobagent"
TOKEN_PREFIX = "/C=ch/O=AliEn"
"""The prefix of the subjects of certificates that the service itself issues."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the grid. `subject` is the certificate's subject as `/C=CH/CN=name`; the first role is `name`."""

    name: str
    home: str
    full_name: str
    email: str
    subject: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Principal:
    """The identity of a connection: the effective account, and the account that logged in."""

    name: str
    login: str
    roles: tuple[str, ...]
    is_job: bool = False

    @property
    def group(self) -> str:
        """Return the group of entries that this identity creates."""
        return self.roles[0] if self.roles else self.name

    def has_role(self, role: str) -> bool:
        """Return whether the identity belongs to a group."""
        return role == "users" or role in self.roles

    def can_become(self, name: str) -> bool:
        """Return whether the identity may act as `name`."""
        return name in (self.name, "users") or name in self.roles or ADMIN in self.roles

    def permission(self, owner: str, group: str, perm: str) -> int:
        """Return the octal digit of `perm` that applies to an object of this owner and group."""
        if self.name == ADMIN or ADMIN in self.roles:
            return 7
        if self.can_become(owner):
            return int(perm[0])
        return int(perm[1] if self.has_role(group) else perm[2])

    def may_read(self, owner: str, group: str, perm: str) -> bool:
        """Return whether the identity may read such an object."""
        return bool(self.permission(owner, group, perm) & 4)

    def may_write(self, owner: str, group: str, perm: str) -> bool:
        """Return whether the identity may change such an object."""
        return bool(self.permission(owner, group, perm) & 2)


class Accounts:
    """The accounts in `database`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def get(self, name: str) -> Account | None:
        """Return the account with this name."""
        row = self._database.execute("SELECT * FROM account WHERE name = ?", (name,)).fetchone()
        return None if row is None else _account(row)

    def all(self) -> list[Account]:
        """Return all accounts by name."""
        return [_account(row) for row in self._database.execute("SELECT * FROM account ORDER BY name").fetchall()]

    def save(self, account: Account) -> None:
        """Add an account or replace it."""
        values = (*(account.name, account.home, account.full_name, account.email), account.subject)
        self._database.execute(
            "INSERT OR REPLACE INTO account VALUES(?, ?, ?, ?, ?, ?)", (*values, ",".join(account.roles))
        )

    def principal(self, name: str, login: str) -> Principal | None:
        """Return the identity of an account or role; None if the account does not exist."""
        account = self.get(name)
        return None if account is None else Principal(account.name, login, account.roles)

    def identify(self, subjects: Sequence[str]) -> Principal | None:
        """Return the identity of a certificate chain, given its subjects in slash form, the holder's first."""
        for subject in subjects:
            principal = self._of_token(subject) if subject.startswith(TOKEN_PREFIX) else self._of_subject(subject)
            if principal is not None:
                return principal
            if not re.search(r"=\d+$", subject):
                return None
        return None

    def home(self, name: str) -> str:
        """Return the home directory of an account, with `/` at its end."""
        account = self.get(name)
        return account.home if account else f"/alice/cern.ch/user/{name[:1]}/{name}/"

    def _of_token(self, subject: str) -> Principal | None:
        parts = [part.partition("=") for part in subject.split("/") if part]
        names = [value for key, _, value in parts if key == "CN"]
        units = [value for key, _, value in parts if key == "OU"]
        if "JobAgent" in names:
            return Principal(JOB_AGENT, JOB_AGENT, (JOB_AGENT,), is_job=True)
        if "Jobs" in names:
            owner = self.principal(units[0] if units else names[-1], names[-1])
            return replace(owner, is_job=True) if owner else None
        if "Users" not in names:
            return None
        login = names[-1]
        role = units[0] if units and self.get(units[0]) else login
        return self.principal(role, login)

    def _of_subject(self, subject: str) -> Principal | None:
        owners = [account.name for account in self.all() if account.subject == subject]
        return self.principal(owners[0], owners[0]) if owners else None


def _account(row: sqlite3.Row) -> Account:
    return Account(
        row["name"], row["home"], row["full_name"], row["email"], row["subject"], tuple(row["roles"].split(","))
    )
