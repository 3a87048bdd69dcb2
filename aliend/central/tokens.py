"""Tokens: asked of the service with the user's own certificate, written, renewed before they end, removed.

A token is a certificate of some weeks whose key is not encrypted; with it the daemon works while the user's own key
stays locked. When to look after tokens and whom to ask for a pass phrase is left to the callers.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aliend.central.connection.connection import open_connection, user_agent
from aliend.central.credentials import private_files
from aliend.central.credentials.certificates import examined, facts_of, now_in_ms, usable
from aliend.central.credentials.private_keys import KeyRing, Locked, Unusable, is_text
from aliend.core.connection.context import Context, CredentialFiles
from aliend.core.connection.credentials import (
    TOKEN_MARGIN_MS,
    CertificateFacts,
    expiry_warning,
    is_renewal_due,
    is_users_token,
    role_of,
)
from aliend.core.connection.discovery import Target
from aliend.core.protocol.replies import WRONG_SHAPE, Reply, parse
from aliend.core.protocol.requests import Request, encode
from aliend.errors import AliendError, BadReply, ConfigurationError, NotConnected, UsageError

log = logging.getLogger(__name__)

_TIMEOUT = 60.0
"""Seconds; the service makes an RSA key for each token."""
_INTERVAL = 60.0
"""Seconds between two looks at the tokens that are in use."""
_GAIN_MS = 3_600_000
"""A new token must be able to last longer than the old one by this much to be worth a login."""
_RETRY_MS = 600_000
"""After a renewal that failed the next one is tried so much later."""
_LONGEST_BEGIN = 4096
"""Bytes; text may stand before the PEM block."""
_FORBIDDEN = ("wcert", "wkey")
"""Options of `token` that would write files on the service's own machine."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was written. `remark` is what the service had to say about it, often nothing."""

    facts: CertificateFacts
    remark: str


