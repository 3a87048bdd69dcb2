"""`cp`: a transfer job like any other, followed to its end or left to the daemon.

Everything that is wrong with the words is told before anything is stored. A foreground copy ends with its job; if the
user interrupts it or the client dies, the job is cancelled; if the daemon ends, the job goes on after the next start.
"""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

from aliend.commands.call import Call
from aliend.commands.follow import exit_code, follow, summary
from aliend.core.job import JobSpec
from aliend.core.naming import CopyWords, Location, Place, direction_of, locate, parse_copy
from aliend.core.settings import settings_of
from aliend.errors import NoSuchFile, UsageError
from aliend.parts import Parts


async def cp(parts: Parts, call: Call) -> int:
    """Submit the job, then follow it, or print its number with `--detach`."""
    words = parse_copy(call.words[1:])
    await asyncio.to_thread(_require_local_sources, words, call.local)
    state = await parts.sessions.state(call.session, call.context, restore=call.restore_directory)
    spec = job_of(words, Place(state.directory, state.home, call.local), call)
    job = await parts.engine.submit(spec, uuid.uuid4().hex)
    if words.detach:
        await _tell_number(call, job.id, spec)
        return 0
    await call.output.attached(job.id)
    return await follow_foreground(parts, call, job.id)


async def follow_foreground(parts: Parts, call: Call, job: int) -> int:
    """Follow a job whose end is this command's end, and the other way round."""
    try:
        final = await follow(parts, call, job, until_held=True)
    except asyncio.CancelledError:
        if not parts.stopping:
            await asyncio.shield(parts.engine.cancel(job))
        if call.interrupted.is_set():
            await call.complain(f"job {job} cancelled")
        raise
    if call.as_json:
        await call.document(summary(final))
    return exit_code(final)


def job_of(words: CopyWords, place: Place, call: Call) -> JobSpec:
    """The job that the words ask for. Raises UsageError."""
    sources = [locate(word, place) for word in words.sources]
    target = locate(words.target, place)
    return JobSpec(
        direction=direction_of(sources, target),
        sources=tuple(source.name for source in sources),
        target=target.name,
        overwrite="always" if words.force else "never",
        storage=_storage(sources, target),
        parallel=words.parallel,
        priority=words.priority,
        umask=call.umask,
        context=call.context,
        touch_empty=words.touch_empty,
        interactive=not words.detach,
        settings=settings_of(call.environment),
    )


def _storage(sources: list[Location], target: Location) -> str:
    if target.side == "catalogue":
        return target.storage
    wishes = {source.storage for source in sources}
    if len(wishes) > 1:
        raise UsageError("cp: one storage wish for all sources, please; or copy them one by one")
    return wishes.pop()


def _require_local_sources(words: CopyWords, local: str) -> None:
    """Told before the service is asked anything. Raises NoSuchFile."""
    locations = [locate(word, Place("/", "/", local)) for word in words.sources]
    missing = [found.name for found in locations if found.side == "local" and not Path(found.name).exists()]
    if missing:
        raise NoSuchFile(f"there is no local file {missing[0]}; nothing was copied")


async def _tell_number(call: Call, job: int, spec: JobSpec) -> None:
    if call.as_json:
        await call.document(
            {"job": job, "direction": spec.direction, "sources": list(spec.sources), "target": spec.target}
        )
    else:
        await call.say(str(job))
        await call.complain(
            f"job {job}: {spec.direction} to {spec.target}; follow it with: alienctl transfers watch {job}"
        )
