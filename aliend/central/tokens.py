"""Tokens: asked of the service with the user's own certificate, written, renewed before they end, removed.

A token is a certificate of some weeks whose key is not encrypted; with it the daemon works while the user's own key
stays locked. When to look after tokens and whom to ask for a pass phrase is left to the callers.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aliend.central import private_files
from aliend.central.connection import open_connection, user_agent
from aliend.central.credentials import examined, facts_of, now_in_ms, usable
from aliend.central.keys import KeyRing, Locked, Unusable, is_text
from aliend.core.context import Context, CredentialFiles
from aliend.core.credentials import TOKEN_MARGIN_MS, CertificateFacts, is_due, warning
from aliend.core.replies import WRONG_SHAPE, Reply, parse
from aliend.core.requests import Request, encode
from aliend.errors import AliendError, BadReply, ConfigurationError, NotConnected, UsageError

log = logging.getLogger(__name__)

_TIMEOUT = 60.0
"""Seconds; the service makes an RSA key for each token."""
_GAIN_MS = 3_600_000
"""A new token must be able to last longer than the old one by this much to be worth a login."""
_RETRY_MS = 600_000
"""After a renewal that failed the next one is tried so much later."""
_FORBIDDEN = ("wcert", "wkey")
"""Options of `token` that would write files on the service's own machine."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was written. `remark` is what the service had to say about it, often nothing."""

    facts: CertificateFacts
    remark: str


@dataclass(frozen=True, slots=True)
class Need:
    """Whether a token must be made before the service can be used, and the encrypted key to be opened for that."""

    is_missing: bool
    locked_key: str = ""


class Tokens:
    """The tokens of all contexts, and the keys that were unlocked for them."""

    def __init__(self) -> None:
        self.keys = KeyRing()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._warnings: dict[Context, str] = {}
        self._not_before_ms: dict[Context, int] = {}

    async def obtain(self, context: Context, options: Sequence[str] = ()) -> NewToken:
        """Ask for a token with the user's certificate and put it into the files of `context`.

        `options` are those of the service's command `token`. Raises Locked while the user's key is encrypted, Unusable
        without a good certificate, ConfigurationError where the files cannot be written, and what a login and a
        request raise. With any of them the old token is still there.
        """
        check_options(options)
        _check_place(context.token)
        async with self._locks[context.token.certificate]:
            files = await asyncio.to_thread(self._own, context)
            reply = await _ask(replace(context, token=CredentialFiles(), user=files, role="", site=""), options)
            text = _text_of(reply)
            return await asyncio.to_thread(_keep, context, text, reply.error.strip())

    async def need(self, context: Context) -> Need:
        """Whether a token must and can be made before `context` is used. Raises ConfigurationError."""
        return await asyncio.to_thread(self._need, context)

    async def look_after(self, context: Context) -> str:
        """Renew the token of `context` where that is due and possible; return what the user must be warned of."""
        try:
            self._warnings[context] = await self._looked_after(context)
        except AliendError as error:
            self._warnings[context] = str(error)
        return self._warnings[context]

    def warning(self, context: Context) -> str:
        """What the last look at the credentials of `context` found, without another one."""
        return self._warnings.get(context, "")

    def warnings(self) -> list[str]:
        """Those of all contexts, each once."""
        return list(dict.fromkeys(filter(None, self._warnings.values())))

    async def destroy(self, context: Context) -> list[str]:
        """Remove the token's files, also those of a token that has ended; the names of what was there."""
        _check_place(context.token)
        names = (context.token.key, context.token.certificate)
        return [name for name in names if await asyncio.to_thread(private_files.remove, name)]

    def _own(self, context: Context) -> CredentialFiles:
        """The user's certificate with its key, opened where it is encrypted and known."""
        files = CredentialFiles(context.user.certificate, self.keys.opened(context.user.key))
        examined(files, now_in_ms())
        return files

    def _need(self, context: Context) -> Need:
        if is_text(context.token.certificate) or is_text(context.token.key) or not context.token.certificate:
            return Need(is_missing=False)
        try:
            examined(context.token, now_in_ms(), TOKEN_MARGIN_MS)
        except Unusable:
            pass
        else:
            return Need(is_missing=False)
        try:
            self._own(context)
        except Locked:
            return Need(is_missing=True, locked_key=context.user.key)
        except Unusable:
            return Need(is_missing=False)
        return Need(is_missing=True)

    async def _looked_after(self, context: Context) -> str:
        credential = await asyncio.to_thread(usable, context)
        now = now_in_ms()
        problem = ""
        if credential.is_token and is_due(credential.facts, now):
            problem = await self._renewed(context, credential.facts, now)
            credential = await asyncio.to_thread(usable, context)
        text = warning(credential.facts, now)
        if not text:
            return ""
        kind = "token" if credential.is_token else "certificate"
        return f"your {kind} {credential.facts.subject} {text}{problem}"

    async def _renewed(self, context: Context, old: CertificateFacts, now: int) -> str:
        """Try to renew; why there is no new token, as the rest of a sentence, empty where there is one."""
        try:
            own = await asyncio.to_thread(self._own, context)
            limit = (await asyncio.to_thread(facts_of, own.certificate)).ends_ms
        except Locked:
            return "; it can be renewed with your pass phrase: alienctl token-init"
        except (Unusable, ConfigurationError) as error:
            return f"; it cannot be renewed: {error}"
        if limit < old.ends_ms + _GAIN_MS:
            return "; your own certificate lasts no longer"
        if now < self._not_before_ms.get(context, 0):
            return "; a new one could not be had"
        self._not_before_ms[context] = now + _RETRY_MS
        try:
            new = await self.obtain(context)
        except AliendError as error:
            log.warning("no new token: %s", error)
            return f"; a new one could not be had: {error}"
        log.info("new token %s until %d", new.facts.subject, new.facts.ends_ms)
        return ""


