"""The daemon binds a lost socket again, and never removes the socket of a successor."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc.aio
import pytest
from grpc_health.v1 import health as grpc_health
from grpc_health.v1 import health_pb2, health_pb2_grpc

from aliend.errors import ConfigurationError
from aliend.lifecycle.listener import Listener

RARELY = 3600.0


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory under a short path (a socket's path has 107 bytes)."""
    with tempfile.TemporaryDirectory(prefix="listen", dir="/tmp") as directory:
        yield Path(directory)


async def build() -> grpc.aio.Server:
    server = grpc.aio.server()
    health = grpc_health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    await health.set("", health_pb2.HealthCheckResponse.SERVING)
    return server


@asynccontextmanager
async def listening(place: Path, interval: float = RARELY) -> AsyncIterator[tuple[Listener, list[str]]]:
    """A listener that is watched, and what it has announced."""
    announced: list[str] = []
    listener = Listener(f"{place}/run/a/s.sock", f"{place}/else/s.sock", build, announced.append, interval)
    await listener.open()
    watching = asyncio.create_task(listener.watch())
    try:
        yield listener, announced
    finally:
        watching.cancel()
        await listener.close(0.1)


async def until(condition: Callable[[], object]) -> None:
    for _ in range(1500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not within 15 s")


def remove(path: str) -> None:
    Path(path).unlink()


def inode(path: str) -> int:
    return Path(path).stat().st_ino


async def answers(path: Path | str) -> bool:
    async with grpc.aio.insecure_channel(f"unix:{path}") as channel:
        reply = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
    return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)


async def test_a_removed_socket_is_bound_again_without_being_asked(place: Path) -> None:
    async with listening(place, interval=0.05) as (listener, announced):
        remove(listener.path)
        await until(Path(listener.path).is_socket)
        assert await answers(listener.path)
        assert announced == [listener.path] * 2
        assert [file.name for file in (place / "run/a").iterdir()] == ["s.sock"]


async def test_a_removed_socket_is_bound_again_on_request(place: Path) -> None:
    async with listening(place) as (listener, _):
        for _ in range(3):
            remove(listener.path)
            listener.check_soon()
            await until(Path(listener.path).is_socket)
            assert await answers(listener.path)


async def test_an_existing_socket_is_not_replaced(place: Path) -> None:
    async with listening(place, interval=0.02) as (listener, announced):
        before = inode(listener.path)
        for _ in range(10):
            listener.check_soon()
            assert await answers(listener.path)
        assert (inode(listener.path), announced) == (before, [listener.path])


async def test_the_fallback_serves_until_the_usual_directory_is_back(place: Path) -> None:
    async with listening(place) as (listener, announced):
        usual, runtime, fallback = listener.path, place / "run", place / "else/s.sock"
        runtime.rename(place / "gone")
        runtime.write_text("in the way")
        listener.check_soon()
        await until(fallback.is_socket)
        assert await answers(fallback)
        runtime.unlink()
        runtime.mkdir()
        listener.check_soon()
        await until(Path(usual).is_socket)
        assert await answers(usual)
        assert announced == [usual, str(fallback), usual]
        await until(lambda: not fallback.exists())


async def test_a_listener_that_ends_keeps_the_file_of_its_successor(place: Path) -> None:
    async with listening(place) as (listener, announced):
        remove(listener.path)
        (place / "run/a/s.sock").write_text("somebody else's")
    assert (place / "run/a/s.sock").read_text() == "somebody else's"
    assert announced[-1] == ""


async def test_a_directory_that_cannot_be_made_is_refused_at_the_start(place: Path) -> None:
    (place / "run").write_text("in the way")
    listener = Listener(f"{place}/run/a/s.sock", f"{place}/else/s.sock", build, print)
    with pytest.raises(ConfigurationError, match="cannot create the directory"):
        await listener.open()
