"""The bridge answers the recorded requests as the service does, though its clients share connections."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from itertools import cycle

import pytest

from aliend.bridge.conversation import Conversation
from aliend.core.connection.context import Context
from aliend.core.protocol.messages import UnusableMessage
from aliend.core.protocol.replies import Reply, Result, parse
from aliend.core.protocol.requests import Request, changes_connection, encode
from aliend.sandbox.protocol.requests import UnusableError
from aliend.sandbox.state.session import Session
from tests.contract.recorded_catalogue import RECORDINGS
from tests.contract.replay import COUNTS, Replay, Step, replay, steps

CONNECTIONS = 2


class Pool:
    """Connections of one user with one role to the sandbox, used in turn by all clients."""

    def __init__(self, replaying: BridgeReplay, who: str, context: Context) -> None:
        self._replaying, self._who, self._context = replaying, who, context
        self._connections = [self._new() for _ in range(CONNECTIONS)]
        self._turn = cycle(range(CONNECTIONS))

    def _new(self) -> Session | None:
        return None

    async def request(self, request: Request, *, directory: str = "", may_change: bool = False) -> Reply:
        number = next(self._turn)
        session = self._connections[number] or await self._login()
        is_changed = changes_connection(request)
        assert may_change or not is_changed
        self._connections[number] = None if is_changed else session
        return parse(await self._replaying.front.answer(session, encode(request, directory)), request)

    async def _login(self) -> Session:
        session = self._replaying.new_session(self._who)
        timing = "on" if self._context.timing else ""
        settings = (("user", self._context.role), ("setSite", self._context.site), ("timing", timing))
        for command, value in settings:
            if value:
                await self._replaying.front.answer(session, encode(Request(command, (value,))))
        return session

    async def stream(
        self, request: Request, *, directory: str = "", bulk: bool, on_end: Callable[[Reply], None]
    ) -> AsyncIterator[list[Result]]:
        reply = await self.request(request, directory=directory)
        for start in range(0, len(reply.results), 2):
            yield list(reply.results[start : start + 2])
        on_end(reply)
        reply.checked(request)


class BridgeReplay(Replay):
    """Each scenario is a client of the bridge of its user."""

    def __init__(self, played: list[Step]) -> None:
        super().__init__(played)
        self._pools: dict[tuple[str, Context], Pool] = {}
        self._clients: dict[tuple[str, str], Conversation] = {}
        self._slots: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(3))

    async def answer(self, step: Step, text: str) -> str:
        key = (step.scenario, step.who)
        if key not in self._clients:
            self._clients[key] = self._client(step.who)
        try:
            return "".join([piece async for piece in self._clients[key].answer(text)])
        except UnusableMessage:
            raise UnusableError from None

    def _client(self, who: str) -> Conversation:
        async def account(context: Context) -> tuple[str, str]:
            reply = await self._pool(who, context).request(Request("whoami", ("-v",)))
            return reply.user, str(reply.results[0]["homedir"])

        return Conversation(Context(), lambda context: self._pool(who, context), account, self._slots[who])

    def _pool(self, who: str, context: Context) -> Pool:
        return self._pools.setdefault((who, context), Pool(self, who, context))


@pytest.mark.parametrize(("recording", "count"), COUNTS.items())
async def test_the_bridge_answers_as_the_recorded_service(recording: str, count: int) -> None:
    outcome = await replay(steps(RECORDINGS / recording), BridgeReplay)
    assert outcome.reported == []
    assert outcome.asked == count


async def test_clients_with_shared_connections_have_their_own_directories() -> None:
    replaying = BridgeReplay(steps())
    home = "/alice/cern.ch/user/j/jalien/"
    one, other = (Step(name, "user", {"command": "pwd"}, None) for name in "ab")

    async def asked(step: Step, command: str, *options: str) -> str:
        reply = json.loads(await replaying.answer(step, json.dumps({"command": command, "options": options})))
        return str(reply["metadata"]["currentdir"])

    try:
        assert await asked(one, "cd", "testdata") == f"{home}testdata/"
        assert [await asked(other, "pwd"), await asked(other, "pwd"), await asked(one, "pwd")] == [
            *(home, home),
            f"{home}testdata/",
        ]
        assert await asked(other, "cd", "testdata/text") == f"{home}testdata/text/"
        assert [await asked(each, "cd", "..") for each in (one, other)] == [home, f"{home}testdata/"]
    finally:
        replaying.close()
