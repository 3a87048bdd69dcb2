"""The daemon's database: jobs, transfers and sessions in one SQLite file."""

from aliend.store.batch_changes import TransferChange
from aliend.store.rows.deletions import Deletion, FileKey
from aliend.store.rows.sessions import IdentityRecord, SessionRecord
from aliend.store.rows.sync_listings import ListedFile, SyncListings
from aliend.store.rows.transfers import NewTransfer, WaitingCause
from aliend.store.scheduling_queries import SchedulingQuery, SchedulingResult
from aliend.store.store import BATCH, ChangeResult, Store

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
    "TransferChange",
    "WaitingCause",
]
