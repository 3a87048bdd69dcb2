"""The requested size of a grid: its numbers of storage elements and additional catalogue entries."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from aliend.sandbox.errors import SandboxError
from aliend.sandbox.layout import Layout

MAX_ELEMENTS = 16
_MAX_FILES = 10_000_000


@dataclass(frozen=True, slots=True)
class GridSize:
    """The number of storage elements, and of catalogue entries in addition to the standard ones."""

    storage: int = 2
    files: int = 0

    def resized(self, storage: int | None, files: int | None) -> GridSize:
        """Return this size with the given numbers changed. Raises SandboxError for numbers out of range."""
        size = replace(
            self,
            storage=self.storage if storage is None else storage,
            files=self.files if files is None else files,
        )
        if not 1 <= size.storage <= MAX_ELEMENTS:
            raise SandboxError(f"--storage must be from 1 to {MAX_ELEMENTS}, not {size.storage}")
        if not 0 <= size.files <= _MAX_FILES:
            raise SandboxError(f"--files must be from 0 to {_MAX_FILES}, not {size.files}")
        return size


def load(layout: Layout) -> GridSize:
    """Return the saved size of the grid, or the default size. Raises SandboxError."""
    try:
        return GridSize(**json.loads(layout.size.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return GridSize()
    except (ValueError, TypeError) as error:
        raise SandboxError(f"cannot read {layout.size}; remove it and run: alienctl sandbox reset") from error


def save(layout: Layout, size: GridSize) -> None:
    """Save the size for the next start."""
    layout.size.write_text(json.dumps(asdict(size)) + "\n", encoding="utf-8")
