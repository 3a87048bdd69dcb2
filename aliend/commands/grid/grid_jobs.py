"""`submit` (also of local job descriptions), `ps` with readable times, `jobInfo`, `siteJobs`."""

from __future__ import annotations

import asyncio
import hashlib
import posixpath
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from aliend.commands.following.follower import exit_code
from aliend.commands.following.foreground import cancel_with_command, submit_in_foreground
from aliend.commands.grid import passthrough
from aliend.commands.invocation.call import Call, json_text
from aliend.commands.invocation.lfn_arguments import session_state
from aliend.core.catalogue import paths
from aliend.core.cli.options import Option, ParsedOptions, parse_options
from aliend.core.grid import grid_jobs as core
from aliend.core.protocol.replies import Reply, Result
from aliend.core.protocol.requests import Request
from aliend.core.transfers.job import JobSpec
from aliend.errors import CopyError, NoSuchFile, UsageError
from aliend.runtime import Runtime

JDL_DIRECTORY = "jdl/"
"""The directory below the home for uploaded job descriptions."""
_LARGEST = 1 << 20
"""The largest job description, in bytes; a larger file was probably named by mistake."""
_HELP = frozenset({"-h", "--h", "-help", "--help"})
_NONE_FOUND = 2


_INFO_OPTIONS = {f"-{key}": Option(key) for key in ("trace", "proc", "jdl", "unixtime")}
_SITE_OPTIONS = {
    "-id": Option("id"),
    "-running": Option("running"),
    "-r": Option("running"),
    "-status": Option("status", "a state"),
    "-user": Option("user", "a user name"),
}


async def submit(runtime: Runtime, call: Call) -> int:
    """Submit a job description; upload a local one (`file:x.jdl`) below the home first."""
    arguments = call.args[1:]
    if not arguments or _HELP.intersection(arguments) or "=" in arguments[0]:
        return await passthrough.run(runtime, call)
    state = await session_state(runtime, call)
    if not arguments[0].startswith("file:"):
        lfn = paths.resolve(arguments[0], state.directory, state.home)
        return await passthrough.run(runtime, replace(call, args=("submit", lfn, *arguments[1:])))
    lfn, is_new = await _upload(runtime, call, call.local_path(arguments[0]), state.home)
    code = await passthrough.run(runtime, replace(call, args=("submit", lfn, *arguments[1:])))
    if code and is_new:
        await runtime.central_sessions.catalogue_of(call.context).remove(lfn)
        await call.print_error(f"submit: the service rejected the job, so {lfn} was removed")
    return code


async def ps(runtime: Runtime, call: Call) -> int:
    """Run `ps` of the service; with `-trace` print readable times."""
    if "-trace" not in call.args or call.as_json:
        return await passthrough.run(runtime, call)
    reply = await passthrough.ask(runtime, call)
    await call.print(core.format_log_times(reply.text(), _moment))
    await call.print_error(reply.error)
    return passthrough.status_of(reply)


async def job_info(runtime: Runtime, call: Call) -> int:
    """Print where jobs ran, their states, their logs, and with `-jdl` their descriptions."""
    ids, options = parse_job_info(call.args[1:])
    reply = await _ask(runtime, call, "ps", "-j", ",".join(ids), "-trace", "-jdl")
    moment = str if options.has("unixtime") else _moment
    found = [
        (result, core.read_log(str(result.get("trace", "")), moment)) for result in reply.results if "id" in result
    ]
    if call.as_json:
        await call.print_json([_document(result, log) for result, log in found])
    else:
        await call.print("\n\n".join(_report(result, log, options) for result, log in found))
    missing = set(ids).difference(str(result["id"]) for result, _ in found)
    await call.print_error("\n".join(f"jobInfo: job {number} does not exist" for number in sorted(missing, key=int)))
    return _NONE_FOUND if missing else 0


