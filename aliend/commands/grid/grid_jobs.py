"""Jobs: submit (also local descriptions), ps with readable times, jobInfo, siteJobs."""

from __future__ import annotations

import asyncio
import hashlib
import json
import posixpath
import uuid
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from aliend.commands.following.follower import exit_code
from aliend.commands.following.foreground import cancelled_with
from aliend.commands.grid import passthrough
from aliend.commands.invocation.call import Call
from aliend.core.catalogue import paths
from aliend.core.grid import grid_jobs as core
from aliend.core.protocol.replies import Reply, Result
from aliend.core.protocol.requests import Request
from aliend.core.transfers.job import JobSpec
from aliend.errors import CopyError, NoSuchFile, UsageError
from aliend.runtime import Runtime

PLACE = "jdl/"
"""Where local descriptions are put, below the home."""
_LARGEST = 1 << 20
"""Bytes of a job description; more is a file that was named by mistake."""
_HELP = frozenset({"-h", "--h", "-help", "--help"})
_NONE_FOUND = 2


async def submit(parts: Runtime, call: Call) -> int:
    """Submit a description; a local one (`file:x.jdl`) is put below the home first."""
    words = call.words[1:]
    if not words or _HELP.intersection(words) or "=" in words[0]:
        return await passthrough.run(parts, call)
    state = await parts.sessions.state(call.session, call.context, restore=call.restore_directory)
    if words[0].startswith("file:"):
        lfn = await _uploaded(parts, call, words[0].removeprefix("file:"), state.home)
    else:
        lfn = paths.resolve(words[0], state.directory, state.home)
    return await passthrough.run(parts, replace(call, words=("submit", lfn, *words[1:])))


async def ps(parts: Runtime, call: Call) -> int:
    """`ps` of the service; with `-trace` the times are readable."""
    if "-trace" not in call.words or call.as_json:
        return await passthrough.run(parts, call)
    reply = await passthrough.ask(parts, call)
    await call.say(core.format_log_times(reply.text(), _moment))
    await call.complain(reply.error)
    return passthrough.status_of(reply)


async def job_info(parts: Runtime, call: Call) -> int:
    """What is known of some jobs: where they ran, their states, their log, their descriptions."""
    words = core.parse_job_info(call.words[1:])
    reply = await _ask(parts, call, "ps", "-j", ",".join(words.ids), "-trace", "-jdl")
    moment = str if words.unixtime else _moment
    found = [
        (result, core.read_log(str(result.get("trace", "")), moment)) for result in reply.results if "id" in result
    ]
    if call.as_json:
        await call.document([_document(result, log) for result, log in found])
    else:
        await call.say("\n\n".join(_report(result, log, words) for result, log in found))
    missing = set(words.ids).difference(str(result["id"]) for result, _ in found)
    await call.complain("\n".join(f"jobInfo: there is no job {number}" for number in sorted(missing, key=int)))
    return _NONE_FOUND if missing else 0


async def site_jobs(parts: Runtime, call: Call) -> int:
    """The jobs of a site's computing elements."""
    words = core.parse_site_jobs(call.words[1:])
    listed = await _ask(parts, call, "listCEs")
    names = [str(result["ceName"]) for result in listed.results if "ceName" in result]
    elements = [name for name in names if words.site.lower() in name.lower()]
    if not elements:
        raise UsageError(
            f"siteJobs: no computing element has {words.site!r} in its name; there are: {', '.join(names)}"
        )
    options = ["-s", ",".join(elements), *(["-u", words.user] if words.user else ["-a"])]
    if words.running:
        options += ["-f", "r" if not words.status else words.status]
    elif words.status:
        options += ["-f", words.status]
    reply = await _ask(parts, call, "ps", *options)
    jobs = [result for result in reply.results if "id" in result]
    if call.as_json:
        await call.document([dict(job) for job in jobs])
    elif words.only_ids:
        await call.say("\n".join(str(job["id"]) for job in jobs))
    elif jobs:
        await call.say("\n".join(core.table(jobs)))
    if not jobs:
        await call.complain("siteJobs: there are no such jobs")
    return 0


async def _ask(parts: Runtime, call: Call, command: str, *options: str) -> Reply:
    """A reply with keys. Raises ServiceError where it reports a failure."""
    request = Request(command, options)
    return (await parts.central_sessions.of(call.context).request(request)).checked(request)


async def _uploaded(parts: Runtime, call: Call, name: str, home: str) -> str:
    """Put a local description below the home under a name that tells its content; that name."""
    path = Path(call.local) / name
    content = await asyncio.to_thread(_content, path)
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    lfn = posixpath.join(home, PLACE, f"{path.stem}-{digest[:12]}{path.suffix or '.jdl'}")
    spec = JobSpec(
        direction="upload", sources=(str(path),), target=lfn, overwrite="never", umask=call.umask, context=call.context
    )
    job = await parts.engine.submit(spec, uuid.uuid4().hex)
    async with cancelled_with(parts, job.id):
        final = await parts.engine.wait(job.id)
    if exit_code(final):
        raise CopyError(
            f"{path} could not be put into the catalogue, see: alienctl transfers show {job.id}", "permanent"
        )
    await call.complain(f"{path} is {lfn}")
    return lfn


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageError(f"{path} is too large for a job description ({_LARGEST} bytes at most)")
        content = path.read_bytes()
    except OSError as error:
        raise NoSuchFile(f"the job description {path} cannot be read: {error.strerror}") from error
    if not content.strip():
        raise UsageError(f"the job description {path} is empty")
    return content


def _document(result: Result, log: core.Log) -> dict[str, Any]:
    document: dict[str, Any] = {**result, "trace": log.to_json()}
    document["jdl"] = core.read_description(str(result.get("jdl", "")))
    return document


def _report(result: Result, log: core.Log, words: core.JobInfoArguments) -> str:
    if words.jdl:
        return json.dumps(core.read_description(str(result.get("jdl", ""))), ensure_ascii=False, separators=(",", ":"))
    lines = ["#" * 66, *core.table([result]), "", "Machine info:", f"WorkerNode: {log.node}", f"Workdir: {log.workdir}"]
    lines += ["Local queue info:", *log.queue]
    chosen = {"State": True, "Trace": words.trace, "Proc": words.proc}
    for name, is_wanted in chosen.items():
        if is_wanted:
            lines += ["", f"{name} info:", *log.lines.get(name.lower(), ())]
    return "\n".join(lines)


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S%z")
