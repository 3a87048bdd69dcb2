"""`cp - LFN` and `cp LFN -`: copies from standard input and to standard output.

The daemon first stores standard input in a file, then uploads it like any other. A file for standard output is
verified while it is printed, so that a wrong checksum is reported after its bytes, as an error.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from aliend.commands.files.contents import read_pieces
from aliend.commands.following.foreground import submit_in_foreground
from aliend.commands.invocation.call import Call
from aliend.core.copying.arguments import CopyArguments
from aliend.core.copying.locations import PathContext, resolve_path
from aliend.core.transfers.job import JobSpec
from aliend.engine.file_content import content_of
from aliend.engine.views import JobView
from aliend.errors import UsageError
from aliend.runtime import Runtime


async def submit_input(runtime: Runtime, call: Call, spec: JobSpec) -> JobView:
    """Store standard input, then submit its upload. Raises UsageError for an invalid target, CopyError."""
    if call.commands_on_stdin:
        raise UsageError("cp: standard input contains the commands, so it cannot be copied; copy a file instead")
    entries, _ = await runtime.central_sessions.catalogue_of(spec.context).stat([spec.target])
    if spec.target.endswith("/") or any(entry.is_directory for entry in entries):
        raise UsageError(f"cp: {spec.target} is a directory; append a file name")
    if entries and spec.overwrite == "never":
        raise UsageError(f"cp: {spec.target} exists; replace it with -f")
    kept = await runtime.stdin_files.store(_pieces(call))
    spec = replace(spec, sources=(str(kept),))
    try:
        (job,) = await submit_in_foreground(runtime, partial(runtime.engine.submit, spec, call.new_request_id()))
    except BaseException:
        runtime.stdin_files.discard(kept)
        raise
    runtime.stdin_files.discard_after(job.id, kept)
    return job


async def write_output(runtime: Runtime, call: Call, options: CopyArguments, paths: PathContext) -> int:
    """Write a catalogue file to standard output. Raises UsageError, and CopyError at its end for a wrong checksum."""
    source = resolve_path(options.sources[0], paths, no_storage=bool(options.storage))
    if source.side == "local" or len(options.sources) > 1 or "*" in source.name:
        raise UsageError("cp: only one catalogue file can be written to standard output: `cp LFN -`")
    if options.detach or options.dry_run or call.as_json:
        raise UsageError("cp: --detach, --dry-run and --json do not apply to standard output")
    content = await content_of(runtime.central_sessions.catalogue_of(call.context), source.name)
    async with aclosing(read_pieces(runtime, call, content, 0, content.size)) as found:
        async for data in found:
            await call.output.stdout(data)
    return 0


async def _pieces(call: Call) -> AsyncIterator[bytes]:
    while data := await call.stdin.get():
        yield data
