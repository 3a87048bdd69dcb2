"""Runs the command that the arguments name, and reports a failure as an error message and an exit code.

Chains and pipes of commands are left to `aliend.commands.command_line`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from aliend.commands.account import cert_import, cert_info, certificates, identity, login, navigation, tokens
from aliend.commands.copying import cp, replicate, sync, transfers
from aliend.commands.files import ccdb, contents, edit, find2, lfn2uri, pfns, run, to_xml
from aliend.commands.following.json_report import error_report
from aliend.commands.grid import bridge, connectivity, elements, grid_jobs, monalisa, passthrough, quota, xrootd_servers
from aliend.commands.invocation.call import Call
from aliend.errors import AliendError, ConfigurationError, NotConnected
from aliend.runtime import Runtime

Command = Callable[[Runtime, Call], Awaitable[int]]

COMMANDS: dict[str, Command] = {
    "pwd": navigation.pwd,
    "cd": navigation.cd,
    "cp": cp.cp,
    "replicate": replicate.replicate,
    "sync": sync.sync,
    "transfers": transfers.transfers,
    "ccdb": ccdb.ccdb,
    "home": navigation.home,
    "pushd": navigation.pushd,
    "popd": navigation.popd,
    "dirs": navigation.dirs,
    "cat": contents.cat,
    "head": contents.head,
    "tail": contents.tail,
    "less": contents.page,
    "more": contents.page,
    "run": run.run,
    "exec": run.execute,
    "edit": edit.edit,
    "vi": edit.edit,
    "vim": edit.edit,
    "nano": edit.edit,
    "mcedit": edit.edit,
    "find2": find2.find2,
    "toXml": to_xml.to_xml,
    "bridge": bridge.bridge,
    "getSE": elements.get_se,
    "SEqos": elements.se_qos,
    "getCE": elements.get_ce,
    "quota": quota.quota,
    "pfn": pfns.pfn,
    "pfn-status": pfns.pfn_status,
    "lfn2uri": lfn2uri.lfn2uri,
    "xrd_ping": xrootd_servers.ping,
    "xrd_config": xrootd_servers.config,
    "xrd_stats": xrootd_servers.stats,
    "cert-info": cert_info.cert_info,
    "token-info": cert_info.token_info,
    "cert-verify": certificates.cert_verify,
    "token-verify": certificates.token_verify,
    "certkey-match": certificates.certkey_match,
    "tokenkey-match": certificates.tokenkey_match,
    "getCAcerts": certificates.get_ca_certs,
    "user": identity.user,
    "setSite": identity.set_site,
    "timing": identity.timing,
    "ping": connectivity.ping,
    "wbtime": connectivity.wbtime,
    "checkAddr": connectivity.check_addr,
    "queryML": monalisa.query_ml,
    "submit": grid_jobs.submit,
    "ps": grid_jobs.ps,
    "jobInfo": grid_jobs.job_info,
    "siteJobs": grid_jobs.site_jobs,
    "login": login.login,
    "cert-import": cert_import.cert_import,
    "token": tokens.token,
    "token-init": tokens.token_init,
    "token-destroy": tokens.token_destroy,
}
"""Commands implemented here; all others belong to the central service or to the client."""

HELP_WORDS = frozenset({"-h", "--h", "-help", "--help"})
"""Arguments behind a command that ask for its help."""

_COPY_COMMANDS = frozenset({"cp", "sync", "replicate"})
"""Commands whose JSON output is a copy report."""


async def execute(runtime: Runtime, call: Call) -> int:
    """Run one command, print its error if it fails, and return its exit code."""
    command = COMMANDS.get(call.args[0], passthrough.run)
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
        return error_report(error)
    metadata = {"exitcode": str(error.exit_code), "error": str(error), "user": "", "currentdir": ""}
    return {"metadata": metadata, "results": []}
