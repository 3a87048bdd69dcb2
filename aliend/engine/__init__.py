"""Durable transfers: the one place where the state of jobs and transfers changes."""

from aliend.engine.engine import Engine
from aliend.engine.views import Changes, InUse, JobView, Moving, TransferView, Waits

__all__ = ["Changes", "Engine", "InUse", "JobView", "Moving", "TransferView", "Waits"]
