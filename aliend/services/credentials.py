"""The `CredentialsService` servicer: the user's certificate and token."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc.aio

from aliend.commands.account.cert_import import import_file
from aliend.commands.account.cert_info import certificate_of
from aliend.commands.account.certificates import key_problem, why_not_verified
from aliend.core.connection.context import CredentialFiles
from aliend.errors import UsageError
from aliend.services.grpc_errors import Servicer
from aliend.services.messages.times import timestamp
from aliend.v1 import credentials_pb2 as pb
from aliend.v1 import credentials_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]

MAX_DAYS = 400


class CredentialsService(Servicer, credentials_pb2_grpc.CredentialsServiceServicer):
    """Reads and changes the credentials of the daemon's own context."""

    async def GetCredentials(self, _request: pb.GetCredentialsRequest, _context: Context) -> pb.GetCredentialsResponse:
        """Return certificate and token."""
        own = self._runtime.context(None)
        certificate = await _certificate(own.user)
        if certificate.key == pb.KEY_STATE_LOCKED and await self._is_open():
            certificate.key = pb.KEY_STATE_USABLE
        return pb.GetCredentialsResponse(
            certificate=certificate, token=await _certificate(own.token), warnings=self._runtime.tokens.warnings()
        )

    async def VerifyCertificates(
        self, _request: pb.VerifyCertificatesRequest, _context: Context
    ) -> pb.VerifyCertificatesResponse:
        """Verify certificate and token."""
        own = self._runtime.context(None)
        certificate, _ = await why_not_verified(own, own.user.certificate)
        token, _ = await why_not_verified(own, own.token.certificate)
        return pb.VerifyCertificatesResponse(certificate_problem=certificate, token_problem=token)

    async def ImportCertificate(
        self, request: pb.ImportCertificateRequest, _context: Context
    ) -> pb.ImportCertificateResponse:
        """Import a PKCS#12 file."""
        path = Path(request.path)
        if not path.is_absolute() or "\0" in request.path:
            raise UsageError("path must be absolute, without a NUL character")
        own = self._runtime.context(None)
        passphrases = request.passphrase, request.key_passphrase
        imported = await import_file(own, path, passphrases, replace=request.replace)
        kept = [str(old) for old in imported.kept]
        return pb.ImportCertificateResponse(certificate=await _certificate(own.user), kept=kept)

    async def UnlockKey(self, request: pb.UnlockKeyRequest, _context: Context) -> pb.UnlockKeyResponse:
        """Unlock the user's key."""
        await self._runtime.tokens.unlock(self._runtime.context(None), request.passphrase)
        return pb.UnlockKeyResponse()

    async def InitToken(self, request: pb.InitTokenRequest, _context: Context) -> pb.InitTokenResponse:
        """Get and store a new token."""
        if request.days > MAX_DAYS:
            raise UsageError(f"days must be at most {MAX_DAYS}, not {request.days}")
        if request.role.startswith("-"):
            raise UsageError(f"{request.role!r} is not a role name")
        own, tokens = self._runtime.context(None), self._runtime.tokens
        role = ("-u", request.role) if request.role else await tokens.role_options(own)
        made = await tokens.obtain(own, (*role, *(("-v", str(request.days)) if request.days else ())))
        await tokens.renew_if_due(own)
        return pb.InitTokenResponse(token=await _certificate(own.token), remark=made.remark)

    async def DestroyToken(self, request: pb.DestroyTokenRequest, _context: Context) -> pb.DestroyTokenResponse:
        """Remove the token."""
        tokens = self._runtime.tokens
        forgot = request.forget_keys and tokens.forget_keys()
        removed = await tokens.destroy(self._runtime.context(None))
        return pb.DestroyTokenResponse(removed=removed, forgot_keys=forgot)

    async def _is_open(self) -> bool:
        """Return whether the daemon has unlocked the user's key."""
        own = self._runtime.context(None)
        return await asyncio.to_thread(self._runtime.tokens.is_open, own)


async def _certificate(files: CredentialFiles) -> pb.Certificate:
    facts, problem = await certificate_of(files.certificate)
    message = pb.Certificate(path=str(files.certificate), problem=problem, key=pb.KEY_STATE_UNUSABLE)
    if facts is None:
        return message
    message.subject, message.issuer = facts.subject, facts.issuer
    message.begin_time.CopyFrom(timestamp(facts.begins_ms) or message.begin_time)
    message.expire_time.CopyFrom(timestamp(facts.ends_ms) or message.expire_time)
    key, is_locked = await key_problem(files)
    message.key = pb.KEY_STATE_LOCKED if is_locked else pb.KEY_STATE_UNUSABLE if key else pb.KEY_STATE_USABLE
    message.problem = problem or ("" if is_locked else key)
    return message
