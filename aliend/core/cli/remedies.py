"""Separates what happened from what the user can do in the text of an error, for programs. Pure.

Our messages name commands and options only in backticks: a clause with backticks is advice for a person.
"""

from __future__ import annotations

import re

_CLAUSE = re.compile(r"\n|; |, or (?=[^,;]*`)")


def split_remedy(text: str) -> tuple[str, str]:
    """Return the facts of a message and its advice (empty: none), each in one line.

    A message without advice, or with nothing else, stays complete.
    """
    clauses = [clause.strip() for clause in _CLAUSE.split(text) if clause.strip()]
    advice = [clause for clause in clauses if _names_command(clause)]
    facts = [clause for clause in clauses if clause not in advice]
    if not facts or not advice:
        return "; ".join(line.strip() for line in text.splitlines() if line.strip()), ""
    return "; ".join(facts).removesuffix(":"), "; ".join(advice)


def _names_command(clause: str) -> bool:
    return "`alienctl" in clause or "alienctl " in clause or bool(re.search(r"`-{1,2}[a-z]", clause))
