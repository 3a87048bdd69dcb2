"""Runs the command that the arguments name, and reports a failure as an error message and an exit code.

Chains and pipes of commands are left to `aliend.commands.command_line`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

from aliend.commands.account import tokens
from aliend.commands.invocation.call import Call
from aliend.errors import AliendError, ConfigurationError, NotConnected
from aliend.runtime import Runtime

Command = Callable[[Runtime, Call], Awaitable[int]]

COMMANDS: dict[str, str] = {
    "pwd": "account.navigation:pwd",
    "cd": "account.navigation:cd",
    "cp": "copying.cp:cp",
    "replicate": "copying.replicate:replicate",
    "sync": "copying.sync:sync",
    "transfers": "copying.transfers:transfers",
    "ccdb": "files.ccdb:ccdb",
    "home": "account.navigation:home",
    "pushd": "account.navigation:pushd",
    "popd": "account.navigation:popd",
    "dirs": "account.navigation:dirs",
    "cat": "files.contents:cat",
    "head": "files.contents:head",
    "tail": "files.contents:tail",
    "less": "files.contents:page",
    "more": "files.contents:page",
    "run": "files.run:run",
    "exec": "files.run:execute",
    "edit": "files.edit:edit",
    "vi": "files.edit:edit",
    "vim": "files.edit:edit",
    "nano": "files.edit:edit",
    "mcedit": "files.edit:edit",
    "find2": "files.find2:find2",
    "toXml": "files.to_xml:to_xml",
    "bridge": "grid.bridge:bridge",
    "getSE": "grid.elements:get_se",
    "SEqos": "grid.elements:se_qos",
    "getCE": "grid.elements:get_ce",
    "quota": "grid.quota:quota",
    "pfn": "files.pfns:pfn",
    "pfn-status": "files.pfns:pfn_status",
    "lfn2uri": "files.lfn2uri:lfn2uri",
    "xrd_ping": "grid.xrootd_servers:ping",
    "xrd_config": "grid.xrootd_servers:config",
    "xrd_stats": "grid.xrootd_servers:stats",
    "cert-info": "account.cert_info:cert_info",
    "token-info": "account.cert_info:token_info",
    "cert-verify": "account.certificates:cert_verify",
    "token-verify": "account.certificates:token_verify",
    "certkey-match": "account.certificates:certkey_match",
    "tokenkey-match": "account.certificates:tokenkey_match",
    "getCAcerts": "account.certificates:get_ca_certs",
    "user": "account.identity:user",
    "setSite": "account.identity:set_site",
    "timing": "account.identity:timing",
    "ping": "grid.connectivity:ping",
    "wbtime": "grid.connectivity:wbtime",
    "checkAddr": "grid.connectivity:check_addr",
    "queryML": "grid.monalisa:query_ml",
    "submit": "grid.grid_jobs:submit",
    "ps": "grid.grid_jobs:ps",
    "jobInfo": "grid.grid_jobs:job_info",
    "siteJobs": "grid.grid_jobs:site_jobs",
    "login": "account.login:login",
    "cert-import": "account.cert_import:cert_import",
    "token": "account.tokens:token",
    "token-init": "account.tokens:token_init",
    "token-destroy": "account.tokens:token_destroy",
}
"""Module and function of each command implemented here; all others belong to the central service or to the client.

A module is imported when its first command runs, so that the daemon starts without them.
"""

HELP_WORDS = frozenset({"-h", "--h", "-help", "--help"})
"""Arguments behind a command that ask for its help."""

_PASSTHROUGH = "grid.passthrough:run"

_COPY_COMMANDS = frozenset({"cp", "sync", "replicate"})
"""Commands whose JSON output is a copy report."""


def function_of(name: str) -> Command:
    """Return the function that runs a command."""
    module, _, function = COMMANDS.get(name, _PASSTHROUGH).partition(":")
    command: Command = getattr(import_module(f"aliend.commands.{module}"), function)
    return command


async def execute(runtime: Runtime, call: Call) -> int:
    """Run one command, print its error if it fails, and return its exit code."""
    command = function_of(call.args[0])
    try:
        if call.args[0] not in tokens.WITHOUT_SERVICE:
            await tokens.prepare(runtime, call)
        acting = replace(call, context=await runtime.sessions.context_of(call.session, call.context))
        code = await command(runtime, acting)
        await tokens.remind(runtime, call)
        return code
    except (NotConnected, ConfigurationError) as error:
        if HELP_WORDS.intersection(call.args[1:]):
            return await call.run_on_client(("alienctl", "help", "--local", call.args[0]))
        return await _failed(call, error)
    except AliendError as error:
        return await _failed(call, error)


async def _failed(call: Call, error: AliendError) -> int:
    """Report what went wrong, and return the exit code."""
    await call.print_error(f"{call.args[0]}: {error}" if not str(error).startswith(call.args[0]) else str(error))
    if call.as_json:
        await call.print_json(_error_document(call.args[0], error))
    return error.exit_code


def _error_document(command: str, error: AliendError) -> dict[str, Any]:
    """Return the JSON document of a failed command, in the same shape as on success."""
    if command in _COPY_COMMANDS:
        from aliend.commands.following.json_report import error_report  # as the commands: only when used

        return error_report(error)
    metadata = {"exitcode": str(error.exit_code), "error": str(error), "user": "", "currentdir": ""}
    return {"metadata": metadata, "results": []}
