"""`sync`: copies what is missing or differs, and on request deletes what only the target has, as a transfer job."""

from __future__ import annotations

from typing import Any

from aliend.commands.call import Call
from aliend.commands.follow import human
from aliend.commands.replicate import JOB_OPTIONS
from aliend.commands.submitting import submit_and_follow
from aliend.core.job import JobSpec
from aliend.core.naming import Place, locate, require_clear_target
from aliend.core.options import Option, take_apart
from aliend.core.sync import Planned
from aliend.core.sync_job import sync_job
from aliend.errors import UsageError
from aliend.parts import Parts

_OPTIONS = {
    **JOB_OPTIONS,
    "--delete": Option("delete"),
    "--dry-run": Option("dry-run"),
    "-dryrun": Option("dry-run"),
    "--exclude": Option("exclude", "a pattern"),
}
_LOWEST = -(10**6)


async def sync(parts: Parts, call: Call) -> int:
    """Submit the job, then follow it, or tell what it would do with `--dry-run`."""
    given = take_apart("sync", call.words[1:], _OPTIONS)
    if len(given.operands) != 2:
        raise UsageError("sync needs a source and a target: sync [OPTIONS] SOURCE TARGET (see: help sync)")
    template = JobSpec(
        "copy",
        (),
        "",
        parallel=given.number("T", 0, least=1),
        priority=given.number("priority", 0, least=_LOWEST),
        umask=call.umask,
        context=call.context,
    )
    state = await parts.sessions.state(call.session, call.context, restore=call.restore_directory)
    place = Place(state.directory, state.home, call.local, call.environment.get("HOME", ""))
    source, target = (locate(word, place) for word in given.operands)
    if source.side == target.side == "catalogue":
        require_clear_target(given.operands[1])
    spec = sync_job(template, source, target, delete=given.has("delete"), exclude=given.all("exclude"))
    if given.has("dry-run"):
        return await _foresee(parts, call, spec)
    return await submit_and_follow(parts, call, spec, detach=given.has("detach"))


async def _foresee(parts: Parts, call: Call, spec: JobSpec) -> int:
    """Tell what would be copied and deleted, and why, in the order of the job."""
    told: list[dict[str, Any]] = []

    async def tell(one: Planned) -> None:
        if call.as_json:
            names = {"source": one.source} if one.source else {}
            told.append({"do": one.deed, **names, "target": one.target, "size": one.size, "reason": one.reason})
        elif one.deed == "fail":
            await call.complain(f"{one.source}: {one.reason}")
        elif one.deed == "copy":
            await call.say(f"copy {one.source} -> {one.target} {human(one.size)} ({one.reason})")
        else:
            await call.say(f"delete {one.target} ({one.reason})")

    failing = 0
    async with parts.engine.plan(spec) as plan:
        async for page in plan.copies():
            for one in page:
                failing += one.deed == "fail"
                await tell(one)
        objection = await plan.objection() if spec.delete else ""
        if spec.delete and not objection and not failing:
            async for page in plan.deletions():
                for one in page:
                    await tell(one)
    if call.as_json:
        await call.document({"sync": told, "message": f"nothing would be deleted: {objection}" if objection else ""})
    elif objection:
        await call.complain(f"sync: nothing would be deleted: {objection}")
    return 0
