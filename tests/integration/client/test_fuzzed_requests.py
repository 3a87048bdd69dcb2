"""A daemon survives requests that no client of ours sends; the quick form of `make fuzz TARGET=grpc-daemon`."""

from __future__ import annotations

from itertools import islice

from tests.fuzz.daemon_target import TARGETS
from tests.fuzz.mutation import mutations


def test_every_rpc_answers_changed_requests_and_the_daemon_lives_on() -> None:
    (target,) = TARGETS
    with target.prepared(""):
        for data in islice(mutations(target, 0), target.examples):
            target.check(data)
