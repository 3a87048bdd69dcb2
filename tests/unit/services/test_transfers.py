"""The message of a transfer that several jobs share."""

from __future__ import annotations

from typing import Any, cast

from aliend.core.transfers.transfer import Transfer
from aliend.engine.views import view_of_transfer
from aliend.services.transfers import TransfersService


def test_a_transfer_message_has_its_leader_and_number_of_jobs() -> None:
    view = view_of_transfer(Transfer(7, 2, "/a", "/t", joined=5), "download", 0, wanted=3)
    told = TransfersService(cast(Any, None))._transfer(view)
    assert (told.id, told.joined, told.wanted) == (7, 5, 3)
