"""A connection whose calls are answered by the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import grpc

from alienctl.api.connection import Connection
from alienctl.api.services import Services

Answer = Callable[[Any], Any]


class Failure(grpc.RpcError):
    """A failed call."""

    def __init__(self, code: grpc.StatusCode, trailers: tuple[tuple[str, bytes], ...] = ()) -> None:
        self._code, self._trailers = code, trailers

    def code(self) -> grpc.StatusCode:
        """Return the status."""
        return self._code

    def details(self) -> str:
        """Return the message."""
        return "the text"

    def trailing_metadata(self) -> Any:  # noqa: ANN401 - pairs; the types of grpc have a private class for them
        """Return the trailers."""
        return self._trailers


LOST = Failure(grpc.StatusCode.UNAVAILABLE)
"""The daemon ended during the call."""


class Answers(Iterator[Any]):
    """The answers of a stream; an exception among them ends it."""

    def __init__(self, *answers: Any) -> None:  # noqa: ANN401 - messages or exceptions
        self._left = iter(answers)
        self.is_cancelled = False

    def __next__(self) -> Any:  # noqa: ANN401 - a message
        answer = next(self._left)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def cancel(self) -> None:
        """End the stream."""
        self.is_cancelled = True


class FakeConnection:
    """Answers each call by the next of its answers; keeps the requests and time limits."""

    def __init__(self, **answers: list[Any]) -> None:
        self._answers = {"Hello": [None] * 9, **answers}
        self.requests: list[tuple[str, Any]] = []
        self.timeouts: list[float | None] = []
        self.forgotten = 0

    def services(self) -> Services:
        """Return stubs, each of which has all methods."""
        stubs = SimpleNamespace(**{name: self._stub(name) for name in self._answers})
        names = ("catalogue", "contents", "daemon", "session", "transfers")
        return cast(Services, SimpleNamespace(**dict.fromkeys(names, stubs)))

    def _stub(self, name: str) -> Callable[..., Any]:
        def call(request: Any, timeout: float | None = None) -> Any:  # noqa: ANN401 - messages
            self.requests.append((name, request))
            self.timeouts.append(timeout)
            answer = self._answers[name].pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def forget(self, _lost: Services) -> None:
        """Count the lost connections."""
        self.forgotten += 1

    def close(self) -> None:
        """Do nothing."""

    def names(self) -> list[str]:
        """Return the names of the calls that were made."""
        return [name for name, _ in self.requests]

    def as_connection(self) -> Connection:
        """Return it as the class that it stands in for."""
        return cast(Connection, self)
