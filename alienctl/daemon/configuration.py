"""`alienctl daemon check | reload`: validates the configuration, and applies it to the running daemon.

Each function returns the text for standard output and the exit code, and raises ClientError.
"""

import json
import os
import subprocess

from alienctl import ClientError
from alienctl.daemon import record
from alienctl.daemon.directories import configuration_home
from alienctl.daemon.start import ask
from alienctl.invocation import Invocation
from alienctl.local import interpreter, wire_replies

_EINVAL = 22
_CHECK_LIMIT = 30.0
"""Time limit of the check in seconds."""
_ANSWER_WAIT = 3.0


def check(invocation: Invocation, as_json: bool) -> tuple[str, int]:
    """Check the configuration of all profiles."""
    problems = _problems(invocation, "all")
    code = _EINVAL if problems else 0
    if as_json:
        return json.dumps({"valid": not problems, "problems": problems}), code
    if problems:
        raise ClientError("\n".join(problems), code)
    return f"the configuration is valid (profile {invocation.profile}, {_file(invocation)})", code


def require_valid(invocation: Invocation) -> None:
    """Raise ClientError (22) if no daemon of the profile could start now."""
    problems = _problems(invocation, "profile")
    if problems:
        runs = record.is_held(record.state_directory(invocation.profile, invocation.environment))
        raise ClientError("\n".join([*problems, *["the running daemon is unchanged"] * runs]), _EINVAL)


def reload(invocation: Invocation, as_json: bool) -> tuple[str, int]:
    """Make the running daemon read its configuration again."""
    require_valid(invocation)
    applied, after_restart = wire_replies.reload_response(
        ask(invocation, b"/aliend.v1.DaemonService/Reload", b"", _ANSWER_WAIT)
    )
    if as_json:
        return json.dumps({"applied": applied, "after_restart": after_restart}), 0
    lines = [f"applied: {text}" for text in applied]
    lines += [f"needs `alienctl daemon restart`: {text}" for text in after_restart]
    return "\n".join(lines) or "nothing has changed", 0


def _problems(invocation: Invocation, extent: str) -> list[str]:
    """Return the problems that `aliend --check` reports."""
    command = [*interpreter.command("aliend"), "--profile", invocation.profile, "--check", extent]
    try:
        done = subprocess.run(
            command,
            cwd="/",
            env=interpreter.clean(invocation.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_CHECK_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ClientError(f"`aliend --check` did not end within {_CHECK_LIMIT:.0f} s", 1) from None
    said = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode not in (0, _EINVAL):
        raise ClientError(f"`aliend --check` failed: {said or done.returncode}", 1)
    return [line.removeprefix("aliend: ") for line in said.splitlines()] if done.returncode else []


def _file(invocation: Invocation) -> str:
    """Return the path of the configuration file, with a note if it does not exist."""
    file = f"{configuration_home(invocation)}/aliend/config.toml"
    return file if os.path.exists(file) else f"{file} does not exist; the defaults apply"
