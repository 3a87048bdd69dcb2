"""`alienctl doctor`: finds out what is wrong, and says what to do."""

import subprocess

from alienctl import ClientError
from alienctl.invocation import Invocation
from alienctl.local import interpreter
from alienctl.support import facts
from alienctl.terminal import write_output

_EINVAL = 22
_MODULE = "aliend.doctor"
_LIMIT = 60.0
"""Seconds for the whole program, whose own limit is shorter."""


def run(invocation: Invocation, operands: list[str], *, as_json: bool) -> int:
    """Print the report; return 0, or 1 if something does not work. Raises ClientError."""
    if operands not in ([], ["--problems"]):
        raise ClientError(f"doctor takes only --problems and --json, not {' '.join(operands)!r}", _EINVAL)
    report, code = examine(invocation, [*operands, *(["--json"] if as_json else [])])
    write_output(report)
    return code


def examine(invocation: Invocation, options: list[str]) -> tuple[bytes, int]:
    """Return the report and the exit code. Raises ClientError."""
    done = run_program(invocation, options)
    return done.stdout, done.returncode


def run_program(invocation: Invocation, options: list[str]) -> "subprocess.CompletedProcess[bytes]":
    """Run `aliend.doctor` with the facts of the client as its standard input. Raises ClientError if it fails."""
    command = [*interpreter.command(_MODULE), *options]
    environment, content = interpreter.clean(invocation.environment), facts.collect(invocation)
    try:
        done = subprocess.run(command, env=environment, input=content, capture_output=True, timeout=_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        raise ClientError(f"`{_MODULE}` did not end within {_LIMIT:.0f} s", 1) from None
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    if done.returncode == _EINVAL and said:
        raise ClientError(said[-1], _EINVAL)
    if done.returncode not in (0, 1) or not done.stdout:
        raise ClientError(f"`{_MODULE}` failed: {said[-1] if said else done.returncode}; reinstall aliend", 1)
    return done
