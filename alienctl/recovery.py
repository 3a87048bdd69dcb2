"""Decides how a command continues after the loss of the daemon: follow its jobs, run it again, or fail.

A command runs again only if it cannot have an effect twice: the daemon cannot have received it, it changes nothing, or
its jobs are stored under the command's request id. Output that was already printed is not printed again.
"""

import os

from alienctl import ClientError
from alienctl.grpc_call import Call
from alienctl.terminal import print_error

_TEMPORARY_FAILURE = 75
_ATTEMPTS, _FRUITLESS_ATTEMPTS = 10, 2
"""Limits: attempts in total (not counting those that the daemon requested), and attempts in a row without any reply."""
_ATTACHED_WITH = (b"--json", b"-json", b"--compat-exit", b"-compat-exit")
"""Options of `cp` that also apply to `transfers attach`."""
_SUBMITTING = frozenset({"cp", "sync", "replicate"})
"""Commands whose jobs are stored under the request id."""
READ_ONLY = (
    *("pwd", "dirs", "ls", "la", "ll", "lla", "stat", "find", "find2", "whereis", "type", "du", "md5sum", "lfn2guid"),
    *("guid2lfn", "guidinfo", "cat", "head", "tail", "whoami", "ps", "listSEs", "listSEDistance", "getSE", "SEqos"),
    *("getCE", "quota", "fquota", "jquota", "df", "pfn", "pfn-status", "lfn2uri", "xrd_config", "xrd_stats"),
    *("cert-info", "token-info", "uptime", "w", "motd", "version", "groups"),
)
"""Commands that change nothing and may be run again. `find -x` and the like are excluded by `_WRITING_OPTIONS`."""
_WRITING_OPTIONS = {"find": "x", "cat": "o", "fquota": "set", "jquota": "set"}
"""Options with this letter, or this argument, make a command change something."""


class Recovery:
    """Decides after each loss of the daemon how one command continues."""

    def __init__(self, args: list[bytes]) -> None:
        self._args = args
        self._command = _plain_command([os.fsdecode(word) for word in args])
        self._attempts = self._fruitless = 0
        self._expected = b""

    def next_args(
        self, call: Call, go_on: list[bytes], jobs: list[int], printed: "list[bytes] | None", *, progressed: bool
    ) -> list[bytes]:
        """Return the arguments to run now. `printed` is the standard output so far, None if it is unknown.

        Raises ClientError if the command cannot continue.
        """
        self._attempts += not go_on
        self._fruitless = 0 if progressed else self._fruitless + 1
        self._expected = b""
        if self._attempts >= _ATTEMPTS or self._fruitless > _FRUITLESS_ATTEMPTS:
            raise self._end(call, jobs)
        if go_on:
            return go_on
        if jobs:
            numbers = [b"%d" % job for job in jobs]
            if not call.not_received:
                print_error(f"the connection to the daemon was lost; following job {_joined(jobs)} again")
            return [b"transfers", b"attach", *numbers, *(word for word in self._args if word in _ATTACHED_WITH)]
        if call.not_received or self._command in _SUBMITTING:
            return self._args
        if self._command in READ_ONLY and printed is not None:
            self._expected = b"".join(printed)
            return self._args
        raise self._end(call, jobs)

    def new_output(self, content: bytes) -> bytes:
        """Return the part of the output that is new. Raises ClientError if the earlier part has changed."""
        known = self._expected[: len(content)]
        if not content.startswith(known):
            sentence = "the daemon ended while the command ran, and its output has changed since; run it again"
            raise ClientError(sentence, _TEMPORARY_FAILURE)
        self._expected = self._expected[len(known) :]
        return content[len(known) :]

    def _end(self, call: Call, jobs: list[int]) -> ClientError:
        if jobs:
            wait = f"alienctl transfers wait {' '.join(map(str, jobs))}"
            sentence = f"the daemon ended repeatedly; job {_joined(jobs)} continues; follow it with: `{wait}`"
        elif call.not_received:
            sentence = f"the daemon ended repeatedly before it accepted the command: {call.message}"
        elif self._command in READ_ONLY:
            sentence = "the daemon ended while the command ran, and its output is incomplete; run it again"
        else:
            sentence = "the daemon ended while the command ran; its outcome is unknown: check before running it again"
        return ClientError(sentence, _TEMPORARY_FAILURE)


def is_read_only(args: list[str]) -> bool:
    """Return whether a command line is a single command that changes nothing."""
    return _plain_command(args) in READ_ONLY


def _plain_command(args: list[str]) -> str:
    """Return the command of a line with a single command that needs no standard input; else an empty string."""
    args = args[0].split() if len(args) == 1 else args
    args = [word for word in args if word not in ("--json", "-json", "--jsonl")]
    if not args or "-" in args or any(sign in word for word in args for sign in ";\n|!"):
        return ""
    command, *options = args
    sign = _WRITING_OPTIONS.get(command, "")
    changes = any(option == sign or (option.startswith("-") and sign in option) for option in options if sign)
    return "" if changes else command


def _joined(jobs: list[int]) -> str:
    return ", ".join(map(str, jobs))
