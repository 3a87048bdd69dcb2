"""Tokens of one context: what is asked of the service, when, and what stays where it fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from aliend.central.credentials import private_files
from aliend.central.credentials.certificates import facts_of, usable
from aliend.central.session import CentralSession
from aliend.central.tokens import Tokens
from aliend.core.connection.context import Context, CredentialFiles
from aliend.core.connection.pem import pem_source
from aliend.core.protocol.requests import Request
from aliend.errors import BadReply, NotConnected, ServiceError, UsageError
from tests.integration.central.service import DAY, Authority, Issued, Service, document, eventually

PASSPHRASE = "open sesame"


class Asked:
    """A context without a token, and a service that gives some out."""

    def __init__(self, service: Service, authority: Authority, folder: Path) -> None:
        self.service, self._authority, self._folder = service, authority, folder
        self.context = self.of(authority.issue("alice", ends=300 * DAY))

    def of(self, user: Issued) -> Context:
        token = CredentialFiles(
            pem_source(str(self._folder / "token.pem")), pem_source(str(self._folder / "token.key"))
        )
        return replace(self.service.context(self._authority.ca, user), token=token)

    def locked(self) -> Context:
        return self.of(self._authority.issue("alice", ends=300 * DAY, passphrase=PASSPHRASE))

    def offer(self, days: float) -> None:
        """The next tokens of the service are valid for so many days."""
        text = self._authority.issue("alice-token", ends=days * DAY).pair
        self.service.replies["token"] = document([{"tokencert": text.certificate, "tokenkey": text.key}])

    def place(self, *, begins: float = -28 * DAY, ends: float) -> None:
        """Put a token into place that is valid between these moments (seconds from now)."""
        text, token = self._authority.issue("alice-token", begins=begins, ends=ends).pair, self.context.token
        private_files.write_all({str(token.key): text.key, str(token.certificate): text.certificate})

    def held(self) -> bytes:
        """The token's certificate that is there."""
        return Path(str(self.context.token.certificate)).read_bytes()

    @property
    def requests(self) -> list[tuple[str, ...]]:
        return [words for words in self.service.executed if words[0] == "token"]


@pytest.fixture
async def asked(service: Service, authority: Authority, tmp_path: Path) -> Asked:
    made = Asked(service, authority, tmp_path)
    made.offer(31)
    return made


@pytest.fixture
async def watched(asked: Asked) -> AsyncGenerator[Tokens, None]:
    """The tokens of the locked context `asked.context`, whose key was opened; looked after all the time."""
    tokens = Tokens()
    asked.context = asked.locked()
    await tokens.unlock(asked.context, PASSPHRASE)
    task = asyncio.create_task(tokens.watch(lambda: [asked.context], 0.05))
    yield tokens
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_f043_options_are_sent_as_they_are(asked: Asked) -> None:
    await Tokens().obtain(asked.context, ("-v", "5", "-u", "x"))
    assert asked.requests == [("token", "-nomsg", "-v", "5", "-u", "x")]
    await eventually(lambda: asked.service.open == 0)


async def test_f051_token_in_its_last_days_is_renewed_with_an_opened_key(asked: Asked, watched: Tokens) -> None:
    asked.place(ends=2 * DAY)
    before = asked.held()
    await eventually(lambda: asked.held() != before)
    assert watched.warnings() == []
    assert len(asked.requests) == 1


async def test_f051_token_that_has_ended_is_replaced_without_being_asked(asked: Asked, watched: Tokens) -> None:
    asked.place(ends=-60)
    old = facts_of(asked.context.token.certificate).ends_ms
    await eventually(lambda: facts_of(asked.context.token.certificate).ends_ms > old)
    assert usable(asked.context).is_token
    assert watched.warnings() == []


async def test_f051_session_continues_after_its_token_expires(asked: Asked, watched: Tokens) -> None:
    asked.place(ends=4)
    ends = asked.context.token.certificate
    old = facts_of(ends).ends_ms  # before the watching task runs, which renews it
    async with CentralSession(asked.context) as central:
        await central.request(Request("ls", ("/alice",)))
        await eventually(lambda: facts_of(ends).ends_ms > old)
        await central.request(Request("ls", ("/alice",)))
        assert central.status().certificate_ends_ms == facts_of(ends).ends_ms
    assert watched.warnings() == []


async def test_failed_renewal_causes_a_warning_and_no_immediate_retry(asked: Asked) -> None:
    tokens = Tokens()
    asked.place(ends=2 * DAY)
    asked.service.replies["token"] = document([], code=121, error="no authority")
    for _ in range(3):
        assert "its renewal failed" in await tokens.renew_if_due(asked.context)
    assert len(asked.requests) == 1
    assert tokens.warnings()[0].startswith("your token C=ch/O=AliEn2/CN=Users/CN=alice-token expires at ")


async def test_own_certificate_that_expires_with_the_token_causes_no_logins(asked: Asked, authority: Authority) -> None:
    tokens = Tokens()
    context = asked.of(authority.issue("alice", ends=2 * DAY))
    asked.place(ends=2 * DAY)
    assert "your own certificate expires at that time too" in await tokens.renew_if_due(context)
    assert asked.requests == []


@pytest.mark.parametrize(
    "reply",
    [
        document([]),
        document([{"tokencert": "x", "tokenkey": ""}]),
        document([{"tokencert": "x", "tokenkey": "y"}]),
        "{",
        "",
    ],
)
async def test_answer_without_a_token_changes_nothing(asked: Asked, reply: str) -> None:
    asked.place(ends=DAY)
    before = asked.held()
    asked.service.replies["token"] = reply or " "
    with pytest.raises(BadReply):
        await Tokens().obtain(asked.context)
    assert asked.held() == before


async def test_refusal_and_loss_change_nothing(asked: Asked) -> None:
    asked.place(ends=DAY)
    before = asked.held()
    asked.service.replies["token"] = document([{"tokencert": "x"}], code=1, error="Operation not permitted")
    with pytest.raises(ServiceError, match="not permitted"):
        await Tokens().obtain(asked.context, ("-u", "admin"))
    for fault in ("drop-before", "drop-after"):
        asked.service.faults.append(fault)
        with pytest.raises(NotConnected):
            await Tokens().obtain(asked.context)
    assert asked.held() == before


async def test_wrong_passphrase_differs_from_a_locked_key(asked: Asked) -> None:
    tokens, context = Tokens(), asked.locked()
    assert await tokens.is_missing(context)
    with pytest.raises(NotConnected, match="encrypted"):
        await tokens.obtain(context)
    with pytest.raises(UsageError, match="does not open the key"):
        await tokens.unlock(context, "guess")
    await tokens.unlock(context, PASSPHRASE)
    await tokens.obtain(context)
    assert PASSPHRASE not in repr(vars(tokens))
    assert "PRIVATE" not in repr(vars(tokens))


async def test_two_concurrent_token_requests_leave_a_matching_pair(asked: Asked) -> None:
    tokens = Tokens()
    await asyncio.gather(*(tokens.obtain(asked.context) for _ in range(4)))
    assert usable(asked.context).is_token


async def test_pair_that_is_being_replaced_is_waited_for(asked: Asked, authority: Authority) -> None:
    asked.place(ends=40 * DAY)
    new, token = authority.issue("alice-token", ends=50 * DAY).pair, asked.context.token
    private_files.write_all({str(token.key): new.key})
    reading = asyncio.create_task(asyncio.to_thread(usable, asked.context))
    await asyncio.sleep(0)
    private_files.write_all({str(token.certificate): new.certificate})
    assert (await reading).facts.ends_ms == facts_of(token.certificate).ends_ms
