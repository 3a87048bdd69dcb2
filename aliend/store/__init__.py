"""The daemon's own database: jobs, transfers and sessions in one SQLite file."""

from aliend.store.deletions import Deletion, FileKey
from aliend.store.identities import IdentityRecord
from aliend.store.listings import Listed, Listings
from aliend.store.queue import Agenda, Question
from aliend.store.sessions import SessionRecord
from aliend.store.store import BATCH, Outcome, Store
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
