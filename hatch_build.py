"""Puts the manual pages and the completion scripts into the wheel, below share/ where man and the shells look."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SharedFiles(BuildHookInterface):
    """Generates the files before the wheel is put together."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """See hatchling: files may be added to what is built."""
        sys.path.insert(0, self.root)
        from alienctl.help.man_page import page
        from alienctl.shell.completion_scripts import FILES, SCRIPTS

        contents = {f"man/man1/{name}.1": page(name) + "\n" for name in ("alienctl", "aliend")}
        contents |= {FILES[shell]: script for shell, script in SCRIPTS.items()}
        for name, content in contents.items():
            file = Path(self.directory) / "share" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
            build_data["shared_data"][str(file)] = f"share/{name}"
