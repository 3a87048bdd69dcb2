"""Durable transfers: the one place where the state of jobs and transfers changes."""

from aliend.engine.engine import Engine
from aliend.engine.views import Changes, JobView, Moving, TransferView

__all__ = ["Changes", "Engine", "JobView", "Moving", "TransferView"]
