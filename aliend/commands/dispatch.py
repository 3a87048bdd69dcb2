"""Finds the command for the words, runs it, and turns what goes wrong into a sentence and an exit code."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aliend.commands import ccdb, certificates, copy, credentials, navigation, service, tokens, transfers
from aliend.commands.call import Call
from aliend.errors import AliendError, UsageError
from aliend.parts import Parts

Command = Callable[[Parts, Call], Awaitable[int]]

COMMANDS: dict[str, Command] = {
    "pwd": navigation.pwd,
    "cd": navigation.cd,
    "cp": copy.cp,
    "transfers": transfers.transfers,
    "ccdb": ccdb.ccdb,
    "home": navigation.home,
    "pushd": navigation.pushd,
    "popd": navigation.popd,
    "dirs": navigation.dirs,
    "cert-info": credentials.cert_info,
    "token-info": credentials.token_info,
    "cert-verify": certificates.cert_verify,
    "token-verify": certificates.token_verify,
    "certkey-match": certificates.certkey_match,
    "tokenkey-match": certificates.tokenkey_match,
    "getCAcerts": certificates.get_ca_certs,
    "token": tokens.token,
    "token-init": tokens.token_init,
    "token-destroy": tokens.token_destroy,
}
"""Our own commands; every other word is one of the central service. The client answers help and version itself."""

INTERRUPTED = 130
SUCCESS = 0


async def run(parts: Parts, call: Call) -> int:
    """Run one command. Returns its exit code, 130 if the user interrupted it."""
    command = asyncio.create_task(_told(parts, call))
    interrupt = asyncio.create_task(call.interrupted.wait())
    try:
        await asyncio.wait({command, interrupt}, return_when=asyncio.FIRST_COMPLETED)
        if command.done():
            return command.result()
        command.cancel()
        await asyncio.wait({command})
        return INTERRUPTED
    finally:
        interrupt.cancel()
        if not command.done():
            command.cancel()
            await asyncio.wait({command})


async def _told(parts: Parts, call: Call) -> int:
    if not call.words:
        await call.complain("There is no command; see: alienctl help")
        return UsageError.exit_code
    command = COMMANDS.get(call.words[0], service.run)
    try:
        if call.words[0] not in tokens.WITHOUT_SERVICE:
            await tokens.prepare(parts, call)
        code = await command(parts, call)
        await tokens.remind(parts, call)
        return code
    except AliendError as error:
        await call.complain(f"{call.words[0]}: {error}" if not str(error).startswith(call.words[0]) else str(error))
        if call.as_json:
            metadata = {"exitcode": str(error.exit_code), "error": str(error), "user": "", "currentdir": ""}
            await call.document({"metadata": metadata, "results": []})
        return error.exit_code
