"""Checks a job description before the job is queued.

Unlike the real service, the sandbox accepts absolute LFNs below /alice that are missing: production JDLs can be tried
without their executables and input data.
"""

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
            _check_input(name, item)


def _located(call: Call, name: str, executable: str, directories: list[str]) -> str:
    names = call.catalogue.names
    tried = [executable] if executable.startswith("/") else [f"{directory}{executable}" for directory in directories]
    found = [entry.path for entry in map(names.get, tried) if entry is not None and entry.kind == "f"]
    if not found and executable.startswith("/alice/") and names.get(executable) is None:
        return executable
    if not found:
        raise BadDescriptionError(
            f"The {name} name you indicated ({executable}) cannot be located in any standard PATH"
        )
    return found[-1]


def _check_input(name: str, item: str) -> None:
    if "/" not in item:
        raise BadDescriptionError(f"{name} contains an illegal entry: {item}")
    if not item.startswith("LF:"):
        raise BadDescriptionError(f"{name} doesn't start with 'LF:' : {item}")
