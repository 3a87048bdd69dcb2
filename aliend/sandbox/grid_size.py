"""How large a grid is: how many storage elements and catalogue entries it was asked to have."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from aliend.sandbox.errors import SandboxError
from aliend.sandbox.layout import Layout

MAX_ELEMENTS = 16
_MAX_FILES = 10_000_000


@dataclass(frozen=True, slots=True)
class GridSize:
    """`storage` elements, and `files` in the catalogue beside those that are always there."""

    storage: int = 2
    files: int = 0

    def resized(self, storage: int | None, files: int | None) -> GridSize:
        """This plan, but for what somebody wished. Raises SandboxError for senseless wishes."""
        wished = replace(
            self,
            storage=self.storage if storage is None else storage,
            files=self.files if files is None else files,
        )
        if not 1 <= wished.storage <= MAX_ELEMENTS:
            raise SandboxError(f"--storage is from 1 to {MAX_ELEMENTS}, not {wished.storage}")
        if not 0 <= wished.files <= _MAX_FILES:
            raise SandboxError(f"--files is from 0 to {_MAX_FILES}, not {wished.files}")
        return wished


def load(layout: Layout) -> GridSize:
    """The plan of the grid that is there, or that of a new one."""
    try:
        return GridSize(**json.loads(layout.size.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return GridSize()
    except (ValueError, TypeError) as error:
        raise SandboxError(f"{layout.size} cannot be read; remove it and run: alienctl sandbox reset") from error


def save(layout: Layout, size: GridSize) -> None:
    """Keep a plan for the next start."""
    layout.size.write_text(json.dumps(asdict(size)) + "\n", encoding="utf-8")
