"""Checks a job description before the job is queued: its executables and input files must be in the catalogue."""

from __future__ import annotations

from aliend.sandbox.service.call import Call
from aliend.sandbox.service.jdl import BadDescriptionError, Description
from aliend.sandbox.state import paths

_PATH = ("/bin/", "/alice/bin/", "/panda/bin/")


def check(call: Call, description: Description, jdl_path: str | None) -> None:
    """Replace the names of executables by their LFNs. Raises BadDescriptionError for what is not in the catalogue.

    `jdl_path` is the LFN of the description, if it was a file: its directory is one of those to look in.
    """
    directories = [*_PATH, f"{call.home()}bin/", *([paths.parent(jdl_path)] if jdl_path else [])]
    for name in ("Executable", "ValidationCommand"):
        value = description.find(name)
        if value is not None:
            description.set(name, _located(call, name, description.text(name), directories))
        elif name == "Executable":
            raise BadDescriptionError("The JDL has to indicate an Executable")
    for name in ("InputFile", "InputData"):
        for item in description.items(name):
            _check_input(call, name, item)
    for item in description.items("InputDataCollection"):
        _check_collection(call, item)


def _located(call: Call, name: str, executable: str, directories: list[str]) -> str:
    names = call.catalogue.names
    tried = [executable] if executable.startswith("/") else [f"{directory}{executable}" for directory in directories]
    found = [entry.path for entry in map(names.get, tried) if entry is not None and entry.kind == "f"]
    if not found:
        raise BadDescriptionError(
            f"The {name} name you indicated ({executable}) cannot be located in any standard PATH"
        )
    return found[-1]


def _check_input(call: Call, name: str, item: str) -> None:
    if "/" not in item:
        raise BadDescriptionError(f"{name} contains an illegal entry: {item}")
    if not item.startswith("LF:"):
        raise BadDescriptionError(f"{name} doesn't start with 'LF:' : {item}")
    lfn = item.removeprefix("LF:")
    lfn = lfn.partition(",")[0] if name == "InputData" else lfn
    entry = call.catalogue.names.get(lfn)
    if entry is None or entry.kind != "f":
        raise BadDescriptionError(f"{name} {lfn} doesn't exist in the catalogue")


def _check_collection(call: Call, item: str) -> None:
    lfn = item.removeprefix("LF:").partition(",")[0]
    entry = call.catalogue.names.get(lfn)
    if entry is None or entry.kind not in ("f", "c"):
        reason = "not in the catalogue" if entry is None else "not a file or collection"
        raise BadDescriptionError(f"InputDataCollection tag required {lfn} which is not valid: {reason}")
