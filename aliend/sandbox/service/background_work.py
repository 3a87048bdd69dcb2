"""Background work of the service: carries out queued transfers and creates the output files of ended jobs."""

from __future__ import annotations

import io
import logging
import zipfile
from collections.abc import Mapping

from aliend.sandbox.errors import CommandCrashError
from aliend.sandbox.protocol.options import ParsedOptions
from aliend.sandbox.protocol.output import Output
from aliend.sandbox.service import contents, jdl, mirror_transfers
from aliend.sandbox.service.call import Call, Service
from aliend.sandbox.state import paths
from aliend.sandbox.state.job_queue import Job
from aliend.sandbox.state.session import Client, Session

log = logging.getLogger(__name__)


async def run_due_work(service: Service) -> None:
    """Do the work that has become due since the last request."""
    now, catalogue = service.now(), service.catalogue
    for transfer in catalogue.transfers.take_due(now):
        catalogue.transfers.end(transfer, now, succeeded=await mirror_transfers.copy_replica(service, transfer))
    for job in catalogue.jobs.take_ended(now):
        try:
            create_output_files(service, job)
        except CommandCrashError as error:
            log.warning("job %d has no output: %s", job.id, error)


def create_output_files(service: Service, job: Job, expires: int | None = None) -> list[str]:
    """Create the output files that a job's description names, and return their LFNs.

    `expires` is their expiry time in POSIX milliseconds.
    """
    principal = service.catalogue.accounts.principal(job.owner, job.owner)
    if principal is None:
        return []
    session = Session(Client("", "", 0, ""), principal, service.catalogue.accounts.home(job.owner), service.site)
    call = Call(service, session, ParsedOptions(), Output())
    description = jdl.parse(job.jdl)
    names = description.items("Output") or description.items("OutputFile")
    if not names and expires is None:
        return []
    home = service.catalogue.accounts.home(job.owner)
    directory = call.resolve(description.text("OutputDir") or f"{home}recycle/alien-job-{job.id}")
    created = []
    for name in names or ["stdout"]:
        file, _, members = name.partition("@")[0].partition(":")
        lfn = f"{directory.rstrip('/')}/{paths.name(file)}"
        inside = {name: _output_text(job, name) for member in members.split(",") if (name := paths.name(member))}
        if contents.store(call, lfn, _zip(inside) if inside else _output_text(job, ""), expires):
            created.append(lfn)
            contents.register_members(call, lfn, inside)
    return created


def _output_text(job: Job, member: str) -> bytes:
    """Return the content of an output file; the members of an archive differ."""
    prefix = f"{member}: " if member else ""
    return f"{prefix}job {job.id} of {job.owner} ran {job.name} at {job.site}\n".encode()


def _zip(members: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return packed.getvalue()
