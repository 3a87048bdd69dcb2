"""Converts our errors to a gRPC status with details (`google.rpc.Status` with an `ErrorInfo`)."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeVar

import grpc
import grpc.aio
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from aliend.errors import (
    AliendError,
    BadReply,
    ConfigurationError,
    LoginRefused,
    NoSuchJob,
    NotConnected,
    OutcomeUnknown,
    ServiceError,
    StoreError,
    UsageError,
)

DOMAIN = "aliend"
_CODES: tuple[tuple[type[AliendError], grpc.StatusCode], ...] = (
    (UsageError, grpc.StatusCode.INVALID_ARGUMENT),
    (ConfigurationError, grpc.StatusCode.FAILED_PRECONDITION),
    (LoginRefused, grpc.StatusCode.UNAUTHENTICATED),
    (NotConnected, grpc.StatusCode.UNAVAILABLE),
    (NoSuchJob, grpc.StatusCode.NOT_FOUND),
    (BadReply, grpc.StatusCode.INTERNAL),
    (OutcomeUnknown, grpc.StatusCode.ABORTED),
    (StoreError, grpc.StatusCode.INTERNAL),
)
_SERVICE_CODES = {
    1: grpc.StatusCode.PERMISSION_DENIED,
    2: grpc.StatusCode.NOT_FOUND,
    13: grpc.StatusCode.PERMISSION_DENIED,
    17: grpc.StatusCode.ALREADY_EXISTS,
    20: grpc.StatusCode.FAILED_PRECONDITION,
    22: grpc.StatusCode.INVALID_ARGUMENT,
    122: grpc.StatusCode.RESOURCE_EXHAUSTED,
}

Method = TypeVar("Method", bound=Callable[..., Awaitable[Any]])


async def abort(context: grpc.aio.ServicerContext[Any, Any], error: AliendError) -> NoReturn:
    """End the call with the status of `error`: its message, and an ErrorInfo with the reason and the exit code."""
    details = error_details_pb2.ErrorInfo(
        reason=type(error).__name__, domain=DOMAIN, metadata={"exit_code": str(error.exit_code)}
    )
    packed = any_pb2.Any()
    packed.Pack(details)
    status = status_pb2.Status(code=code_of(error).value[0], message=str(error), details=[packed])
    await context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError("abort_with_status does not return")


def code_of(error: AliendError) -> grpc.StatusCode:
    """Return the gRPC code for `error`."""
    if isinstance(error, ServiceError):
        return _SERVICE_CODES.get(error.code, grpc.StatusCode.UNKNOWN)
    return next((code for kind, code in _CODES if isinstance(error, kind)), grpc.StatusCode.UNKNOWN)


def errors_to_status(method: Method) -> Method:
    """Wrap a servicer's method so that our errors become the status of the call."""

    @functools.wraps(method)
    async def wrapped(self: object, request: object, context: grpc.aio.ServicerContext[Any, Any]) -> object:
        try:
            return await method(self, request, context)
        except AliendError as error:
            await abort(context, error)

    return wrapped  # type: ignore[return-value]  # the same signature, checked at the definition
