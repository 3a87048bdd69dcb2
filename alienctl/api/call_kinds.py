"""The kinds of calls, as values, and the rule that decides when a call is repeated."""

from __future__ import annotations

import errno
import inspect
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc

from alienctl.api.errors import ErrorFacts, GridError, OutcomeUnknownError, from_status, is_daemon_lost

T = TypeVar("T")
_REPEATS = 5
"""How often one call is repeated because the daemon ended; after a long call the count restarts at zero."""
_LONG = 60.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A call with one result: the service (`catalogue`), the method, the request, and the conversion of the answer.

    is_repeatable: the call is repeated if the daemon ends meanwhile; it changes nothing, or has the same effect
    is_streamed: the answers are a stream, and `convert` gets the list of them
    timeout: seconds for the call with its repetitions; None: no limit
    """

    service: str
    method: str
    request: Any
    convert: Callable[[Any], T]
    is_repeatable: bool = True
    is_streamed: bool = False
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Stream(Generic[T]):
    """A call with many answers, each of which becomes some items of the result.

    It is repeated if the daemon ends before the first answer, with `has_snapshots` also later.
    timeout: seconds for the call with its repetitions; None: no limit
    """

    service: str
    method: str
    request: Any
    convert: Callable[[Any], Iterable[T]]
    has_snapshots: bool = False
    timeout: float | None = None


class Attempts:
    """The attempts of one call: the time that is left, and whether a failed one is followed by another."""

    def __init__(
        self, *, is_repeatable: bool = True, has_snapshots: bool = False, timeout: float | None = None
    ) -> None:
        """Begin with no attempt made; the arguments are the fields of `Call` and `Stream`."""
        self._is_repeatable, self._has_snapshots = is_repeatable, has_snapshots
        self._left = _REPEATS if is_repeatable else 0
        self._has_part = False
        self._begun = time.monotonic()
        self._end = None if timeout is None else time.monotonic() + timeout

    def timeout(self) -> float | None:
        """Return the seconds that are left; None: no limit."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    def note_answer(self) -> None:
        """Allow no other attempt of a stream whose caller has a part of the result, unless that may come again."""
        self._has_part = not self._has_snapshots
        self._left = _REPEATS

    def check(self, error: grpc.RpcError) -> None:
        """Return if the call must be repeated; otherwise raise the GridError of its failure."""
        if not is_daemon_lost(error):
            raise from_status(error) from error
        if time.monotonic() - self._begun > _LONG and self._is_repeatable:
            self._left = _REPEATS
        if self._left == 0 or self._has_part:
            raise (from_status(error) if self._is_repeatable else _outcome_unknown()) from error
        self._left -= 1
        self._begun = time.monotonic()


def _outcome_unknown() -> GridError:
    advice = "look at the catalogue, and repeat the call if nothing has changed"
    facts = ErrorFacts(errno.EIO, reason="OUTCOME_UNKNOWN", advice=advice)
    return OutcomeUnknownError("the daemon ended during the call; the change may or may not have happened", facts)


def name_method(method: Any, builder: Callable[..., object]) -> None:  # noqa: ANN401 - a function
    """Give a method the name, docstring and signature of the function that builds its call (the session is `self`)."""
    method.__name__ = method.__qualname__ = builder.__name__
    method.__doc__ = builder.__doc__
    _, *parameters = inspect.signature(builder).parameters.values()
    this = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    method.__signature__ = inspect.Signature([this, *parameters])
