"""Calls to a daemon of contract 1, whose service for `Hello`, `Status` and `Stop` had another name."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from alienctl import ClientError
from alienctl.local import wire_replies
from alienctl.transport import unary
from alienctl.wire_messages import number_field

PATIENCE = 60.0


@pytest.fixture
def older(tmp_path: Path) -> Iterator[str]:
    """Serve `Status` as contract 1 does, with the start in milliseconds; yield the socket."""
    (tmp_path / "run").mkdir(mode=0o700)
    socket = str(tmp_path / "run" / "default.sock")

    def answer(_: bytes, __: grpc.ServicerContext) -> bytes:
        return number_field(2, 7) + number_field(3, 1_700_000_000_123) + number_field(10, 4)

    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {"Status": grpc.unary_unary_rpc_method_handler(answer)}
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("aliend.v1.Daemon", handlers),))
    server.add_insecure_port(f"unix:{socket}")
    server.start()
    yield socket
    server.stop(None)


def test_a_daemon_of_contract_1_is_asked_under_its_service_name(older: str) -> None:
    status = wire_replies.daemon_status(unary(older, b"/aliend.v1.DaemonService/Status", b"", PATIENCE))
    assert (status.pid, status.started_ms, status.running_transfers) == (7, 1_700_000_000_123, 4)


def test_a_method_that_no_contract_has_is_an_error(older: str) -> None:
    with pytest.raises(ClientError, match="did not answer"):
        unary(older, b"/aliend.v1.DaemonService/NoSuch", b"", PATIENCE)
