"""Results of commands as alienpy returns and prints them."""

import json
import logging
import sys
from typing import Any, NamedTuple

_SPACES = 2
log = logging.getLogger("alienpy")


class RET(NamedTuple):
    """The result of a command: exit code, texts of both streams, and the service's document. True on success."""

    exitcode: int = -1
    out: str = ""
    err: str = ""
    ansdict: Any = {}  # noqa: RUF012 (alienpy has this default)

    def __bool__(self) -> bool:
        return self.exitcode == 0


def retf_print(ret_obj: RET, opts: str = "") -> int:
    """Print a result and return its exit code.

    `opts` contains any of `json` (print the document), `noprint`, `noout`, `noerr`, and `info`, `warn`, `err` or
    `debug` (log the text at that level, too).
    """
    flags = opts.replace(",", " ").split()
    text = ret_obj.out if ret_obj.exitcode == 0 else ret_obj.err
    levels = {"info": logging.INFO, "warn": logging.WARNING, "err": logging.ERROR, "debug": logging.DEBUG}
    for word in flags:
        if word in levels:
            log.log(levels[word], text)
    if "noprint" in flags:
        return ret_obj.exitcode
    if "json" in flags:
        PrintDict(ret_obj.ansdict)
        return ret_obj.exitcode
    if ret_obj.exitcode == 0 and text and "noout" not in flags:
        print_out(text)
    if ret_obj.exitcode != 0 and text and "noerr" not in flags:
        print_err(text)
    return ret_obj.exitcode


def PrintDict(in_arg: Any = None, compact: bool = False) -> None:
    """Print a dictionary, a list, or JSON text as indented JSON; on one line if `compact`. Anything else: nothing."""
    if isinstance(in_arg, str):
        try:
            in_arg = json.loads(in_arg)
        except ValueError:
            return
    if isinstance(in_arg, (dict, list)):
        separators = (",", ":") if compact else None
        print_out(
            json.dumps(in_arg, sort_keys=True, indent=None if compact else _SPACES, separators=separators, default=str)
        )


def print_out(text: str) -> None:
    """Print a line on standard output."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def print_err(text: str) -> None:
    """Print a line on standard error."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