def check_options(options: Sequence[str]) -> None:
    """Refuse the options of `token` that nobody may use. Raises UsageError."""
    for option in options:
        name = option.lstrip("-").partition("=")[0]
        if option.startswith("-") and name and any(known.startswith(name) for known in _FORBIDDEN):
            raise UsageError(f"token: {option} would write files on the service's own machine")


def _check_place(files: CredentialFiles) -> None:
    for place in (files.certificate, files.key):
        if is_text(place):
            raise ConfigurationError(
                "your token is given as text in JALIEN_TOKEN_CERT and JALIEN_TOKEN_KEY, so it has no files; unset them"
            )
        if not Path(place).is_absolute():
            raise ConfigurationError(f"the file of a token must have an absolute name, not {place!r}")


async def _ask(login: Context, options: Sequence[str]) -> Reply:
    """One `token` on a connection of its own: with `-u` the service would leave a shared one in that role."""
    connection = await open_connection(login, user_agent())
    try:
        request = Request("token", ("-nomsg", *options))
        reply = parse(await connection.request(encode(request), _TIMEOUT), request)
    finally:
        await connection.close()
    return reply.checked(request)


def _text_of(reply: Reply) -> CredentialFiles:
    first = reply.results[0] if reply.results else {}
    text = CredentialFiles(str(first.get("tokencert") or ""), str(first.get("tokenkey") or ""))
    if not (text.certificate and text.key):
        raise BadReply("token: the central service's reply holds no certificate and key", WRONG_SHAPE)
    return text


def _keep(context: Context, text: CredentialFiles, remark: str) -> NewToken:
    """Check the token and write it, the key first: who reads between the two sees that they are no pair, and waits."""
    try:
        known, _ = examined(text, now_in_ms())
    except NotConnected as error:
        raise BadReply(f"token: the central service sent something else than a token: {error}", WRONG_SHAPE) from error
    private_files.write_all({context.token.key: text.key, context.token.certificate: text.certificate})
    return NewToken(known, remark)
