"""`bridge`: turns the local websocket for programs that know only JBox on and off (see `aliend.bridge`).

A file in the state directory records that it is on, and its port, so that a new daemon turns it on again.
"""

from __future__ import annotations

import asyncio
import logging
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aliend.commands.invocation.call import Call
from aliend.core.cli.numbers import parse_whole
from aliend.credential_locations import jbox_file
from aliend.errors import AliendError, ConfigurationError, UsageError
from aliend.runtime import Runtime

if TYPE_CHECKING:
    from aliend.bridge.server import Bridge

log = logging.getLogger(__name__)

_LARGEST_PORT = 65535


async def bridge(runtime: Runtime, call: Call) -> int:
    """Run `bridge on`, `bridge off` or `bridge status`."""
    match call.args[1:]:
        case ("on",):
            document = await switch(runtime, on=True)
        case ("off",):
            document = await switch(runtime, on=False)
        case ("status",) | ():
            document = await status(runtime)
        case arguments:
            raise UsageError(f"bridge takes on, off or status, but got {' '.join(arguments)!r}")
    if call.as_json:
        await call.print_json(document)
    else:
        await call.print(_text(document))
    return 0


async def switch(runtime: Runtime, *, on: bool) -> dict[str, Any]:
    """Turn the bridge on or off; return its state. Raises NotConnected, ConfigurationError."""
    async with runtime.bridge_lock:
        await (_turn_on(runtime) if on else _turn_off(runtime))
        return await _status(runtime)


async def status(runtime: Runtime) -> dict[str, Any]:
    """Return the state of the bridge, which is turned on first if it is recorded as on."""
    async with runtime.bridge_lock:
        await _restore(runtime)
        return await _status(runtime)


async def restore(runtime: Runtime) -> None:
    """Turn the bridge on, because it was on when the last daemon ended."""
    async with runtime.bridge_lock:
        await _restore(runtime)


async def _restore(runtime: Runtime) -> None:
    """Turn the bridge on if it is recorded as on."""
    if runtime.bridge is None and await asyncio.to_thread(_record(runtime).exists):
        try:
            await _turn_on(runtime)
        except AliendError as error:
            log.warning("the bridge stays off: %s", error)


async def _turn_on(runtime: Runtime) -> None:
    """Turn it on, or announce it again if it is on. Raises NotConnected, ConfigurationError."""
    if (running := runtime.bridge) is not None:
        if not await asyncio.to_thread(running.announced):
            await running.announce()
        return
    await runtime.tokens.ensure(runtime.context(None))  # the bridge shows its clients the token
    started = _new_bridge(runtime)
    record = _record(runtime)
    before = await asyncio.to_thread(_recorded_port, record)
    await started.open(before)
    runtime.bridge = started
    try:
        await asyncio.to_thread(record.write_text, f"{started.port}\n", encoding="ascii")
    except OSError as error:
        raise ConfigurationError(
            f"the bridge is on, but will be off after a restart: cannot write {record}: {error.strerror}"
        ) from error


def _new_bridge(runtime: Runtime) -> Bridge:
    """Create a bridge; its code is imported only now. Raises ConfigurationError after an upgrade."""
    try:
        server = import_module("aliend.bridge.server")
    except ImportError as error:
        raise ConfigurationError(
            f"aliend was upgraded since this daemon started ({error}); run: `alienctl daemon restart`"
        ) from error
    parts = server.DaemonParts(
        context=lambda: runtime.context(None),
        central_of=runtime.central_sessions.of,
        account_of=runtime.sessions.account,
        file=Path(jbox_file(runtime.settings.environment)),
    )
    made: Bridge = server.Bridge(parts)
    return made


async def _turn_off(runtime: Runtime) -> None:
    """Turn it off. Raises ConfigurationError if a new daemon would turn it on again."""
    if runtime.bridge is not None:
        running, runtime.bridge = runtime.bridge, None
        await running.close()
    record = _record(runtime)
    try:
        await asyncio.to_thread(record.unlink, missing_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"the bridge is off, but will be on again after a restart: cannot remove {record}: {error.strerror}"
        ) from error


def _record(runtime: Runtime) -> Path:
    return Path(runtime.settings.state_directory) / "bridge"


def _recorded_port(record: Path) -> int:
    """Return the port of the last bridge; 0 if it is unknown."""
    try:
        return parse_whole(record.read_text(encoding="ascii").strip(), 1, _LARGEST_PORT) or 0
    except (OSError, ValueError):
        return 0


async def _status(runtime: Runtime) -> dict[str, Any]:
    if (running := runtime.bridge) is None:
        return {"running": False}
    return {
        "running": True,
        "host": "127.0.0.1",
        "port": running.port,
        "file": running.file,
        "announced": await asyncio.to_thread(running.announced),
        "note": running.note,
        "clients": running.clients,
        "requests": running.requests,
    }


def _text(document: dict[str, Any]) -> str:
    if not document["running"]:
        return "the bridge is off; turn it on with `alienctl bridge on`"
    where = f"JALIEN_HOST={document['host']} JALIEN_WSPORT={document['port']}"
    if document["announced"]:
        found = f"programs find it by {document['file']}"
    else:
        note = (
            document["note"]
            or f"{document['file']} does not name this bridge now; to rewrite it, run: `alienctl bridge on`"
        )
        found = f"{note}\nprograms find it with: export {where}"
    return f"the bridge is on: {where}, clients: {document['clients']}, requests: {document['requests']}\n{found}"
