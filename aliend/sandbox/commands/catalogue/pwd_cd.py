"""Where the session is: pwd and cd."""

from __future__ import annotations

from aliend.sandbox.errors import CommandCrashError, CommandFailedError
from aliend.sandbox.service.call import Call, Command


def pwd(call: Call) -> None:
    """The current directory."""
    if call.session.cwd is None:
        raise CommandCrashError("java.lang.NullPointerException")
    call.out.key("pwd", call.session.cwd)
    call.out.line(call.session.cwd)


def cd(call: Call) -> None:
    """Change the current directory; without an operand to the home of the effective user."""
    target = call.operands[0] if call.operands else call.home()
    entry = call.find(target)
    if entry is None:
        raise CommandFailedError(2)
    if not entry.is_directory:
        raise CommandFailedError(20, target)
    call.session.cwd = entry.path


COMMANDS = {
    "pwd": Command(pwd, "prints the current directory", needs_arguments=False),
    "cd": Command(cd, "[dir]", needs_arguments=False),
}
