"""Texts of the catalogue in the user's editor: edit, vi, vim, nano, mcedit.

The editor gets a private file. What was changed goes up as any upload that replaces a file does: under a name of its
own first, then in the place of the old one, which becomes the backup. A text that could not be uploaded is kept.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aliend.commands.files.run import PRIVATE, brought, words_of
from aliend.commands.following.foreground import cancelled_with
from aliend.commands.invocation.call import Call
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
"""Tried in their order where EDITOR names none."""
_MISSING = 127
_URGENT = 100


@dataclass(frozen=True, slots=True)
class _Wish:
    """What shall be edited (absolute LFN, its GUID where it exists), where it shall be stored, its backup's name."""

    lfn: str
    guid: str
    storage: str
    backup: str


async def edit(parts: Runtime, call: Call) -> int:
    """Edit one file, or make a new one; nothing is uploaded unless its content is another one."""
    lfn, storage, dated = await _words(parts, call)
    catalogue = parts.central_sessions.catalogue_of(call.context)
    entries, _ = await catalogue.stat([lfn])
    content = await content_of(catalogue, lfn) if entries else FileContent(lfn, 0, EMPTY_MD5, "", ())
    if not storage and content.sources:
        storage = f"disk:{len({replica.se for replica in await catalogue.whereis(lfn)}) or len(content.sources)}"
    backup = f"{lfn}.{time.strftime('%Y%m%d_%H%M%S')}" if dated else f"{lfn}~"
    wish = _Wish(lfn, entries[0].guid if entries else "", storage or DEFAULT, backup)
    place = await asyncio.to_thread(parts.scratch.place_to_edit, content.md5)
    settled = False
    try:
        text = await brought(parts, content, place)
        code = await _edited(parts, call, wish, text)
        settled = code == 0
        return code
    finally:
        kept = await asyncio.shield(asyncio.to_thread(parts.scratch.leave, place, settled))
        if kept and _is_heard(call):
            await call.complain(
                f"{call.words[0]}: your text is kept as {kept}; upload it with: alienctl cp -f file:{kept} {lfn}"
            )


def _is_heard(call: Call) -> bool:
    """Whether the user is still there: a command that is cancelled without an interruption has lost its client."""
    task = asyncio.current_task()
    return call.interrupted.is_set() or task is None or not task.cancelling()


async def _words(parts: Runtime, call: Call) -> tuple[str, str, bool]:
    """The absolute LFN, the storage wish, and whether the backup carries the date."""
    given = parse_options(call.words[0], call.words[1:], _OPTIONS)
    if len(given.operands) != 1:
        raise UsageError(f"{given.command} takes one file (see: alienctl help {given.command})")
    state = await parts.sessions.state(call.session, call.context, restore=call.restore_directory)
    found = resolve_path(given.operands[0], PathContext(state.directory, state.home, call.local))
    if found.side == "local" or found.name.endswith("/"):
        raise UsageError(f"{given.command}: {given.operands[0]} is not the name of a file in the catalogue")
    return found.name, found.storage, given.has("datebck")


async def _edited(parts: Runtime, call: Call, wish: _Wish, text: Path) -> int:
    """Editor, then upload; 0 where the text needs to be kept no more."""
    before = await _md5(parts, text)
    status = await _have_edited(call, text)
    if status:
        await call.complain(f"{call.words[0]}: the editor ended with status {status}; nothing was uploaded")
        return status
    if await _md5(parts, text) == before:
        await _tell(call, wish, "unchanged", f"{wish.lfn} is not changed; nothing was uploaded")
        return 0
    if not await _uploaded(parts, call, wish, text):
        return 1
    await _tell(call, wish, "uploaded", f"Uploaded {wish.lfn}")
    return 0


async def _have_edited(call: Call, text: Path) -> int:
    """The editor's exit status. An editor gets no words but its own and the path."""
    if call.words[0] != "edit":
        named = [call.words[0], *(("-u",) if call.words[0] == "mcedit" else ())]
        return await call.have_run([*named, str(text)])
    if chosen := words_of(call, "EDITOR"):
        return await call.have_run([*chosen, str(text)])
    for editor in _USUAL_EDITORS:
        status = await call.have_run([*editor, str(text)], may_be_missing=editor is not _USUAL_EDITORS[-1])
        if status != _MISSING:
            break
    return status


async def _uploaded(parts: Runtime, call: Call, wish: _Wish, text: Path) -> bool:
    """Have the engine replace the file; whether it did. Why it waits or failed is told."""
    spec = JobSpec(
        direction="upload",
        sources=(str(text),),
        target=wish.lfn,
        overwrite="changed",
        storage=wish.storage,
        priority=_URGENT,
        umask=PRIVATE,
        context=call.context,
        backup=wish.backup,
        replaces=wish.guid,
    )
    job = await parts.engine.submit(spec, uuid.uuid4().hex)
    async with cancelled_with(parts, job.id):
        async for changes in parts.engine.changes(job.id):
            for view in changes.jobs:
                job = view
            for transfer in changes.transfers:
                if transfer.state in ("waiting", "failed"):
                    again = "; it is tried again" if transfer.state == "waiting" else ""
                    await call.complain(f"{wish.lfn}: {transfer.message}{again}")
    return job.state == "done"


async def _md5(parts: Runtime, text: Path) -> str:
    return (await parts.workers.run(Checksum(0, str(text)), lambda _: None)).md5


async def _tell(call: Call, wish: _Wish, outcome: str, sentence: str) -> None:
    if call.as_json:
        await call.document({"lfn": wish.lfn, "outcome": outcome})
    else:
        await call.say(sentence)
