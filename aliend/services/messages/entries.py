"""Converts entries of the catalogue, and the service's results about them, to messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format, struct_pb2
from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

from aliend.core.catalogue.entries import Entry
from aliend.core.cli.numbers import LARGEST, parse_whole
from aliend.core.protocol.replies import Result
from aliend.errors import BadReply
from aliend.services.messages.times import timestamp
from aliend.v1 import catalogue_pb2 as pb


def entry_message(entry: Entry) -> pb.Entry:
    """Return the message of an entry."""
    return pb.Entry(
        lfn=entry.lfn,
        type=f"ENTRY_TYPE_{entry.type.upper()}",
        size=entry.size,
        owner=entry.owner,
        group=entry.group,
        permissions=entry.permissions,
        change_time=timestamp(entry.changed_ms),
        md5=entry.md5,
        guid=entry.guid,
        grid_job_id=parse_whole(entry.job) or 0,
    )


def usage_message(result: Result) -> pb.Usage:
    """Return the message of one result of `du`."""
    return pb.Usage(
        lfn=str(result["entry"]),
        directories=number(result, "folders"),
        files=number(result, "physical_files_count"),
        bytes=number(result, "physical_files_one_replica_size"),
        replicas=number(result, "physical_files_replicas"),
        replica_bytes=number(result, "physical_files_size"),
        members=number(result, "logical_files_count"),
        member_bytes=number(result, "logical_files_size"),
    )


def collected_message(result: Result) -> pb.Entry:
    """Return the message of one file of a collection; values in the reply may begin with a blank."""
    return pb.Entry(
        lfn=str(result["lfn"]).strip(),
        type=pb.ENTRY_TYPE_FILE,
        guid=str(result.get("guid", "")).strip().lower(),
        size=number(result, "size"),
        md5=str(result.get("md5", "")).strip().lower(),
    )


def quota_message(facts: Mapping[str, str]) -> pb.Quota:
    """Return the message of the merged quotas of an account; versions of the service differ in upper and lower case."""
    lower = {key.lower(): value for key, value in facts.items()}
    names = {
        "files": "nbfiles",
        "max_files": "maxnbfiles",
        "bytes": "totalsize",
        "max_bytes": "maxtotalsize",
        "running_jobs": "running",
        "waiting_jobs": "waiting",
        "max_unfinished_jobs": "maxunfinishedjobs",
        "running_seconds": "totalrunningtimelast24h",
        "max_running_seconds": "maxtotalrunningtime",
        "cpu_cost": "totalcpucostlast24h",
        "max_cpu_cost": "maxtotalcpucost",
    }
    values = {ours: number(lower, theirs, -LARGEST) for ours, theirs in names.items()}
    return pb.Quota(account=lower.get("username", ""), **values)


def number(result: Result, key: str, least: int = 0) -> int:
    """Return a whole number of a result, also one with decimals; 0 if it is missing or out of range."""
    text = str(result.get(key, "")).strip().partition(".")[0]
    return parse_whole(text, least) or 0


def add_values(values: RepeatedCompositeFieldContainer[struct_pb2.Struct], result: Mapping[str, Any]) -> None:
    """Append a result as a message of any values. Raises BadReply for a value that such a message cannot hold."""
    try:
        json_format.ParseDict(dict(result), values.add())
    except (json_format.ParseError, OverflowError) as error:  # nested too deeply, or a number that is too large
        reason = f"the central service sent a value that this call cannot return: {str(error)[:100]}"
        raise BadReply(reason, 42) from error
