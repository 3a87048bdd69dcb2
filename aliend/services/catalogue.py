"""The `CatalogueService` servicer: names of the catalogue, for other programs."""

from __future__ import annotations

import errno
import re
import uuid
from contextlib import aclosing
from typing import Any

import grpc.aio

from aliend.commands.files.find2 import find_selected
from aliend.commands.grid.namespace_checks import check_names, require_directories
from aliend.commands.grid.quota import quota_of
from aliend.commands.grid.refusals import creation_error, move_error, removal_error
from aliend.core.catalogue.paths import has_wildcard
from aliend.core.cli.numbers import LARGEST
from aliend.core.protocol.requests import Request, batches
from aliend.errors import ServiceError, UsageError
from aliend.services.caller import Caller
from aliend.services.grpc_errors import Servicer
from aliend.services.messages.entries import (
    collected_message,
    entry_message,
    quota_message,
    usage_message,
)
from aliend.services.messages.submit import selection_of
from aliend.services.messages.times import seconds_of
from aliend.v1 import catalogue_pb2 as pb
from aliend.v1 import catalogue_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]

PAGE = 1000
"""The most entries in one message."""
MAX_GUIDS = 50
MAX_DAYS = 36_500
_DAY = 86_400
_MODE = re.compile(r"[0-7]{3}")
_ACCOUNT = re.compile(r"[\w.-]+")
_NOT_FOUND, _NO_LFN = 2, 2
_QUOTAS = (
    ("max_files", "fquota", "maxNbFiles"),
    ("max_bytes", "fquota", "maxTotalSize"),
    ("max_unfinished_jobs", "jquota", "maxUnfinishedJobs"),
    ("max_parallel_jobs", "jquota", "maxParallelJobs"),
    ("max_running_seconds", "jquota", "maxTotalRunningTime"),
    ("max_cpu_cost", "jquota", "maxTotalCpuCost"),
    ("priority", "jquota", "priority"),
)
"""The limits of an account: field of the request, and command and field of the service."""


