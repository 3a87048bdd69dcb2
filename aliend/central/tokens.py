"""Tokens: requests them with the user's own certificate, stores, renews and removes them.

A token is a certificate that is valid for some weeks and whose key is not encrypted; with it the daemon works while
the user's own key stays locked. The callers decide when to check tokens and whom to ask for a passphrase.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from aliend.central.credentials import private_files
from aliend.central.credentials.certificates import Pair, examined, facts_of, now_in_ms, usable
from aliend.central.credentials.pem_files import Planted, text_of
from aliend.central.credentials.private_keys import KeyRing, Locked
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
from aliend.core.connection.pem import PemFile, PemText, blocks
from aliend.core.protocol.replies import WRONG_SHAPE, Reply, parse
from aliend.core.protocol.requests import Request, encode
from aliend.errors import AliendError, BadReply, ConfigurationError, NotConnected, Unusable, UsageError, one_line

log = logging.getLogger(__name__)

_TIMEOUT = 60.0
"""Time limit in seconds; the service creates an RSA key for each token."""
_INTERVAL = 60.0
"""Seconds between two checks of the tokens in use."""
_GAIN_MS = 3_600_000
"""A renewal is worth a login only if the new token can last longer than the old one by this time (ms)."""
_RETRY_MS = 600_000
"""Time until the next renewal after a failed one, in milliseconds."""
_VALIDITY = re.compile(r"-+v(?:=(.*)|(-?\d.*))?")
_FORBIDDEN = ("wcert", "wkey")
"""Options of `token` that would write files on the service's machine."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was written. `remark` is the service's remark about it, usually empty."""

    facts: CertificateFacts
    remark: str


class Tokens:
    """The tokens of all contexts, and the keys unlocked for them."""

    def __init__(self) -> None:
        self.keys = KeyRing()
        self._has_keys = False
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._missing = asyncio.Lock()
        self._warnings: dict[Context, str] = {}
        self._problems: dict[Context, str] = {}
        self._not_before_ms: dict[Context, int] = {}

    async def obtain(self, context: Context, options: Sequence[str] = ()) -> NewToken:
        """Request a token with the user's certificate and store it in the files of `context`.

        `options` are those of the service's command `token`. Raises Locked while the user's key is encrypted, Unusable
        without a valid certificate, ConfigurationError if the files cannot be written, and the errors of a login and
        a request. After any of them the old token still exists.
        """
        check_options(options)
        files = _files_of(context.token)
        await asyncio.to_thread(_check_content, files)
        async with self._locks[files.certificate.path]:
            own = await asyncio.to_thread(self._own, context)
            reply = await _ask(replace(context, token=CredentialFiles(), user=own, role="", site=""), options)
            return await asyncio.to_thread(_keep, files, _pair_of(reply), reply.error.strip())

    async def is_missing(self, context: Context) -> bool:
        """Return whether `context` needs a new token first and can get one, perhaps after a passphrase.

        Raises ConfigurationError if others can read the key of the token or of the user.
        """
        return await asyncio.to_thread(self._is_missing, context)

    async def ensure(self, context: Context) -> None:
        """Get a token for `context` if a valid one is missing; without one, the first request reports the reason."""
        try:
            if not await self.is_missing(context):
                return
            async with self._missing:
                if await self.is_missing(context):
                    await self.obtain(context, await self.role_options(context))
        except AliendError as error:
            log.warning("no new token: %s", one_line(error))
        await self.renew_if_due(context)

    async def unlock(self, context: Context, passphrase: str) -> None:
        """Open the user's key and keep it in memory. Raises UsageError for a wrong passphrase."""
        await asyncio.to_thread(self.keys.unlock, context.user.key, passphrase)
        self._has_keys = True

    async def renew_if_due(self, context: Context) -> str:
        """Renew the token of `context` if due and possible; return the warning for the user, or an empty text."""
        problem = text = ""
        try:
            text = await self._renewed_if_due(context)
        except AliendError as error:
            problem = one_line(error)
        self._warnings[context], self._problems[context] = text, problem
        return text

    def warning(self, context: Context) -> str:
        """Return the result of the last check of the credentials of `context`, without a new check."""
        return self._warnings.get(context, "")

    def warnings(self) -> list[str]:
        """Return the distinct warnings of all contexts, including why credentials cannot be used."""
        return list(dict.fromkeys(filter(None, [*self._warnings.values(), *self._problems.values()])))

    async def watch(self, contexts: Callable[[], Iterable[Context]], interval: float = _INTERVAL) -> None:
        """Check and renew the tokens of `contexts()` every `interval` seconds until cancelled."""
        while True:
            await asyncio.sleep(interval)
            for context in list(contexts()):
                await self.renew_if_due(context)

    async def destroy(self, context: Context) -> list[str]:
        """Remove the token's files, also of an expired token; return the names of the removed files."""
        files = _files_of(context.token)
        for known in (self._warnings, self._problems, self._not_before_ms):
            known.pop(context, None)  # they were about this token
        names = (files.key.path, files.certificate.path)
        return [name for name in names if await asyncio.to_thread(private_files.remove, name)]

    def check_own(self, context: Context) -> None:
        """Check the user's certificate and key. Raises Locked, Unusable or ConfigurationError. Blocks."""
        self._own(context)

    def is_open(self, context: Context) -> bool:
        """Return whether the user's certificate and key can be used now. Blocks."""
        try:
            self.check_own(context)
        except (NotConnected, ConfigurationError):
            return False
        return True

    def forget_keys(self) -> bool:
        """Forget the unlocked keys; return whether any existed."""
        had_keys, self.keys, self._has_keys = self._has_keys, KeyRing(), False
        return had_keys

    def _own(self, context: Context) -> CredentialFiles:
        """Return the user's certificate with its key; use the key in memory if it was unlocked."""
        files = CredentialFiles(context.user.certificate, self.keys.opened(context.user.key))
        examined(files, now_in_ms())
        return files

    def _is_missing(self, context: Context) -> bool:
        certificate, key = context.token.certificate, context.token.key
        if isinstance(certificate, PemText) or isinstance(key, PemText) or not certificate.path:
            return False
        try:
            examined(context.token, now_in_ms(), TOKEN_MARGIN_MS)
        except Unusable:
            pass
        else:
            return False
        if not _is_ours_to_replace(certificate, key):
            return False
        try:
            self._own(context)
        except Locked:
            return True
        except Unusable:
            return False
        return True

    async def _renewed_if_due(self, context: Context) -> str:
        now, problem = now_in_ms(), ""
        if await self.is_missing(context):
            problem = await self._renewed(context, now)
        credential = await asyncio.to_thread(usable, context)
        text = expiry_warning(credential.facts, now)
        if not text:
            return credential.warning
        if credential.is_token:
            problem = await asyncio.to_thread(self._why_not_renewable, context, credential.facts)
            if not problem and is_renewal_due(credential.facts, now):
                problem = await self._renewed(context, now)
            if not problem:
                return credential.warning
        kind = "token" if credential.is_token else "certificate"
        return "; ".join(filter(None, [credential.warning, f"your {kind} {credential.facts.subject} {text}{problem}"]))

    def _why_not_renewable(self, context: Context, old: CertificateFacts) -> str:
        """Return why a later token is impossible, as the rest of a sentence; empty if it is possible."""
        if not is_users_token(old.subject):
            return "; it is not a user's token, so it is not renewed"
        try:
            own = self._own(context)
            _files_of(context.token)
        except Locked:
            return "; renew it with your passphrase: `alienctl token-init`"
        except (Unusable, ConfigurationError) as error:
            return f"; it cannot be renewed: {error}"
        if facts_of(own.certificate).ends_ms < old.ends_ms + _GAIN_MS:
            return "; your own certificate expires at that time too"
        return ""

    async def _renewed(self, context: Context, now: int) -> str:
        """Renew the token; return why that failed, as the rest of a sentence, or an empty text."""
        if now < self._not_before_ms.get(context, 0):
            return "; its renewal failed"
        self._not_before_ms[context] = now + _RETRY_MS
        try:
            new = await self.obtain(context, await self.role_options(context))
        except AliendError as error:
            log.warning("no new token: %s", error)
            return f"; its renewal failed: {error}"
        log.info("new token %s until %d", new.facts.subject, new.facts.ends_ms)
        return ""

    async def role_options(self, context: Context) -> tuple[str, ...]:
        """Return the options of `token` for the role of the existing (even expired) token."""
        try:
            known = await asyncio.to_thread(facts_of, context.token.certificate)
        except Unusable:
            return ()
        role = role_of(known.subject)
        return ("-u", role) if role else ()


