"""`edit`, `vi`, `vim`, `nano`, `mcedit`: edit a file of the catalogue in the user's editor.

The editor gets a private local file. A changed text is uploaded like any replacement: first under a temporary name,
then it replaces the old file, which becomes the backup. A text whose upload fails is kept.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aliend.commands.files.run import PRIVATE_UMASK, download_to, program_from_environment
from aliend.commands.following.foreground import cancel_with_command, submit_in_foreground
from aliend.commands.invocation.call import Call, EditedText
from aliend.commands.invocation.lfn_arguments import session_state
from aliend.core.catalogue.entries import EMPTY_MD5
from aliend.core.catalogue.storage_spec import DEFAULT
from aliend.core.cli.options import Option, parse_options
from aliend.core.copying.locations import PathContext, resolve_path
from aliend.core.transfers.job import JobSpec
from aliend.engine.file_content import FileContent, content_of
from aliend.errors import UsageError
from aliend.runtime import Runtime
from aliend.storage.tasks import Checksum

_OPTIONS: Mapping[str, Option] = {"-datebck": Option("datebck")}
_USUAL_EDITORS = (("mcedit", "-u"), ("vi",))
"""Tried in this order if EDITOR is not set."""
_MISSING = 127
_URGENT = 100


@dataclass(frozen=True, slots=True)
class _EditRequest:
    """The file to edit (absolute LFN; GUID, empty for a new file), its storage spec, and the LFN of its backup."""

    lfn: str
    guid: str
    storage: str
    backup: str


async def edit(runtime: Runtime, call: Call) -> int:
    """Edit one file, or create a new one; upload it only if its content changed."""
    lfn, storage, dated = await _parse(runtime, call)
    catalogue = runtime.central_sessions.catalogue_of(call.context)
    entries, _ = await catalogue.stat([lfn])
    content = await content_of(catalogue, lfn) if entries else FileContent(lfn, 0, EMPTY_MD5, "", ())
    if not storage and content.sources:
        storage = f"disk:{len({replica.se for replica in await catalogue.whereis(lfn)}) or len(content.sources)}"
    backup = f"{lfn}.{time.strftime('%Y%m%d_%H%M%S')}" if dated else f"{lfn}~"
    request = _EditRequest(lfn, entries[0].guid if entries else "", storage or DEFAULT, backup)
    place = await asyncio.to_thread(runtime.scratch.directory_to_edit, content.md5)
    settled = False
    try:
        text = await download_to(runtime, content, place)
        code = await _edit_and_upload(runtime, call, request, text)
        settled = code == 0
        return code
    finally:
        kept = await asyncio.shield(asyncio.to_thread(runtime.scratch.remove_unless_edited, place, settled))
        if kept and _has_client(call):
            await call.print_error(
                f"{call.args[0]}: your text is saved in {kept}; upload it with `alienctl cp -f file:{kept} {lfn}`"
            )


def _has_client(call: Call) -> bool:
    """Return whether the client is still connected: a command cancelled without an interruption has lost it."""
    task = asyncio.current_task()
    return call.interrupted.is_set() or task is None or not task.cancelling()


async def _parse(runtime: Runtime, call: Call) -> tuple[str, str, bool]:
    """Return the absolute LFN, the storage spec, and whether the backup name includes the date."""
    options = parse_options(call.args[0], call.args[1:], _OPTIONS)
    if len(options.operands) != 1:
        raise UsageError(f"{options.command} requires one file (see `alienctl help {options.command}`)")
    state = await session_state(runtime, call)
    found = resolve_path(options.operands[0], PathContext(state.directory, state.home, call.directory))
    if found.side == "local" or found.name.endswith("/"):
        raise UsageError(f"{options.command}: {options.operands[0]} is not an LFN of a file")
    return found.name, found.storage, options.has("datebck")


async def _edit_and_upload(runtime: Runtime, call: Call, request: _EditRequest, text: Path) -> int:
    """Run the editor, then upload the text; return 0 if the local text can be deleted."""
    before = await _md5(runtime, text)
    status = await _run_editor(call, EditedText(str(text), request.lfn))
    if status:
        await call.print_error(f"{call.args[0]}: the editor exited with status {status}; nothing was uploaded")
        return status
    if await _md5(runtime, text) == before:
        await _print_outcome(call, request, "unchanged", f"{request.lfn} is unchanged; nothing was uploaded")
        return 0
    if not await _upload(runtime, call, request, text):
        return 1
    await _print_outcome(call, request, "uploaded", f"Uploaded {request.lfn}")
    return 0


async def _run_editor(call: Call, text: EditedText) -> int:
    """Run the editor with its own arguments and the path, and return its exit status."""
    if call.args[0] != "edit":
        named = [call.args[0], *(("-u",) if call.args[0] == "mcedit" else ())]
        return await call.run_on_client([*named, text.path], text=text)
    if chosen := program_from_environment(call, "EDITOR"):
        return await call.run_on_client([*chosen, text.path], text=text)
    for editor in _USUAL_EDITORS:
        may_be_missing = editor is not _USUAL_EDITORS[-1]
        status = await call.run_on_client([*editor, text.path], may_be_missing=may_be_missing, text=text)
        if status != _MISSING:
            break
    return status


async def _upload(runtime: Runtime, call: Call, request: _EditRequest, text: Path) -> bool:
    """Upload the text in place of the file; print why it waits or fails; return whether it succeeded."""
    spec = JobSpec(
        direction="upload",
        sources=(str(text),),
        target=request.lfn,
        overwrite="changed",
        storage=request.storage,
        priority=_URGENT,
        umask=PRIVATE_UMASK,
        context=call.context,
        backup=request.backup,
        replaces=request.guid,
    )
    (job,) = await submit_in_foreground(runtime, partial(runtime.engine.submit, spec, uuid.uuid4().hex))
    async with cancel_with_command(runtime, job.id):
        async for changes in runtime.engine.changes(job.id):
            for view in changes.jobs:
                job = view
            for transfer in changes.transfers:
                if transfer.state in ("waiting", "failed"):
                    again = "; retrying" if transfer.state == "waiting" else ""
                    await call.print_error(f"{request.lfn}: {transfer.message}{again}")
    return job.state == "done"


async def _md5(runtime: Runtime, text: Path) -> str:
    return (await runtime.workers.run(Checksum(0, str(text)), lambda _: None)).md5


async def _print_outcome(call: Call, request: _EditRequest, outcome: str, sentence: str) -> None:
    if call.as_json:
        await call.print_json({"lfn": request.lfn, "outcome": outcome})
    else:
        await call.print(sentence)
