"""How large a grid is: how many storage elements and catalogue entries it was asked to have."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from aliend.sandbox.errors import SandboxError
from aliend.sandbox.layout import Layout

MOST_ELEMENTS = 16
_MOST_FILES = 10_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """`storage` elements, and `files` in the catalogue beside those that are always there."""

    storage: int = 2
    files: int = 0

    def with_wishes(self, storage: int | None, files: int | None) -> Plan:
        """This plan, but for what somebody wished. Raises SandboxError for senseless wishes."""
        wished = replace(
            self,
            storage=self.storage if storage is None else storage,
            files=self.files if files is None else files,
        )
        if not 1 <= wished.storage <= MOST_ELEMENTS:
            raise SandboxError(f"--storage is from 1 to {MOST_ELEMENTS}, not {wished.storage}")
        if not 0 <= wished.files <= _MOST_FILES:
            raise SandboxError(f"--files is from 0 to {_MOST_FILES}, not {wished.files}")
        return wished


def load(layout: Layout) -> Plan:
    """The plan of the grid that is there, or that of a new one."""
    try:
        return Plan(**json.loads(layout.plan.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Plan()
    except (ValueError, TypeError) as error:
        raise SandboxError(f"{layout.plan} cannot be read; remove it and run: alienctl sandbox reset") from error


def save(layout: Layout, plan: Plan) -> None:
    """Keep a plan for the next start."""
    layout.plan.write_text(json.dumps(asdict(plan)) + "\n", encoding="utf-8")
