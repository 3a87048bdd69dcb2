"""Creates the modules of the packages `alienpy` and `xjalienfs`: which name programs import from where."""

import logging
import sys
from types import ModuleType
from typing import Any

from alienctl.alienpy import client_commands, copying, results, session, texts

_API = ("InitConnection", "SendMsg", "SendMsgMulti", "retf_print")
_TOOLS = (
    *("PrintDict", "print_out", "print_err", "unixtime2local", "fileline2list", "GetHumanReadableSize"),
    *("lfn_prefix_re", "specs_split", "is_guid", "pathtype_grid", "lfn2uri"),
)
_STATE = ("AlienSessionInfo", "CERT_NAMES", "setup_logging")
_VERSION = ("ALIENPY_VERSION_STR", "ALIENPY_VERSION_DATE", "ALIENPY_VERSION_HASH")
_DO = tuple(client_commands.FUNCTIONS)
_COMMANDS = (
    *("AliEn", "ProcessInput", "ProcessCommandChain", "JAlien", "constructCmdList", "ccdb_runinfo", "json", "logging"),
    *("os", "sys"),
)
_NAMES = {
    "alien": (*_COMMANDS, *_API, *_TOOLS, *_STATE, *_VERSION, "RET", *_DO),
    "wb_api": (*_API, *_TOOLS, *_STATE, "RET"),
    "wb_async": ("wb_create", "wb_close", "AlienSessionInfo"),
    "tools_nowb": (*_TOOLS, *_STATE, "RET"),
    "xrd_core": ("DO_XrootdCp", "pathtype_grid", "lfn2uri", *_STATE, "RET"),
    "global_vars": (*_STATE, *_VERSION, "lfn_prefix_re", "specs_split", "os", "sys"),
    "data_structs": ("RET", "CertsInfo"),
    "setup_logging": ("setup_logging", "print_out", "print_err"),
    "version": _VERSION,
}
"""The names in each module."""


def constructCmdList(wb: Any = None) -> None:
    """Fill `AlienSessionInfo` with the names of all commands; programs pass it to `InitConnection`."""
    session.AlienSessionInfo["commandlist"]


def wb_create(host: str = "", port: int = 0, path: str = "", use_usercert: bool = False) -> session.Connection:
    """Return the connection: the daemon knows host and port."""
    return session.InitConnection()


def wb_close(wb: Any, code: int = 1000, reason: str = "") -> None:
    """Do nothing: the daemon keeps its connections."""


def create(package: str) -> None:
    """Create the modules of a package; `import alienpy.alien` and `from alienpy import alien` then find them."""
    values: dict[str, Any] = {}
    for source in (logging, sys, results, texts, copying, session, client_commands):
        values.update(vars(source))
    values.update(client_commands.FUNCTIONS, logging=logging, constructCmdList=constructCmdList)
    values.update(wb_create=wb_create, wb_close=wb_close, sys=sys)
    for name, contents in _NAMES.items():
        module = ModuleType(f"{package}.{name}", f"The names of alienpy's module `{name}`.")
        module.__dict__.update({each: values[each] for each in contents}, __all__=list(contents))
        module.__dict__["__getattr__"] = _missing(module.__name__)
        sys.modules[module.__name__] = module
        setattr(sys.modules[package], name, module)


def _missing(module: str) -> Any:
    def missing(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(
            f"aliend's alienpy has no {name!r} in {module}; use `alienctl` in a subprocess, or install the real alienpy"
        )

    return missing
