"""`ALIENPY_KEEP_META`: beside a download, a Metalink document of each file is left in the caller's directory."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from aliend.commands.invocation.call import Call
from aliend.core.catalogue import metalink
from aliend.core.cli.environment import is_on
from aliend.engine.views import JobView
from aliend.errors import AliendError
from aliend.runtime import Runtime

_PAGE = 100


async def keep(parts: Runtime, call: Call, jobs: Sequence[JobView]) -> None:
    """Write the documents of all files that arrived, where the caller's environment asks for them.

    They carry the right to read the files, so that only the user may read them.
    """
    if not is_on(call.environment, "ALIENPY_KEEP_META"):
        return
    for job in jobs:
        last = 0
        while job.direction == "download" and (page := await parts.engine.transfers(job.id, _PAGE, last, ["done"])):
            last = page[-1].id
            for file in page:
                try:
                    await _keep(parts, call, file.source, file.target)
                except (AliendError, OSError) as error:
                    await call.complain(f"cp: no metafile of {file.source}: {error}")


async def _keep(parts: Runtime, call: Call, lfn: str, target: str) -> None:
    tickets = await parts.central_sessions.catalogue_of(call.context).access_read(lfn)
    if tickets:
        path = Path(call.local) / metalink.file_name(lfn)
        await asyncio.to_thread(write, path, metalink.document(lfn, target, tickets))


def write(path: Path, text: str) -> None:
    """Write a file of the user's alone, in place of one that is there."""
    with suppress(FileNotFoundError):
        path.unlink()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - of a descriptor
        file.write(text)
