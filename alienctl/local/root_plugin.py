"""`root-plugin`: names our plugin for ROOT in the user's `.rootrc`, and prints its path."""

import json
import os

from alienctl import ClientError
from alienctl.local.install_names import program

_EINVAL = 22
_BEGIN = "# aliend: begin (written by `alienctl root-plugin install`)"
_END = "# aliend: end"
_PATH_KEY = "Root.PluginPath"
_DIRECTORY = os.path.join(
    os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "aliend", "root"
)
MACRO = os.path.join(_DIRECTORY, "aliend_plugin.C")


def run(operands: "list[str]", as_json: bool) -> "tuple[str, int]":
    """Run `root-plugin install [FILE]` or `root-plugin path`; return the text to print and the exit code.

    Raises ClientError.
    """
    if operands == ["path"]:
        return json.dumps({"macro": MACRO}) if as_json else MACRO, 0
    if operands[:1] != ["install"] or len(operands) > 2 or operands[-1].startswith("-"):
        raise ClientError("root-plugin takes install [FILE] or path; see `alienctl help root-plugin`", _EINVAL)
    file = os.path.realpath(os.path.expanduser(operands[1] if len(operands) > 1 else "~/.rootrc"))
    try:
        _install(file)
    except OSError as error:
        raise ClientError(f"{error.filename}: {error.strerror}", error.errno or 1) from None
    if as_json:
        return json.dumps({"file": file, "macro": MACRO}), 0
    return f'ROOT opens alien:// through {file}; ROOT 6.40.00 also needs: gROOT->Macro("{MACRO}")', 0


def _install(file: str) -> None:
    """Write our lines at the end of the file, in place of older ones; other lines stay."""
    before = ""
    if os.path.exists(file):
        with open(file, encoding="utf-8", errors="surrogateescape") as opened:
            before = _without_ours(opened.read())
    if any(_PATH_KEY in line for line in before.splitlines() if not line.lstrip().startswith("#")):
        raise ClientError(f"{file} sets {_PATH_KEY} itself; add {_DIRECTORY}/plugins to it, separated by `:`", _EINVAL)
    new = f"{file}.{os.getpid()}.new"
    with open(new, "x", encoding="utf-8", errors="surrogateescape") as written:
        written.write(before + _lines())
    if os.path.exists(file):
        os.chmod(new, os.stat(file).st_mode & 0o777)
    os.replace(new, file)


def _lines() -> str:
    """Return our lines; ROOT's own plugins come first, those of JAliEn-ROOT after ours."""
    path = f"$(ROOTSYS)/etc/plugins:{_DIRECTORY}/plugins:$(ROOT_PLUGIN_PATH)"
    return f"{_BEGIN}\nAliend.Command: {program()}\nUnix.*.{_PATH_KEY}: {path}\n{_END}\n"


def _without_ours(text: str) -> str:
    """Return the text without the lines of an earlier installation."""
    begin, end = text.find(_BEGIN), text.find(f"{_END}\n")
    if 0 <= begin < end:
        text = text[:begin] + text[end + len(_END) + 1 :]
    return text if not text or text.endswith("\n") else f"{text}\n"
