"""Tickets of the central service as the places that a copying process reads from and writes to."""

from __future__ import annotations

from collections.abc import Sequence

from aliend.core.catalogue.entries import Ticket
from aliend.storage.tasks import Source


def places(tickets: Sequence[Ticket]) -> tuple[Source, ...]:
    """A replica for each ticket, in their order, with the right to it."""
    return tuple(Source(ticket.url, ticket.envelope, ticket.se) for ticket in tickets)
