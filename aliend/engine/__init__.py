"""Durable transfers: the only place where the state of jobs and transfers changes."""

from aliend.engine.engine import Engine
from aliend.engine.views import ActiveCopy, Changes, JobView, LimitsInUse, TransferView, WaitingFile

__all__ = ["ActiveCopy", "Changes", "Engine", "JobView", "LimitsInUse", "TransferView", "WaitingFile"]
