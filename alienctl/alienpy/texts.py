"""Functions of alienpy that convert names, times and sizes, and the certificates' files."""

import logging
import os
import re
import tempfile
from datetime import datetime
from typing import Any, NamedTuple

from alienctl.alienpy.session import AlienSessionInfo, ProcessInput, SendMsg

ALIENPY_VERSION_STR = "1.7.0"
"""The version of alienpy whose names and results this library has."""
ALIENPY_VERSION_DATE = "20251127_131113"
ALIENPY_VERSION_HASH = "aliend"
lfn_prefix_re = re.compile("(alien|file){1}(:|/{2})+")
specs_split = re.compile("@|,")
_MILLISECONDS_FROM = 10**11
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEP = 1024.0


class CertsInfo(NamedTuple):
    """The files of the user's certificate and token."""

    user_cert: str
    user_key: str
    token_cert: str
    token_key: str


def _certificates() -> CertsInfo:
    """Return the files that alienpy looks for: named by variables, or at the usual places."""
    home, places, uid = os.path.expanduser("~"), tempfile.gettempdir(), os.getuid()
    usual = {
        "X509_USER_CERT": f"{home}/.globus/usercert.pem",
        "X509_USER_KEY": f"{home}/.globus/userkey.pem",
        "JALIEN_TOKEN_CERT": f"{places}/tokencert_{uid}.pem",
        "JALIEN_TOKEN_KEY": f"{places}/tokenkey_{uid}.pem",
    }
    return CertsInfo(*(os.environ.get(name) or path for name, path in usual.items()))


CERT_NAMES = _certificates()
AlienSessionInfo.update(CERT_NAMES._asdict())


def setup_logging(debug: bool = False, debug_file: str = "") -> None:
    """Do nothing with a log file: the daemon writes the log. `debug` shows the library's own messages."""
    if debug:
        logging.basicConfig(filename=debug_file or None, level=logging.DEBUG)


def unixtime2local(timestamp: Any, decimals: bool = True) -> str:
    """Return the local time of a number of seconds or milliseconds since 1970."""
    seconds = float(timestamp)
    if seconds > _MILLISECONDS_FROM:
        seconds /= 1000
    moment = datetime.fromtimestamp(seconds).astimezone()
    fraction = f".{moment.microsecond:06d}" if decimals and moment.microsecond else ""
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction}{moment:%z}"


def fileline2list(path: str) -> "list[str]":
    """Return the lines of a file without blanks around them, empty lines and comments (`#`)."""
    with open(path, encoding="utf-8") as lines:
        stripped = [line.strip() for line in lines]
    return [line for line in stripped if line and not line.startswith("#")]


def GetHumanReadableSize(size: float, precision: int = 2) -> str:
    """Return a size in bytes with a unit."""
    unit = 0
    while size > _STEP and unit < len(_UNITS) - 1:
        size, unit = size / _STEP, unit + 1
    return f"{size:.{precision}f} {_UNITS[unit]}" if size else "0 B"


def pathtype_grid(wb: Any, path: str) -> str:
    """Return `f`, `d` or `c` for a file, a directory or a collection; empty for a name that does not exist."""
    results = SendMsg(wb, "type", [path], opts="nomsg").ansdict.get("results", [])
    return str(results[0].get("type", ""))[:1] if results else ""


def lfn2uri(wb: Any, lfn: str, *keywords: str) -> str:
    """Return the URLs of a file's replicas with their envelopes, one a line; empty if it has none."""
    return str(ProcessInput(wb, "lfn2uri", [lfn, *keywords]).out)


def is_guid(text: str) -> bool:
    """Return whether a text is a GUID."""
    return bool(re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text))
