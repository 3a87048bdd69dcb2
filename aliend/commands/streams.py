"""`cp - LFN`: what comes by standard input is kept by the daemon first, then it is an upload like any other."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

from aliend.commands.call import Call
from aliend.core.job import JobSpec
from aliend.engine.views import JobView
from aliend.errors import UsageError
from aliend.parts import Parts


async def submit_input(parts: Parts, call: Call, spec: JobSpec) -> JobView:
    """Keep standard input, then submit its upload. Raises UsageError where the target is no file, CopyError."""
    if call.commands_on_stdin:
        raise UsageError("cp: standard input has the commands; copy a file")
    entries, _ = await parts.centrals.catalogue_of(spec.context).stat([spec.target])
    if spec.target.endswith("/") or any(entry.is_directory for entry in entries):
        raise UsageError(f"cp: {spec.target} is a directory; say what the file is called there")
    if entries and spec.overwrite == "never":
        raise UsageError(f"cp: {spec.target} exists; -f replaces it")
    kept = await parts.spool.fill(_pieces(call))
    try:
        job = await parts.engine.submit(replace(spec, sources=(str(kept),)), uuid.uuid4().hex)
    except BaseException:
        parts.spool.discard(kept)
        raise
    parts.spool.discard_after(job.id, kept)
    return job


async def _pieces(call: Call) -> AsyncIterator[bytes]:
    while data := await call.stdin.get():
        yield data
