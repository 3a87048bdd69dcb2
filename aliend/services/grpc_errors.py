"""Ends a call with the gRPC status of our error: code, message, `ErrorInfo` and `RetryInfo`."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from inspect import iscoroutinefunction
from typing import Any, NoReturn, TypeVar

import grpc.aio
from google.protobuf import any_pb2
from google.protobuf.message import DecodeError, Message
from google.rpc import status_pb2
from grpc_status import rpc_status

from aliend.errors import AliendError, BadReply, InternalError, UsageError
from aliend.runtime import Runtime
from aliend.services.messages.enumerations import require_known_values
from aliend.services.messages.errors import code_and_reason, info_of, message_of, retry_of

log = logging.getLogger(__name__)


Method = TypeVar("Method", bound=Callable[..., Awaitable[Any]])


async def abort(context: grpc.aio.ServicerContext[Any, Any], error: AliendError, lfn: str = "") -> NoReturn:
    """End the call with the status of `error`; `lfn` is the name that the request is about (empty: none or several)."""
    number: int = code_and_reason(error)[0].value[0]
    status = status_pb2.Status(code=number, message=message_of(error))
    for details in filter(None, (info_of(error, lfn), retry_of(error))):
        packed = any_pb2.Any()
        packed.Pack(details)
        status.details.append(packed)
    await context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError("abort_with_status does not return")


def errors_to_status(method: Method) -> Method:
    """Wrap a servicer's method so that errors become the status of the call.

    Other exceptions than ours are defects: the log has the traceback, and the status says where to look.
    """
    name = method.__qualname__
    # A question about the daemon does not make the daemon needed.
    is_counted = not name.startswith("DaemonService.")
    can_resume = name.partition(".")[2].startswith("Watch")

    @functools.wraps(method)
    async def wrapped(self: Servicer, request: object, context: grpc.aio.ServicerContext[Any, Any]) -> object:
        with self._runtime.activity.call(can_resume=can_resume) if is_counted else nullcontext():
            try:
                if isinstance(request, DecodeError):
                    raise request
                if isinstance(request, Message):  # not the messages of a stream
                    require_known_values(request)
                return await method(self, request, context)
            except AliendError as error:
                await abort(context, error, _lfn_of(request, str(error)))
            except DecodeError as error:
                await abort(context, UsageError(f"a message of the request cannot be decoded: {error}"))
            except UnicodeEncodeError as error:  # a text of the service, in a message
                await abort(context, BadReply(f"a text of the reply is not valid Unicode: {error.object[:100]!a}", 42))
            except grpc.aio.BaseError:  # the call has its status, or its client has left
                raise
            except Exception as error:
                log.exception("%s: internal error", name)
                await abort(context, InternalError(error))

    return wrapped  # type: ignore[return-value]  # the same signature, checked at the definition


class Servicer:
    """A servicer with the parts of the daemon; its public coroutines are calls, whose errors become their status."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def __init_subclass__(cls) -> None:
        for name, method in list(vars(cls).items()):
            if iscoroutinefunction(method) and not name.startswith("_"):
                setattr(cls, name, errors_to_status(method))


def _lfn_of(request: object, text: str) -> str:
    """Return the only name in a request, or the only one that `text` is about; empty if that is not clear."""
    names = [str(getattr(request, field)) for field in ("lfn", "directory", "target") if getattr(request, field, "")]
    names += [name for field in ("lfns", "directories", "files") for name in _texts(request, field)]
    if len(names) > 1:
        ends = {name: rf"/{re.escape(name.strip('/'))}/?(?![^\s:;,])" for name in names}
        names = [name for name, end in ends.items() if re.search(end, text)]
    return names[0].removeprefix("alien:") if len(names) == 1 else ""


def _texts(request: object, field: str) -> list[str]:
    value = getattr(request, field, None)
    return [] if value is None or isinstance(value, bool) else list(value)
