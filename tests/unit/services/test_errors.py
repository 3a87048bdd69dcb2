"""The status of a failed call: its size, and what it says about enumerations and times."""

from __future__ import annotations

import base64
import logging
from importlib import import_module
from inspect import getmembers, isfunction
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from google.protobuf import any_pb2
from google.protobuf.message import DecodeError
from google.rpc import status_pb2

from aliend.core.cli.escaping import readable
from aliend.errors import InternalError, ServiceError, UsageError
from aliend.lifecycle.activity import Activity
from aliend.services.grpc_errors import errors_to_status
from aliend.services.messages.enumerations import require_known_values
from aliend.services.messages.errors import MAX_NAME, code_and_reason, info_of, message_of, retry_of
from aliend.services.messages.times import duration
from aliend.services.server import LAZY
from aliend.v1 import errors_pb2, storage_pb2, transfers_pb2

HEADER_LIMIT = 8192
"""Bytes of headers from which on gRPC may drop a status."""


@pytest.mark.parametrize("sign", ["a", "é", "\U0001d54f", "\x00", "\udcff"])
def test_the_longest_status_fits_into_the_headers_of_grpc(sign: str) -> None:
    error = ServiceError("ls", 2, f"{sign * 20_000} is missing; run: `alienctl ls {sign * 20_000}`")
    name = sign * (MAX_NAME // len(readable(sign).encode()))
    assert info_of(error, name).lfn
    status = status_pb2.Status(code=5, message=message_of(error))
    for details in (info_of(error, name), errors_pb2.RetryInfo(delay=duration(1.5))):
        packed = any_pb2.Any()
        packed.Pack(details)
        status.details.append(packed)
    escaped = sum(1 if 32 <= byte < 127 and byte != ord("%") else 3 for byte in status.message.encode())
    assert escaped + len(base64.b64encode(status.SerializeToString())) < HEADER_LIMIT - 500
    assert status.message.endswith("...")
    assert info_of(error, name).remedy.endswith("...")


def test_a_long_name_is_left_out_and_a_short_one_stays_whole() -> None:
    error = UsageError("short")
    assert info_of(error, "/" + "é" * 749).lfn == "/" + "é" * 749
    assert info_of(error, "/" + "é" * 750).lfn == ""
    assert message_of(error) == "short"


def test_a_file_without_a_replica_is_no_unknown_error() -> None:
    code, reason = code_and_reason(ServiceError("access", 77, "No read PFNs"))
    assert (code.name, reason) == ("FAILED_PRECONDITION", errors_pb2.ERROR_REASON_COPY_FAILED)
    assert retry_of(ServiceError("access", 77, "No read PFNs")) is None


@pytest.mark.parametrize("number", [9, -1, 2**31 - 1])
def test_an_unknown_value_of_an_enumeration_is_refused(number: int) -> None:
    job = transfers_pb2.SubmitJobRequest(purpose=number, sources=["/a"], target="file:/b")  # type: ignore[arg-type]
    wanted = f"purpose: {number} is not a value of Purpose"
    for request in (job, transfers_pb2.PlanJobRequest(job=job)):
        with pytest.raises(UsageError, match=wanted):
            require_known_values(request)
    with pytest.raises(UsageError, match=f"states: {number} is not a value of JobState"):
        require_known_values(transfers_pb2.ListJobsRequest(states=[transfers_pb2.JOB_STATE_DONE, number]))  # type: ignore[list-item]


def test_known_values_and_maps_are_accepted() -> None:
    require_known_values(storage_pb2.GetFileUrlsRequest(purpose=storage_pb2.URL_PURPOSE_WRITE))
    require_known_values(transfers_pb2.SetLimitsRequest(changes={"files": "4"}))
    require_known_values(transfers_pb2.ListJobsRequest(states=[transfers_pb2.JOB_STATE_DONE]))


@pytest.mark.parametrize("seconds", [0.9999999999, 1.0, 2.5, 41.9999999999])
def test_a_duration_has_less_than_a_second_of_nanoseconds(seconds: float) -> None:
    message = duration(seconds)
    assert message
    assert message.nanos < 1_000_000_000
    assert message.seconds + message.nanos / 1e9 == pytest.approx(seconds, abs=1e-9)


class Ended(Exception):
    """The end of a call, with its status; stands for the exception of the gRPC library."""


class Context:
    async def abort_with_status(self, status: grpc.Status) -> None:
        raise Ended(status)


CONTEXT: Any = Context()


class Servicer:
    _runtime: Any = SimpleNamespace(activity=Activity())

    @errors_to_status
    async def Fail(self, request: Exception, _context: grpc.aio.ServicerContext[Any, Any]) -> None:
        raise request


async def test_an_unexpected_exception_becomes_a_status_with_details(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(Ended) as caught, caplog.at_level(logging.ERROR):
        await Servicer().Fail(KeyError("a secret"), CONTEXT)
    (status,) = caught.value.args
    assert status.code is grpc.StatusCode.INTERNAL
    assert status.details == "aliend failed with an internal error (KeyError)"
    packed = status_pb2.Status.FromString(status.trailing_metadata[0][1])
    info = errors_pb2.ErrorInfo()
    assert packed.details[0].Unpack(info)
    assert info.reason == errors_pb2.ERROR_REASON_INTERNAL
    assert "`alienctl daemon logs`" in info.remedy
    assert b"secret" not in packed.SerializeToString()
    (record,) = caplog.records
    assert (record.getMessage(), bool(record.exc_info)) == ("Servicer.Fail: internal error", True)


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (DecodeError("Error parsing message"), grpc.StatusCode.INVALID_ARGUMENT),
        (UnicodeEncodeError("utf-8", "a\udc9b", 1, 2, "surrogates not allowed"), grpc.StatusCode.INTERNAL),
    ],
)
async def test_texts_and_messages_that_are_not_valid_are_no_defects(
    raised: Exception, code: grpc.StatusCode, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Ended) as caught:
        await Servicer().Fail(raised, CONTEXT)
    assert caught.value.args[0].code is code
    assert "internal error" not in caught.value.args[0].details
    assert not caplog.records


async def test_an_ended_call_keeps_its_status(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(grpc.aio.AbortError):
        await Servicer().Fail(grpc.aio.AbortError("Locally aborted."), CONTEXT)
    assert not caplog.records


def test_an_internal_error_is_not_repeated() -> None:
    assert retry_of(InternalError(OSError())) is None


@pytest.mark.parametrize(
    ("service", "module"), [*LAZY.items(), ("ConsoleService", "console"), ("DaemonService", "daemon")]
)
def test_every_call_converts_errors_to_its_status(service: str, module: str) -> None:
    servicer = getattr(import_module(f"aliend.services.{module}"), service)
    calls = [call for name, call in getmembers(servicer, isfunction) if name[0].isupper()]
    assert calls
    assert [call.__name__ for call in calls if not hasattr(call, "__wrapped__")] == []
