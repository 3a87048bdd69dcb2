"""Questions to the user that login and cert-import share: yes or no, one of several, passphrases."""

from __future__ import annotations

from collections.abc import Sequence

from aliend.commands.invocation.call import Call
from aliend.core.cli.escaping import visible
from aliend.errors import AliendError, UsageError

_TRIES = 3
_YES = frozenset({"y", "yes"})


class NotAnswered(AliendError):
    """The user did not answer, or answered no; nothing was changed."""

    exit_code = 130


def can_ask(call: Call) -> bool:
    """Return whether standard input is a terminal."""
    return call.terminal.stdin


def can_ask_passphrase(call: Call) -> bool:
    """Return whether a passphrase can be asked for: from the user, or from the program in ALIEND_ASKPASS."""
    return call.terminal.stdin or bool(call.environment.get("ALIEND_ASKPASS"))


async def ask(call: Call, prompt: str, *, echo: bool) -> str:
    """Return the answer. Raises NotAnswered."""
    answer = await call.ask(visible(prompt), echo=echo)  # names of files may hold what a terminal obeys
    if answer is None:
        raise NotAnswered("no answer was given; nothing was changed")
    return answer


async def confirm(call: Call, question: str, *, default: bool) -> bool:
    """Ask a question that yes or no answers; an empty answer is `default`. Raises NotAnswered."""
    answer = (await ask(call, f"{question} [{'Y/n' if default else 'y/N'}] ", echo=True)).strip().lower()
    return answer in _YES if answer else default


async def choose(call: Call, title: str, choices: Sequence[str]) -> int | None:
    """Let the user choose from a numbered list; return the index, or None for none of them. Raises NotAnswered."""
    lines = [title, *(f"  {number}  {choice}" for number, choice in enumerate(choices, 1))]
    await call.print_error("\n".join(lines))
    for _ in range(_TRIES):
        answer = (await ask(call, "Which one? [1; 0: none] ", echo=True)).strip() or "1"
        if answer.isascii() and answer.isdigit() and int(answer) <= len(choices):
            return int(answer) - 1 if int(answer) else None
        await call.print_error(f"answer with a number from 0 to {len(choices)}")
    raise NotAnswered("no answer was given; nothing was changed")


async def new_passphrase(call: Call, name: str) -> str:
    """Ask twice for the passphrase that will protect the key `name`; empty: none. Raises NotAnswered, UsageError."""
    for _ in range(_TRIES):
        first = await ask(call, f"New passphrase for {name} (empty: none): ", echo=False)
        if not first or first == await ask(call, "Repeat the passphrase: ", echo=False):
            return first
        await call.print_error("the two passphrases differ")
    raise UsageError("the passphrases differed three times; nothing was changed")
