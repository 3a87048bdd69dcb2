"""The daemon's own database: jobs, transfers and sessions in one SQLite file."""

from aliend.store.deletions import Deletion, FileKey
from aliend.store.scheduling_queries import Agenda, Question
from aliend.store.sessions import IdentityRecord, SessionRecord
from aliend.store.store import BATCH, Outcome, Store
from aliend.store.sync_listings import Listed, Listings
from aliend.store.transfers import NewTransfer

__all__ = [
    "BATCH",
    "Agenda",
    "Deletion",
    "FileKey",
    "IdentityRecord",
    "Listed",
    "Listings",
    "NewTransfer",
    "Outcome",
    "Question",
    "SessionRecord",
    "Store",
]
