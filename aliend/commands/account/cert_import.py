"""`cert-import`: converts a PKCS#12 file to usercert.pem and userkey.pem, like `openssl pkcs12`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from aliend.central.credentials import certificate_files, pkcs12
from aliend.central.credentials.certificates import facts, facts_of
from aliend.central.credentials.clock import local_time_ms
from aliend.central.credentials.pkcs12 import Bundle, WrongPassphrase
from aliend.commands.account import questions
from aliend.commands.invocation.call import Call
from aliend.core.connection import login_messages
from aliend.core.connection.context import Context, CredentialFiles
from aliend.core.connection.credentials import CertificateFacts
from aliend.core.connection.pem import PemFile
from aliend.errors import ConfigurationError, NotConnected, ServiceError, UsageError
from aliend.runtime import Runtime

_TRIES = 3
_EXISTS = 17
_NO_PASSPHRASE = "--no-passphrase"
_USAGE = "cert-import takes one file, as in: `alienctl cert-import ~/Downloads/mycert.p12`"


@dataclass(frozen=True, slots=True)
class Imported:
    """An imported certificate, the old files that were kept, and the passphrase of its key (empty: none)."""

    facts: CertificateFacts
    kept: list[Path]
    passphrase: str = field(default="", repr=False)


async def cert_import(_parts: Runtime, call: Call) -> int:
    """Import the certificate of a PKCS#12 file."""
    arguments = [word for word in call.args[1:] if word != _NO_PASSPHRASE]
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise UsageError(_USAGE)
    path = Path(call.directory, arguments[0].removeprefix("file:"))
    imported = await import_pkcs12(call, path, protect=_NO_PASSPHRASE not in call.args)
    files = call.context.user
    if call.as_json:
        document = imported.facts.to_json(str(files.certificate))
        await call.print_json({**document, "key": str(files.key), "kept": [str(old) for old in imported.kept]})
        return 0
    await report(call, imported)
    await call.print_error("next, run: `alienctl login`")
    return 0


async def report(call: Call, imported: Imported) -> None:
    """Print the paths of the certificate and its key."""
    files = call.context.user
    await call.print(f"the certificate {imported.facts.subject} is in {files.certificate}, its key in {files.key}")
    await call.print("\n".join(f"the old file is kept: {old}" for old in imported.kept))


async def import_pkcs12(call: Call, path: Path, *, protect: bool = True) -> Imported:
    """Ask for the passphrases and write the pair; with `protect` the key gets a passphrase unless that is empty.

    Raises UsageError, NoSuchFile, ConfigurationError or NotAnswered; then nothing was changed.
    """
    data = await asyncio.to_thread(pkcs12.read_file, path)
    bundle = await _opened(call, path, data)
    known = facts(bundle.certificate)
    if problem := _expired(path, known):
        raise UsageError(login_messages.expired(problem, ["~/Downloads"]))
    await check_replacement(call)
    passphrase = ""
    if protect:
        _require_passphrases(call, f"a new passphrase for {call.context.user.key}")
        passphrase = await questions.new_passphrase(call, str(call.context.user.key))
    key = await asyncio.to_thread(bundle.key_pem, passphrase)
    return Imported(known, await write(call.context.user, bundle.certificate_pem(), key), passphrase)


async def import_file(context: Context, path: Path, passphrases: tuple[str, str], *, replace: bool) -> Imported:
    """Write the pair in a PKCS#12 file; the passphrases are those of the file and of the new key (empty: none).

    Raises UsageError, NoSuchFile, ConfigurationError, or ServiceError (17) without `replace`; then nothing was changed.
    """
    data = await asyncio.to_thread(pkcs12.read_file, path)
    bundle = await asyncio.to_thread(pkcs12.open_bundle, str(path), data, passphrases[0])
    known, files = facts(bundle.certificate), context.user
    if problem := _expired(path, known):
        raise UsageError(problem)
    if (there := await _existing(files)) and not replace:
        raise ServiceError("cert-import", _EXISTS, f"{there} would be replaced")
    key = await asyncio.to_thread(bundle.key_pem, passphrases[1])
    return Imported(known, await write(files, bundle.certificate_pem(), key))


async def check_replacement(call: Call) -> None:
    """Ask whether existing files may be replaced. Raises UsageError without a terminal, NotAnswered for no."""
    files = call.context.user
    if not (there := await _existing(files)):
        return
    if not questions.can_ask(call):
        raise UsageError(
            f"{there} would be replaced, which needs your consent, but standard input is not a terminal\n"
            "run `alienctl cert-import` at a terminal, or move the old files away"
        )
    question = f"Replace {there} ({await _described(files)})? The old files are kept."
    if not await questions.confirm(call, question, default=False):
        raise questions.NotAnswered("nothing was changed")


def _expired(path: Path, known: CertificateFacts) -> str:
    now_ms = local_time_ms()
    return login_messages.out_of_time(f"in {path}", known, now_ms) if now_ms >= known.ends_ms else ""


async def _existing(files: CredentialFiles) -> str:
    return " and ".join([str(path) for path in _paths(files) if await asyncio.to_thread(path.exists)])


async def write(files: CredentialFiles, certificate: str, key: str) -> list[Path]:
    """Write the pair to the paths of the user's certificate; return the old files that were kept."""
    paths = _paths(files)
    pair = ((paths[0], certificate), (paths[1], key))
    return await asyncio.to_thread(certificate_files.write_pair, *pair, datetime.now().astimezone())


def _paths(files: CredentialFiles) -> list[Path]:
    paths = []
    for source in (files.certificate, files.key):
        if not isinstance(source, PemFile) or not Path(source.path).is_absolute():
            raise ConfigurationError(
                "X509_USER_CERT and X509_USER_KEY do not name files with absolute paths; unset them, and try again"
            )
        paths.append(Path(source.path))
    return paths


def _require_passphrases(call: Call, wanted: str) -> None:
    """Raise UsageError if the user cannot be asked for what is `wanted`."""
    if not questions.can_ask_passphrase(call):
        raise UsageError(
            f"cert-import requires {wanted}\n"
            "standard input is not a terminal, and ALIEND_ASKPASS names no program that prints them\n"
            f"run at a terminal: `alienctl {' '.join(call.args)}`"
        )


async def _opened(call: Call, path: Path, data: bytes) -> Bundle:
    """Return the content of the file; ask for its passphrase unless empty. Raises WrongPassphrase after three."""
    try:
        return await asyncio.to_thread(pkcs12.open_bundle, str(path), data, "")
    except WrongPassphrase:
        _require_passphrases(call, f"the passphrase of {path}")
    for attempt in range(_TRIES):
        passphrase = await questions.ask(call, f"Passphrase of {path}: ", echo=False)
        try:
            return await asyncio.to_thread(pkcs12.open_bundle, str(path), data, passphrase)
        except WrongPassphrase as error:
            if attempt + 1 < _TRIES:
                await call.print_error(str(error))
    raise WrongPassphrase(
        f"none of {_TRIES} passphrases opens {path}; nothing was changed\n"
        "it is the passphrase that you chose when your browser exported the certificate"
    )


async def _described(files: CredentialFiles) -> str:
    try:
        known = await asyncio.to_thread(facts_of, files.certificate)
    except NotConnected:
        return "no readable certificate"
    return f"{known.subject}, until {login_messages.moment(known.ends_ms)}"