class Tokens:
    """The tokens of all contexts, and the keys that were unlocked for them."""

    def __init__(self) -> None:
        self.keys = KeyRing()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._warnings: dict[Context, str] = {}
        self._problems: dict[Context, str] = {}
        self._not_before_ms: dict[Context, int] = {}

    async def obtain(self, context: Context, options: Sequence[str] = ()) -> NewToken:
        """Ask for a token with the user's certificate and put it into the files of `context`.

        `options` are those of the service's command `token`. Raises Locked while the user's key is encrypted, Unusable
        without a good certificate, ConfigurationError where the files cannot be written, and what a login and a
        request raise. With any of them the old token is still there.
        """
        check_options(options)
        _check_place(context.token)
        await asyncio.to_thread(_check_content, context.token)
        async with self._locks[context.token.certificate]:
            files = await asyncio.to_thread(self._own, context)
            reply = await _ask(replace(context, token=CredentialFiles(), user=files, role="", site=""), options)
            text = _text_of(reply)
            return await asyncio.to_thread(_keep, context, text, reply.error.strip())

    async def is_missing(self, context: Context) -> bool:
        """Whether a token must be made before `context` is used, and can, if need be with a pass phrase.

        Raises ConfigurationError where the key of the token or of the user lies open.
        """
        return await asyncio.to_thread(self._is_missing, context)

    async def unlock(self, context: Context, pass_phrase: str) -> None:
        """Open the user's key and keep it in memory. Raises UsageError for a wrong pass phrase."""
        await asyncio.to_thread(self.keys.unlock, context.user.key, pass_phrase)

    async def look_after(self, context: Context) -> str:
        """Renew the token of `context` where that is due and possible; return what the user must be warned of."""
        problem = text = ""
        try:
            text = await self._looked_after(context)
        except AliendError as error:
            problem = str(error)
        self._warnings[context], self._problems[context] = text, problem
        return text

    def warning(self, context: Context) -> str:
        """What the last look at the credentials of `context` found, without another one."""
        return self._warnings.get(context, "")

    def warnings(self) -> list[str]:
        """Those of all contexts, and why others cannot be used, each once."""
        return list(dict.fromkeys(filter(None, [*self._warnings.values(), *self._problems.values()])))

    async def watch(self, contexts: Callable[[], Iterable[Context]], interval: float = _INTERVAL) -> None:
        """Look after the tokens of `contexts()` until cancelled, every `interval` seconds."""
        while True:
            await asyncio.sleep(interval)
            for context in list(contexts()):
                await self.look_after(context)

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

    def _is_missing(self, context: Context) -> bool:
        if is_text(context.token.certificate) or is_text(context.token.key) or not context.token.certificate:
            return False
        try:
            examined(context.token, now_in_ms(), TOKEN_MARGIN_MS)
        except Unusable:
            pass
        else:
            return False
        if not _is_ours_to_replace(context.token):
            return False
        try:
            self._own(context)
        except Locked:
            return True
        except Unusable:
            return False
        return True

    async def _looked_after(self, context: Context) -> str:
        now, problem = now_in_ms(), ""
        if await self.is_missing(context):
            problem = await self._renewed(context, now)
        credential = await asyncio.to_thread(usable, context)
        text = expiry_warning(credential.facts, now)
        if not text:
            return ""
        if credential.is_token:
            problem = await asyncio.to_thread(self._why_not_renewable, context, credential.facts)
            if not problem and is_renewal_due(credential.facts, now):
                problem = await self._renewed(context, now)
            if not problem:
                return ""
        kind = "token" if credential.is_token else "certificate"
        return f"your {kind} {credential.facts.subject} {text}{problem}"

    def _why_not_renewable(self, context: Context, old: CertificateFacts) -> str:
        """Why there can be no later token, as the rest of a sentence; empty where there can."""
        if not is_users_token(old.subject):
            return "; it is no user's token, so it is not renewed"
        try:
            own = self._own(context)
            _check_place(context.token)
        except Locked:
            return "; it can be renewed with your pass phrase: alienctl token-init"
        except (Unusable, ConfigurationError) as error:
            return f"; it cannot be renewed: {error}"
        if facts_of(own.certificate).ends_ms < old.ends_ms + _GAIN_MS:
            return "; your own certificate lasts no longer"
        return ""

    async def _renewed(self, context: Context, now: int) -> str:
        """Renew the token; why there is no new one, as the rest of a sentence, empty where there is one."""
        if now < self._not_before_ms.get(context, 0):
            return "; a new one could not be had"
        self._not_before_ms[context] = now + _RETRY_MS
        try:
            new = await self.obtain(context, await self.role_options(context))
        except AliendError as error:
            log.warning("no new token: %s", error)
            return f"; a new one could not be had: {error}"
        log.info("new token %s until %d", new.facts.subject, new.facts.ends_ms)
        return ""

    async def role_options(self, context: Context) -> tuple[str, ...]:
        """The options of `token` for the role that the token has which is there, also an expired one."""
        try:
            known = await asyncio.to_thread(facts_of, context.token.certificate)
        except Unusable:
            return ()
        role = role_of(known.subject)
        return ("-u", role) if role else ()


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


def _is_ours_to_replace(files: CredentialFiles) -> bool:
    """Whether a command may write a token unasked: where there is none, or a user's."""
    if not Path(files.certificate).exists():
        return not Path(files.key).exists()
    try:
        return is_users_token(facts_of(files.certificate).subject)
    except Unusable:
        return False


def _check_content(files: CredentialFiles) -> None:
    """Refuse to write over a file that holds something else than PEM, as after a slip in a variable."""
    for place in (files.certificate, files.key):
        path = Path(place)
        private_files.check(path)
        try:
            begin = path.read_bytes()[:_LONGEST_BEGIN] if path.is_file() else b""
        except OSError as error:
            raise ConfigurationError(f"{place} cannot be read: {error.strerror}") from error
        if begin.strip() and b"-----BEGIN " not in begin:
            raise ConfigurationError(f"{place} holds something else than a token, so it is not written over")


async def _ask(login: Context, options: Sequence[str]) -> Reply:
    """One `token` on a connection of its own: with `-u` the service would leave a shared one in that role."""
    connection = await open_connection(login, Target(login.endpoint), user_agent())
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