class CatalogueService(Servicer, catalogue_pb2_grpc.CatalogueServiceServicer):
    """Reads and changes the catalogue with the role of the caller's session."""

    async def ListEntries(self, request: pb.ListEntriesRequest, context: Context) -> None:
        """Stream the entries of a directory."""
        caller = await Caller.of(self._runtime, request.session)
        entries = await caller.catalogue.list(await caller.lfn(request.lfn), all=request.all)
        for start in range(0, len(entries), PAGE):
            page = map(entry_message, entries[start : start + PAGE])
            await context.write(pb.ListEntriesResponse(entries=page))

    async def StatEntries(self, request: pb.StatEntriesRequest, _context: Context) -> pb.StatEntriesResponse:
        """Return entries by name."""
        caller = await Caller.of(self._runtime, request.session)
        entries, missing = await caller.catalogue.stat(await caller.lfns(request.lfns))
        return pb.StatEntriesResponse(entries=map(entry_message, entries), missing=missing)

    async def FindEntries(self, request: pb.FindEntriesRequest, context: Context) -> None:
        """Stream the files below a directory that match."""
        caller = await Caller.of(self._runtime, request.session)
        directory = await caller.lfn(request.directory)
        wanted = selection_of(request.selection)
        found = find_selected(caller.catalogue, directory, wanted, directories=request.directories)
        async with caller.about(directory, is_file=False), aclosing(found) as groups:
            async for group in groups:
                for start in range(0, len(group), PAGE):
                    page = [entry_message(entry) for entry, _ in group[start : start + PAGE]]
                    await context.write(pb.FindEntriesResponse(entries=page))

    async def ListReplicas(self, request: pb.ListReplicasRequest, _context: Context) -> pb.ListReplicasResponse:
        """Return the replicas of a file."""
        caller = await Caller.of(self._runtime, request.session)
        lfn = await caller.required_lfn(request.lfn)
        async with caller.about(lfn):
            replicas = await caller.catalogue.whereis(lfn)
        return pb.ListReplicasResponse(replicas=[pb.Replica(se=one.se, pfn=one.pfn) for one in replicas])

    async def GetChecksums(self, request: pb.GetChecksumsRequest, _context: Context) -> pb.GetChecksumsResponse:
        """Return the md5 of files."""
        caller = await Caller.of(self._runtime, request.session)
        lfns = await caller.lfns(request.lfns)
        entries = await caller.require_entries("md5sum", lfns)
        found = [pb.Checksum(lfn=entry.lfn, md5=entry.md5) for entry in entries if entry.md5]
        return pb.GetChecksumsResponse(checksums=found)

    async def GetUsage(self, request: pb.GetUsageRequest, _context: Context) -> pb.GetUsageResponse:
        """Return the number and size of files below directories."""
        caller = await Caller.of(self._runtime, request.session)
        lfns = await caller.lfns(request.lfns)
        if named := [lfn for lfn in lfns if not has_wildcard(lfn)]:
            await caller.require_entries("du", named)  # `du` answers zeros for a missing name
        usages = []
        for lfn in lfns:
            reply = await caller.ask("du", lfn)
            usages += [usage_message(result) for result in reply.results if result.get("entry")]
        return pb.GetUsageResponse(usages=usages)

    async def ResolveGuids(self, request: pb.ResolveGuidsRequest, _context: Context) -> pb.ResolveGuidsResponse:
        """Return the LFNs of GUIDs."""
        if not 0 < len(request.guids) <= MAX_GUIDS:
            raise UsageError(f"guids must have 1 to {MAX_GUIDS} GUIDs, not {len(request.guids)}")
        guids = [require_guid(guid) for guid in request.guids]
        caller = await Caller.of(self._runtime, "")
        reply = await caller.central.request(Request("guid2lfn", tuple(guids)))
        if reply.exit_code != _NO_LFN:
            reply.checked(Request("guid2lfn"))
        named = [one for one in reply.results if one.get("lfn") and one.get("guid")]
        found = {str(one["guid"]).lower(): str(one["lfn"]) for one in named}
        return pb.ResolveGuidsResponse(lfns=found)

    async def MakeDirectory(self, request: pb.MakeDirectoryRequest, _context: Context) -> pb.MakeDirectoryResponse:
        """Create a directory."""
        caller = await Caller.of(self._runtime, request.session)
        lfn = await caller.required_lfn(request.lfn)
        try:
            await caller.change("mkdir", *(["-p"] if request.parents else []), lfn)
        except ServiceError as error:
            entries, _ = await caller.catalogue.stat([lfn])
            if not (entries and entries[0].is_directory):  # the service refuses one that the account may not write
                raise await creation_error(caller.catalogue, error, lfn, creates_parents=request.parents) from error
        return pb.MakeDirectoryResponse()

    async def RemoveEntries(self, request: pb.RemoveEntriesRequest, _context: Context) -> pb.RemoveEntriesResponse:
        """Remove entries; the service refuses to remove what contains the directory that a request names."""
        caller = await Caller.of(self._runtime, request.session)
        if request.recursive and request.directories_only:
            raise UsageError("recursive and directories_only cannot be combined")
        lfns = await caller.lfns(request.lfns)
        if named := next(filter(has_wildcard, lfns), ""):
            raise UsageError(f"cannot remove {named}: the wildcard would match other names too")
        _, missing = await caller.catalogue.stat(lfns)
        if missing:
            raise ServiceError("rm", _NOT_FOUND, f"{missing[0]} does not exist in the catalogue; nothing was removed")
        directory = (await caller.state()).directory
        command = "rmdir" if request.directories_only else "rm"
        for lfn in lfns:
            try:
                await caller.ask(command, *(["-r"] if request.recursive else []), lfn, directory=directory)
            except ServiceError as error:
                raise await removal_error(caller.catalogue, error, lfn, is_recursive=request.recursive) from error
        return pb.RemoveEntriesResponse()

    async def MoveEntry(self, request: pb.MoveEntryRequest, _context: Context) -> pb.MoveEntryResponse:
        """Rename an entry."""
        caller = await Caller.of(self._runtime, request.session)
        source, target = await caller.required_lfn(request.lfn), await caller.required_lfn(request.target, "target")
        await caller.require_entries("mv", [source])
        await check_names(caller.catalogue, Request("mv", (source, target)))
        try:
            await caller.catalogue.move(source, target)
        except ServiceError as error:
            raise await move_error(caller.catalogue, error, source, target) from error
        return pb.MoveEntryResponse()

    async def TouchEntries(self, request: pb.TouchEntriesRequest, _context: Context) -> pb.TouchEntriesResponse:
        """Create entries without content, or set their time."""
        caller = await Caller.of(self._runtime, request.session)
        lfns = await caller.lfns(request.lfns)
        await check_names(caller.catalogue, Request("touch", tuple(lfns)))
        for lfn in lfns:
            await caller.catalogue.touch(lfn)
        _, missing = await caller.catalogue.stat(lfns)  # the service reports no refusal
        if missing:
            unknown = ServiceError("touch", errno.EIO, f"the catalogue does not show the new entry {missing[0]}")
            raise await creation_error(caller.catalogue, unknown, missing[0], creates_parents=True)
        return pb.TouchEntriesResponse()

    async def SetPermissions(self, request: pb.SetPermissionsRequest, _context: Context) -> pb.SetPermissionsResponse:
        """Change permissions."""
        if not _MODE.fullmatch(request.permissions):
            raise UsageError(f"permissions must be three octal digits, not {request.permissions!r}")
        await self._change_each(request, "chmod", request.permissions)
        return pb.SetPermissionsResponse()

    async def SetOwner(self, request: pb.SetOwnerRequest, _context: Context) -> pb.SetOwnerResponse:
        """Change the owner."""
        names = [request.owner, *([request.group] if request.group else [])]
        if not all(map(_ACCOUNT.fullmatch, names)):
            raise UsageError("owner and group must be names of accounts")
        await self._change_each(request, "chown", ".".join(names))
        return pb.SetOwnerResponse()

    async def SetExpiry(self, request: pb.SetExpiryRequest, _context: Context) -> pb.SetExpiryResponse:
        """Change when files expire."""
        kind = request.WhichOneof("change")
        if kind is None or (kind == "never" and not request.never):
            raise UsageError("SetExpiry needs lifetime, extension or never")
        options = ["-r"]
        if kind != "never":
            days = seconds_of(getattr(request, kind), kind, MAX_DAYS * _DAY) / _DAY
            if days < 1 or not days.is_integer():
                raise UsageError(f"{kind} must be whole days, at least one")
            options = ["-e" if kind == "extension" else "-a", "-d", str(int(days))]
        caller = await Caller.of(self._runtime, request.session)
        lfns = await caller.lfns(request.lfns)
        await caller.require_entries("lfnexpiretime", lfns)
        for batch in batches("lfnexpiretime", options, lfns):
            await caller.ask(batch.command, *batch.options)
        return pb.SetExpiryResponse()

    async def GetQuota(self, request: pb.GetQuotaRequest, _context: Context) -> pb.GetQuotaResponse:
        """Return quotas and usage of an account."""
        caller = await Caller.of(self._runtime, request.session)
        account = request.account or (await caller.state()).user
        return pb.GetQuotaResponse(quota=quota_message(await quota_of(self._runtime, caller.context, account)))

    async def SetQuota(self, request: pb.SetQuotaRequest, _context: Context) -> pb.SetQuotaResponse:
        """Change quotas of an account."""
        if not _ACCOUNT.fullmatch(request.account):
            raise UsageError(f"{request.account!r} is not an account name")
        changes = [(command, key, getattr(request, name)) for name, command, key in _QUOTAS if request.HasField(name)]
        if not changes or not all(0 < value <= LARGEST for _, _, value in changes):
            raise UsageError("SetQuota takes at least one limit, each at least 1 and less than 2^63")
        caller = await Caller.of(self._runtime, request.session)
        for command, key, value in changes:
            await caller.ask(command, "set", request.account, key, str(value))
        return pb.SetQuotaResponse()

    async def ListCollection(self, request: pb.ListCollectionRequest, _context: Context) -> pb.ListCollectionResponse:
        """Return the files of a collection."""
        caller = await Caller.of(self._runtime, request.session)
        lfn = await caller.required_lfn(request.lfn)
        async with caller.about(lfn):
            reply = await caller.ask("listFilesFromCollection", "-z", lfn)
        found = [collected_message(result) for result in reply.results if result.get("lfn")]
        return pb.ListCollectionResponse(entries=found)

    async def MakeCollection(self, request: pb.MakeCollectionRequest, _context: Context) -> pb.MakeCollectionResponse:
        """Store an XML collection."""
        caller = await Caller.of(self._runtime, request.session)
        lfn, files = await caller.required_lfn(request.lfn), await caller.lfns(request.files)
        entries, missing = await caller.catalogue.stat([lfn, *files])
        if lfn not in missing:
            raise ServiceError("toXml", 17, f"{lfn} exists; nothing was stored")
        if others := [name for name in missing if name != lfn]:
            raise ServiceError("toXml", _NOT_FOUND, f"{others[0]} does not exist in the catalogue")
        await require_directories(caller.catalogue, [lfn])
        await caller.ask("toXml", "-x", lfn, *(entry.lfn for entry in entries))
        return pb.MakeCollectionResponse()

    async def _change_each(
        self, request: pb.SetPermissionsRequest | pb.SetOwnerRequest, command: str, value: str
    ) -> None:
        """Run `chmod` or `chown` on each name: the service reports only the last failure of several."""
        caller = await Caller.of(self._runtime, request.session)
        lfns = await caller.lfns(request.lfns)
        await caller.require_entries(command, lfns)
        for lfn in lfns:
            await caller.ask(command, *(["-R"] if request.recursive else []), value, lfn)


def require_guid(text: str) -> str:
    """Return a GUID in lower case. Raises UsageError."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise UsageError(f"{text!r} is not a GUID") from None