def check_options(options: Sequence[str]) -> None:
    """Reject the options of `token` that would write on the service's machine. Raises UsageError."""
    for option in options:
        name = option.lstrip("-").partition("=")[0]
        if option.startswith("-") and name and any(known.startswith(name) for known in _FORBIDDEN):
            raise UsageError(f"token: {option} would write files on the service's own machine")
    for word, value in pairwise([*options, ""]):
        found = _VALIDITY.fullmatch(word)
        days = (found[1] or found[2] or value) if found else "1"
        if not (days.isascii() and days.isdigit() and int(days) > 0):
            raise UsageError(f"-v takes a number of days, at least 1, not {days!r}")


@dataclass(frozen=True, slots=True)
class _TokenFiles:
    """The two files of a token, with absolute names."""

    certificate: PemFile
    key: PemFile


def _files_of(files: CredentialFiles) -> _TokenFiles:
    """Return where to write a token. Raises ConfigurationError for text and for relative paths."""
    certificate, key = files.certificate, files.key
    if isinstance(certificate, PemText) or isinstance(key, PemText):
        raise ConfigurationError(
            "your token is given as text in JALIEN_TOKEN_CERT and JALIEN_TOKEN_KEY, so it has no files; unset them"
        )
    for file in (certificate, key):
        if not Path(file.path).is_absolute():
            raise ConfigurationError(f"the path of a token must be absolute, not '{file}'")
    return _TokenFiles(certificate, key)


