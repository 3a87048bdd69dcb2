"""The daemon's database: jobs, transfers and sessions in one SQLite file."""

from aliend.store.deletions import Deletion, FileKey
from aliend.store.scheduling_queries import SchedulingQuery, SchedulingResult
from aliend.store.sessions import IdentityRecord, SessionRecord
from aliend.store.store import BATCH, ChangeResult, Store
from aliend.store.sync_listings import ListedFile, SyncListings
from aliend.store.transfers import NewTransfer

__all__ = [
    "BATCH",
    "ChangeResult",
    "Deletion",
    "FileKey",
    "IdentityRecord",
    "ListedFile",
    "NewTransfer",
    "SchedulingQuery",
    "SchedulingResult",
    "SessionRecord",
    "Store",
    "SyncListings",
]