async def site_jobs(runtime: Runtime, call: Call) -> int:
    """Print the jobs of a site's computing elements."""
    site, options = parse_site_jobs(call.args[1:])
    listed = await _ask(runtime, call, "listCEs")
    names = [str(result["ceName"]) for result in listed.results if "ceName" in result]
    elements = [name for name in names if site.lower() in name.lower()]
    if not elements:
        raise UsageError(f"siteJobs: no computing element has {site!r} in its name; choose from: {', '.join(names)}")
    status = options.last("status") or ("r" if options.has("running") else "")
    owner = ["-u", options.last("user")] if options.last("user") else ["-a"]
    reply = await _ask(runtime, call, "ps", "-s", ",".join(elements), *owner, *(["-f", status] if status else []))
    jobs = [result for result in reply.results if "id" in result]
    if call.as_json:
        await call.print_json([dict(job) for job in jobs])
    elif options.has("id"):
        await call.print("\n".join(str(job["id"]) for job in jobs))
    elif jobs:
        await call.print("\n".join(core.table(jobs)))
    if not jobs:
        await call.print_error("siteJobs: no matching jobs")
    return 0


def parse_job_info(args: Sequence[str]) -> tuple[tuple[str, ...], ParsedOptions]:
    """Return the job numbers and the options of `jobInfo`. Raises UsageError."""
    options = parse_options("jobInfo", args, _INFO_OPTIONS)
    ids = tuple(number for operand in options.operands for number in operand.split(",") if number)
    if not ids or not all(number.isascii() and number.isdigit() for number in ids):
        raise UsageError("jobInfo requires job numbers (see `alienctl help jobInfo`)")
    return ids, options


def parse_site_jobs(args: Sequence[str]) -> tuple[str, ParsedOptions]:
    """Return the site (a part of the names of its computing elements) and the options. Raises UsageError."""
    options = parse_options("siteJobs", args, _SITE_OPTIONS)
    if len(options.operands) != 1:
        raise UsageError("siteJobs requires one site (see `alienctl help siteJobs`)")
    return options.operands[0], options


async def _ask(runtime: Runtime, call: Call, command: str, *options: str) -> Reply:
    """Return the reply to a request. Raises ServiceError if it reports a failure."""
    request = Request(command, options)
    return (await runtime.central_sessions.of(call.context).request(request)).checked(request)


async def _upload(runtime: Runtime, call: Call, name: str, home: str) -> tuple[str, bool]:
    """Upload a local job description below the home; return its LFN, which contains the md5, and whether it is new."""
    path = Path(call.directory) / name
    content = await asyncio.to_thread(_content, path)
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    lfn = posixpath.join(home, JDL_DIRECTORY, f"{path.stem}-{digest[:12]}{path.suffix or '.jdl'}")
    spec = JobSpec(
        direction="upload", sources=(str(path),), target=lfn, overwrite="never", umask=call.umask, context=call.context
    )
    existing, _ = await runtime.central_sessions.catalogue_of(call.context).stat([lfn])
    (job,) = await submit_in_foreground(runtime, partial(runtime.engine.submit, spec, uuid.uuid4().hex))
    async with cancel_with_command(runtime, job.id):
        final = await runtime.engine.wait(job.id)
    if exit_code(final):
        raise CopyError(f"uploading {path} failed; see `alienctl transfers show {job.id}`", "permanent")
    await call.print_error(f"uploaded {path} as {lfn}")
    return lfn, not existing


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageError(f"{path} is too large for a job description (limit {_LARGEST >> 20} MiB)")
        content = path.read_bytes()
    except OSError as error:
        raise NoSuchFile(f"cannot read the job description {path}: {error.strerror}") from error
    if not content.strip():
        raise UsageError(f"the job description {path} is empty")
    return content


def _document(result: Result, log: core.Log) -> dict[str, Any]:
    document: dict[str, Any] = {**result, "trace": log.to_json()}
    document["jdl"] = core.read_description(str(result.get("jdl", "")))
    return document


def _report(result: Result, log: core.Log, options: ParsedOptions) -> str:
    if options.has("jdl"):
        return json_text(core.read_description(str(result.get("jdl", ""))), separators=(",", ":"))
    lines = ["#" * 66, *core.table([result]), "", "Machine info:", f"WorkerNode: {log.node}", f"Workdir: {log.workdir}"]
    lines += ["Local queue info:", *log.queue]
    chosen = {"State": True, "Trace": options.has("trace"), "Proc": options.has("proc")}
    for name, is_wanted in chosen.items():
        if is_wanted:
            lines += ["", f"{name} info:", *log.lines.get(name.lower(), ())]
    return "\n".join(lines)


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S%z")
