"""`cert-verify`, `token-verify`, `certkey-match`, `tokenkey-match`, `getCAcerts`: check certificates, install CAs."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from aliend.central.credentials import ca_bundle, chain_verification
from aliend.central.credentials.certificates import now_in_ms, parse_certificate
from aliend.central.credentials.pem_files import Unreadable
from aliend.central.credentials.private_keys import KeyText, Locked, is_pair, read_key
from aliend.commands.invocation.call import Call
from aliend.commands.invocation.results import refuse_arguments
from aliend.core.cli.options import Option, parse_options
from aliend.core.connection.context import Context, CredentialFiles
from aliend.core.connection.pem import PemSource
from aliend.errors import ConfigurationError, Unusable, UsageError
from aliend.runtime import Runtime

UNREADABLE, FAILED, MISMATCH, UNLOADABLE = 2, 1, 42, 5
"""Exit codes of alien.py."""
_CA_OPTIONS = {"-from": Option("from", "the URL of a git repository")}


async def cert_verify(_runtime: Runtime, call: Call) -> int:
    """Verify the user's certificate."""
    return await _verify(call, call.context.user.certificate)


async def token_verify(_runtime: Runtime, call: Call) -> int:
    """Verify the token."""
    return await _verify(call, call.context.token.certificate)


async def certkey_match(_runtime: Runtime, call: Call) -> int:
    """Check that the user's certificate and key match."""
    return await _match(call, call.context.user)


async def tokenkey_match(_runtime: Runtime, call: Call) -> int:
    """Check that the token and its key match."""
    return await _match(call, call.context.token)


async def get_ca_certs(runtime: Runtime, call: Call) -> int:
    """Install the grid's certificate authorities into `DIRECTORY/certificates`."""
    options = parse_options("getCAcerts", call.args[1:], _CA_OPTIONS)
    directories, source = options.operands, options.last("from")
    if len(directories) > 1:
        raise UsageError("usage: getCAcerts [-from REPOSITORY] [DIRECTORY]")
    environment = runtime.settings.environment
    home = Path(environment.get("HOME") or Path.home())
    parent = Path(call.local_path(directories[0])) if directories else home / ".globus"
    installed = await ca_bundle.install(parent, source, environment, call.umask)
    directory = parent / ca_bundle.DIRECTORY
    if call.as_json:
        await call.print_json({"directory": str(directory), "certificates": installed.count})
    else:
        await call.print(
            f"installed {installed.count} authorities in {directory}; use them with: export X509_CERT_DIR={directory}"
        )
    await call.print_error(f"getCAcerts: {installed.note}" if installed.note else "")
    return 0


async def _verify(call: Call, source: PemSource) -> int:
    refuse_arguments(call)
    problem, code = await why_not_verified(call.context, source)
    return await _print_outcome(call, source, problem, code, good="is verified")


async def why_not_verified(context: Context, source: PemSource) -> tuple[str, int]:
    """Return why a certificate is not verified and the exit code; an empty text and 0 if it is."""
    try:
        await asyncio.to_thread(parse_certificate, source)
    except Unusable as error:
        return str(error), UNREADABLE if isinstance(error, Unreadable) else UNLOADABLE
    try:
        trust = await asyncio.to_thread(chain_verification.load_trust, context.ca, context.ca_note)
        problem = await asyncio.to_thread(chain_verification.why_untrusted, source, trust, now_in_ms())
    except (ConfigurationError, Unusable) as error:
        return str(error), UNLOADABLE
    return problem, FAILED if problem else 0


async def key_problem(files: CredentialFiles) -> tuple[str, bool]:
    """Return why the key of a certificate cannot be used, and whether only its passphrase is missing."""
    try:
        certificate = await asyncio.to_thread(parse_certificate, files.certificate)
        key = await asyncio.to_thread(read_key, files.key)
        pair = is_pair(certificate.public_key(), key.parsed())
    except Locked as error:
        return str(error), True
    except (Unusable, ConfigurationError, UsageError) as error:
        return str(error), False
    return ("" if pair else f"the key {key.name} does not match the certificate {files.certificate}"), False


async def _match(call: Call, files: CredentialFiles) -> int:
    refuse_arguments(call)
    source = files.certificate
    try:
        certificate = await asyncio.to_thread(parse_certificate, source)
        key = await asyncio.to_thread(read_key, files.key)
        pair = is_pair(certificate.public_key(), await _decrypt(call, key))
    except (Unusable, ConfigurationError, UsageError) as error:
        return await _print_outcome(call, source, str(error), UNLOADABLE)
    problem = "" if pair else f"the key {key.name} does not match the certificate {source}"
    return await _print_outcome(
        call, source, problem, 0 if pair else MISMATCH, good=f"and the key {key.name} are a pair"
    )


async def _decrypt(call: Call, key: KeyText) -> PrivateKeyTypes:
    """Return the decrypted key; ask the user for the passphrase if it is encrypted, and store neither."""
    try:
        return key.parsed()
    except Locked:
        answer = await call.ask(f"Passphrase of {key.name}: ")
        if answer is None:
            raise
        return key.parsed(answer.encode())


async def _print_outcome(call: Call, source: PemSource, problem: str, code: int, *, good: str = "") -> int:
    """Print the outcome: success on standard output, a problem on standard error; return `code`."""
    if call.as_json:
        await call.print_json({"certificate": str(source), "ok": code == 0, "problem": problem})
    elif code == 0:
        await call.print(f"{source} {good}")
    await call.print_error(f"{call.args[0]}: {problem}" if problem else "")
    return code
