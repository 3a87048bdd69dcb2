"""A value of an enumeration that the daemon does not know is refused, wherever it is in a request."""

from __future__ import annotations

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message

from aliend.errors import UsageError
from aliend.services.messages.enumerations import require_known_values
from aliend.v1 import contents_pb2, storage_pb2, transfers_pb2

UNKNOWN = [
    (transfers_pb2.SubmitJobRequest, {"purpose": 99}, "purpose: 99 is not a value of Purpose"),
    (transfers_pb2.PlanJobRequest, {"job": {"overwrite": 99}}, "job.overwrite: 99 is not a value of Overwrite"),
    (transfers_pb2.ListJobsRequest, {"states": [1, 99]}, "states: 99 is not a value of JobState"),
    (storage_pb2.GetFileUrlsRequest, {"purpose": -1}, "purpose: -1 is not a value of UrlPurpose"),
    (storage_pb2.ProbeServersRequest, {"kind": 99}, "kind: 99 is not a value of ProbeKind"),
    (contents_pb2.WriteStart, {"overwrite": 99}, "overwrite: 99 is not a value of Overwrite"),
]


@pytest.mark.parametrize(("kind", "fields", "reason"), UNKNOWN)
def test_an_unknown_value_is_refused(kind: type[Message], fields: dict[str, object], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        require_known_values(json_format.ParseDict(fields, kind()))


def test_known_values_and_unset_fields_pass() -> None:
    job = transfers_pb2.SubmitJobRequest(sources=["/a"], purpose=transfers_pb2.PURPOSE_SYNC)
    for request in (transfers_pb2.PlanJobRequest(), transfers_pb2.PlanJobRequest(job=job)):
        require_known_values(request)
