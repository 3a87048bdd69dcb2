"""Puts the manual page, which `alienctl help --man` prints, into the wheel (share/man/man1)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManualPage(BuildHookInterface):
    """Generates the page before the wheel is put together."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """See hatchling: files may be added to what is built."""
        sys.path.insert(0, self.root)
        from alienctl.help.man_page import roff

        page = Path(self.directory) / "alienctl.1"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(roff() + "\n", encoding="utf-8")
        build_data["shared_data"][str(page)] = "share/man/man1/alienctl.1"
