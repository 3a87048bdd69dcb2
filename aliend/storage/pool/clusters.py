"""The clusters that run copies. Names that stand for one scheduler share its processes, whatever they are.

One scheduler may be named by several addresses and files; an idle process of one name would occupy a thread that a
process of the other waits for.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from aliend.core.cli.environment import Settings
from aliend.errors import CopyError, Obstacle

if TYPE_CHECKING:
    from aliend.storage.pool.cluster_pool import ClusterPool
    from aliend.storage.pool.worker_group import WorkerGroup
    from aliend.storage.pool.worker_pool import WorkerPool


class Clusters:
    """The clusters by the address or file of their scheduler; `create` returns one, see `WorkerPool`."""

    def __init__(self, create: Callable[[str, WorkerPool], ClusterPool], local: WorkerPool) -> None:
        self._create = create
        self._local = local
        self._own: dict[str, ClusterPool] = {}
        """What `create` has returned for each name."""
        self._used: dict[str, ClusterPool] = {}
        """What serves each name: its own cluster, or that of another name."""

    def used_for(self, name: str) -> ClusterPool | None:
        """Return the cluster that has given slots to copies of this name; None: none yet."""
        return self._used.get(name)

    @property
    def groups(self) -> list[WorkerGroup]:
        """Return all groups of processes."""
        return [group for cluster in self._own.values() for group in cluster.groups]

    @asynccontextmanager
    async def reserve_slot(
        self, name: str, settings: Settings, on_wait: Callable[[], None]
    ) -> AsyncGenerator[None, None]:
        """Wait for a slot on the cluster of this name, see `ClusterGroup.reserve_slot`.

        Raises CopyError; an unreachable scheduler is the obstacle under this name.
        """
        async with AsyncExitStack() as stack:
            try:
                cluster = await self._connected(name, on_wait)
                await stack.enter_async_context(cluster.reserve_slot(settings, on_wait))
            except CopyError as error:
                if error.obstacle and error.obstacle.kind == "scheduler":
                    error.obstacle = Obstacle("scheduler", name)
                raise
            yield

    async def _connected(self, name: str, on_wait: Callable[[], None]) -> ClusterPool:
        """Return the cluster to use, after connecting to its scheduler. Raises CopyError."""
        used = self._used.get(name)
        if used and used.scheduler_id:
            return used
        on_wait()
        if name not in self._own:
            self._own[name] = self._create(name, self._local)
        own = self._own[name]
        scheduler = await own.connect()
        others = (other for other in self._used.values() if other is not own and other.scheduler_id == scheduler)
        self._used[name] = next(others, own)
        if self._used[name] is not own:
            await own.disconnect()
        return self._used[name]

    async def close(self) -> None:
        """End all connections, after the processes of the groups."""
        for cluster in self._own.values():
            await cluster.disconnect()
