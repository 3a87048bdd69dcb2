"""`cp --dry-run`: prints which files would be copied, kept or refused, and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aliend.commands.following.follower import Tally, route_of
from aliend.commands.following.json_report import dry_run_entry
from aliend.commands.invocation.call import Call
from aliend.core.catalogue.storage_spec import default_spec
from aliend.core.cli.escaping import escape_newlines
from aliend.core.copying.target_paths import MISSING
from aliend.core.transfers.job import JobSpec
from aliend.engine.expansion.dry_run import DryRunResult, dry_run
from aliend.runtime import Runtime


async def print_dry_run(runtime: Runtime, call: Call, specs: Sequence[JobSpec]) -> tuple[Tally, list[dict[str, Any]]]:
    """Print the expected action for each file; return the counts, and with --json the files."""
    tally = Tally()
    files: list[dict[str, Any]] = []

    for spec in specs:

        async def print_file(file: DryRunResult, spec: JobSpec = spec) -> None:
            tally.total += 1
            tally.arrived += file.action != "fail"
            tally.missing += file.reason.endswith(MISSING)
            if call.as_json:
                files.append(dry_run_entry(file))
                return
            match file.action:
                case "copy" if spec.direction != "download":
                    await call.print(
                        f"{escape_newlines(route_of(file))} ({spec.storage or default_spec(file.target, file.size)})"
                    )
                case "copy":
                    await call.print(escape_newlines(route_of(file)))
                case "keep":
                    await call.print(f"{escape_newlines(file.target)} --> TARGET VALID (size match, md5 match)")
                case "refuse":
                    await call.print(f"{escape_newlines(route_of(file))}: would be refused: {file.reason}")
                case _:
                    await call.print_error(f"{escape_newlines(file.source)}: {file.reason}")

        await dry_run(spec, runtime.central_sessions.catalogue_of(spec.context), print_file)
    return tally, files
