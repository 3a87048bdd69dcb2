"""The functions `DO_<command>` of alienpy, each a command of alienctl that returns its result."""

from collections.abc import Callable
from typing import Any

from alienctl.alienpy.copying import DO_XrootdCp
from alienctl.alienpy.results import RET
from alienctl.alienpy.session import AlienSessionInfo, command_result

_WITH_SERVICE = """
    2xml=toXml SEqos cat dirs exec find2 getCE getSE gethome=home jobInfo la lfn2uri ll lla pfn pfnstatus=pfn-status
    ping popd ps pushd pwd quota run siteJobs submit token token_init=token-init user xrd_config xrd_ping xrd_stats
"""
_WITHOUT_SERVICE = """
    ccdb_query=ccdb certinfo=cert-info certkeymatch=certkey-match certverify=cert-verify checkAddr getCAcerts help
    queryML tokendestroy=token-destroy tokeninfo=token-info tokenkeymatch=tokenkey-match tokenverify=token-verify
    version
"""


def _named(listed: str) -> "dict[str, str]":
    """Return the commands by the names of their functions."""
    pairs = (word.partition("=") for word in listed.split())
    return {f"DO_{name}": command or name for name, _, command in pairs}


def _with_connection(command: str) -> "Callable[..., RET]":
    def do(wb: Any = None, args: Any = None) -> RET:
        return command_result([command, *map(str, args or [])])

    return do


def _without_connection(command: str) -> "Callable[..., RET]":
    def do(args: Any = None) -> RET:
        return command_result([command, *map(str, args or [])])

    return do


def _functions() -> "dict[str, Callable[..., RET]]":
    made = {name: _with_connection(command) for name, command in _named(_WITH_SERVICE).items()}
    made.update((name, _without_connection(command)) for name, command in _named(_WITHOUT_SERVICE).items())
    for name, do in made.items():
        do.__name__ = do.__qualname__ = name
        do.__doc__ = f"Run a command of alienctl with the arguments `args`; return its result. See `{name}` of alienpy."
    return {**made, "DO_XrootdCp": DO_XrootdCp}


FUNCTIONS = _functions()
AlienSessionInfo["cmd2func_map_client"] = {
    command: FUNCTIONS[name] for name, command in {**_named(_WITH_SERVICE), "DO_XrootdCp": "cp"}.items()
}
AlienSessionInfo["cmd2func_map_nowb"] = {command: FUNCTIONS[name] for name, command in _named(_WITHOUT_SERVICE).items()}


def ccdb_runinfo(run: "int | str") -> "dict[str, Any]":
    """Return the metadata of a run in the conditions database; empty if it has none."""
    found = command_result(["ccdb", "-run", str(run)]).ansdict
    objects = found.get("objects", []) if isinstance(found, dict) else []
    return dict(objects[0]) if objects else {}
