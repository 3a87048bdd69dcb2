"""`cp - LFN` and `cp LFN -`: copies from standard input and to standard output.

What comes in is kept by the daemon first, then it is an upload like any other. What goes out is read along as it comes
and compared at the end, so that wrong bytes are told after they were printed, by the exit code and a sentence.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

from aliend.commands.files.contents import read_pieces
from aliend.commands.invocation.call import Call
from aliend.core.copying.arguments import CopyArguments
from aliend.core.copying.locations import PathContext, resolve_path
from aliend.core.transfers.job import JobSpec
from aliend.engine.file_content import content_of
from aliend.engine.views import JobView
from aliend.errors import UsageError
from aliend.runtime import Runtime


async def submit_input(runtime: Runtime, call: Call, spec: JobSpec) -> JobView:
    """Keep standard input, then submit its upload. Raises UsageError where the target is no file, CopyError."""
    if call.commands_on_stdin:
        raise UsageError("cp: standard input already carries the commands; copy a file instead")
    entries, _ = await runtime.central_sessions.catalogue_of(spec.context).stat([spec.target])
    if spec.target.endswith("/") or any(entry.is_directory for entry in entries):
        raise UsageError(f"cp: {spec.target} is a directory; append a file name")
    if entries and spec.overwrite == "never":
        raise UsageError(f"cp: {spec.target} exists; replace it with -f")
    kept = await runtime.stdin_files.fill(_pieces(call))
    try:
        job = await runtime.engine.submit(replace(spec, sources=(str(kept),)), uuid.uuid4().hex)
    except BaseException:
        runtime.stdin_files.discard(kept)
        raise
    runtime.stdin_files.discard_after(job.id, kept)
    return job


async def write_output(runtime: Runtime, call: Call, words: CopyArguments, place: PathContext) -> int:
    """Write one file of the catalogue to standard output. Raises UsageError, CopyError at the end for wrong bytes."""
    source = resolve_path(words.sources[0], place, no_storage=bool(words.storage))
    if source.side == "local" or len(words.sources) > 1 or "*" in source.name:
        raise UsageError("cp: only one catalogue file can be written to standard output: `cp LFN -`")
    if words.detach or words.dry_run or call.as_json:
        raise UsageError("cp: --detach, --dry-run and --json do not apply to standard output")
    content = await content_of(runtime.central_sessions.catalogue_of(call.context), source.name)
    async with aclosing(read_pieces(runtime, call, content, 0, content.size)) as found:
        async for data in found:
            await call.output.stdout(data)
    return 0


async def _pieces(call: Call) -> AsyncIterator[bytes]:
    while data := await call.stdin.get():
        yield data
