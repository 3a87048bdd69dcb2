"""`cp --dry-run`: tells what would be copied, kept or refused, and changes nothing anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from aliend.commands.following.follower import Tally, way_of
from aliend.commands.invocation.call import Call
from aliend.core.catalogue.storage_spec import default_spec
from aliend.core.cli.escaping import escape_newlines
from aliend.core.copying.target_paths import MISSING
from aliend.core.transfers.job import JobSpec
from aliend.engine.expansion.dry_run import DryRunResult, dry_run
from aliend.runtime import Runtime


async def print_dry_run(parts: Runtime, call: Call, specs: Sequence[JobSpec]) -> tuple[Tally, list[dict[str, Any]]]:
    """Tell what would become of all files; how many would be good, and the files as JSON where that was asked for."""
    tally = Tally()
    files: list[dict[str, Any]] = []

    for spec in specs:

        async def tell(one: DryRunResult, spec: JobSpec = spec) -> None:
            tally.total += 1
            tally.arrived += one.action in ("copy", "keep")
            tally.missing += one.reason.endswith(MISSING)
            if call.as_json:
                files.append(asdict(one))
                return
            match one.action:
                case "copy" if spec.direction != "download":
                    await call.say(
                        f"{escape_newlines(way_of(one))} ({spec.storage or default_spec(one.target, one.size)})"
                    )
                case "copy":
                    await call.say(escape_newlines(way_of(one)))
                case "keep":
                    await call.say(f"{escape_newlines(one.target)} --> TARGET VALID (size match, md5 match)")
                case _:
                    await call.complain(f"{escape_newlines(one.source)}: {one.reason}")

        await dry_run(spec, parts.central_sessions.catalogue_of(spec.context), tell)
    return tally, files
