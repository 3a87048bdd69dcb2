"""Resolves file arguments to absolute LFNs."""

from __future__ import annotations

from collections.abc import Sequence

from aliend.commands.invocation.call import Call
from aliend.core.catalogue import paths
from aliend.core.copying.locations import PathContext
from aliend.errors import UsageError
from aliend.runtime import Runtime
from aliend.user_sessions import SessionState


async def session_state(runtime: Runtime, call: Call) -> SessionState:
    """Return the state of the caller's session; messages may quote its directory from now on."""
    state = await runtime.sessions.state(call.session, call.context, restore=call.restore_directory)
    call.catalogue_directories.add(state.directory)
    return state


async def path_context(runtime: Runtime, call: Call) -> PathContext:
    """Return how the arguments of a copy are resolved."""
    state = await session_state(runtime, call)
    return PathContext(state.directory, state.home, call.directory, call.environment.get("HOME", ""))


async def resolve_lfns(runtime: Runtime, call: Call, names: Sequence[str], command: str) -> list[str]:
    """Return the absolute LFN of each name, at least one. Raises UsageError."""
    if not names:
        raise UsageError(f"{command} requires an LFN (see `alienctl help {command}`)")
    return [await resolve_lfn(runtime, call, name) for name in names]


async def resolve_lfn(runtime: Runtime, call: Call, name: str) -> str:
    """Return the absolute LFN of a name. Raises UsageError if it is local or empty."""
    if name.startswith("file:"):
        raise UsageError(f"{call.args[0]}: {name} is a local file; give an LFN")
    if not name:
        raise UsageError(f"{call.args[0]}: the file name is empty")
    state = await session_state(runtime, call)
    return paths.resolve(name, state.directory, state.home)
