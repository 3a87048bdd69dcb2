"""A sandbox grid without processes: catalogue, storage directories, and a manual clock."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aliend.sandbox.certificates import user_subject
from aliend.sandbox.server.connections import WebsocketServer
from aliend.sandbox.server.seed import Seeder
from aliend.sandbox.service.call import Service
from aliend.sandbox.state.catalogue import Catalogue
from aliend.sandbox.state.envelopes import Sealer
from aliend.sandbox.state.guids import GuidMaker
from aliend.sandbox.state.session import Client, Session
from aliend.sandbox.state.storage_sites import SITE

CATALOGUE = "catalogue.sqlite"
FIRST_GUID = 1000
"""Where the clock sequence of new GUIDs begins: not where that of the seed did."""


@dataclass(frozen=True)
class Reply:
    """A parsed reply."""

    code: int
    error: str
    results: list[dict[str, Any]]
    metadata: Mapping[str, str]

    @property
    def text(self) -> str:
        """Return the messages of all results."""
        return "\n".join(result["message"] for result in self.results if "message" in result)

    def values(self, key: str) -> list[Any]:
        """Return the values of a key in the results that have it."""
        return [result[key] for result in self.results if key in result]


@dataclass
class Stage:
    """The grid, and the sessions of its users. `now` is POSIX milliseconds."""

    front: WebsocketServer
    service: Service
    now: int
    sessions: dict[str, Session] = field(default_factory=dict)

    async def ask(self, command: str, *options: str, user: str = "alice") -> Reply:
        """Return the reply to a command of a user."""
        if user not in self.sessions:
            session = self.front.session(Client(user_subject(user), f"CN={user}", self.now // 1000 + 9999, "::1"))
            assert session is not None
            self.sessions[user] = session
        text = await self.front.answer(self.sessions[user], json.dumps({"command": command, "options": options}))
        document = json.loads(text)
        metadata = document["metadata"]
        return Reply(int(metadata["exitcode"]), metadata["error"], document["results"], metadata)

    def wait(self, seconds: float) -> None:
        """Advance the clock."""
        self.now += int(seconds * 1000)


def make_seed(directory: Path) -> None:
    """Create the initial content in `directory`, for `make_stage` to copy."""
    data = [directory / "se1", directory / "se2"]
    for each in data:
        each.mkdir()
    catalogue = Catalogue(directory / CATALOGUE)
    Seeder(catalogue, data, lambda: time.time_ns() // 10**6).run()
    catalogue.close()


def make_stage(seed: Path, directory: Path) -> Stage:
    """Copy the grid in `seed`; its storage elements are directories below `directory`."""
    shutil.copytree(seed, directory, dirs_exist_ok=True)
    catalogue, start = Catalogue(directory / CATALOGUE), time.time_ns() // 10**6
    stage: Stage
    service = Service(catalogue, Sealer(b"stage"), lambda: stage.now, SITE, guids=GuidMaker(FIRST_GUID))
    service.storage_directories = {1: directory / "se1", 2: directory / "se2"}
    stage = Stage(WebsocketServer(service), service, start)
    return stage