def _is_ours_to_replace(certificate: PemFile, key: PemFile) -> bool:
    """Return whether a command may write a token unasked: no token exists, or it is a user's token."""
    if not os.path.lexists(certificate.path):
        return not os.path.lexists(key.path)
    try:
        return is_users_token(facts_of(certificate).subject)
    except Unusable:
        return False


def _check_content(files: _TokenFiles) -> None:
    """Refuse to overwrite a file without PEM content, for example after a mistake in a variable."""
    for file in (files.certificate, files.key):
        try:
            text = text_of(file)
        except FileNotFoundError:
            continue
        except Planted as error:
            raise ConfigurationError(str(error)) from error
        except OSError as error:
            raise ConfigurationError(f"cannot read {file}: {error.strerror}") from error
        private_files.check(Path(file.path))
        if text.strip() and not blocks(text):
            raise ConfigurationError(
                f"{file} is not a token, so it is not overwritten; remove it or choose another name"
            )


async def _ask(login: Context, options: Sequence[str]) -> Reply:
    """Run `token` on a separate connection, because `-u` leaves its connection in that role."""
    from aliend.central.connection.connection import open_connection, user_agent  # with the library for websockets

    connection = await open_connection(login, Target(login.endpoint), user_agent())
    try:
        request = Request("token", ("-nomsg", *options))
        reply = parse(await connection.request(encode(request), _TIMEOUT), request)
    finally:
        await connection.close()
    return reply.checked(request)


def _pair_of(reply: Reply) -> Pair:
    first = reply.results[0] if reply.results else {}
    pair = Pair(str(first.get("tokencert") or ""), str(first.get("tokenkey") or ""))
    if not (pair.certificate and pair.key):
        raise BadReply("token: the central service's reply holds no certificate and key", WRONG_SHAPE)
    return pair


def _keep(files: _TokenFiles, pair: Pair, remark: str) -> NewToken:
    """Check the token and write it, key first: a reader in between detects the mismatch and waits."""
    try:
        known, _ = examined(CredentialFiles(PemText(pair.certificate), PemText(pair.key)), now_in_ms())
    except NotConnected as error:
        raise BadReply(f"token: the central service did not send a token: {error}", WRONG_SHAPE) from error
    if files.certificate.is_default or files.key.is_default:
        private_files.make_directories([Path(files.certificate.path).parent, Path(files.key.path).parent])
    private_files.write_all({files.key.path: pair.key, files.certificate.path: pair.certificate})
    return NewToken(known, remark)
