"""The overwrite policy: what a copy does with a target that exists. Pure; used by dry runs and by copies."""

from __future__ import annotations

from typing import Literal

Overwrite = Literal["never", "changed", "always"]
"""`never`: keep a target with the same content, refuse to replace a different one; `changed`: replace a different one;
`always`: replace it even if its content is the same."""

ALREADY_THERE = "the target exists already with the same content"

Action = Literal["keep", "replace", "refuse"]


def compares_content(policy: Overwrite) -> bool:
    """Return whether the contents of source and target decide."""
    return policy != "always"


def may_replace(policy: Overwrite) -> bool:
    """Return whether a target with different content may be replaced."""
    return policy != "never"


def action_for_existing(policy: Overwrite, target: str, *, is_same: bool, in_catalogue: bool) -> tuple[Action, str]:
    """Return what happens to an existing target file, and why it is refused (empty: it is not).

    `is_same`: size and md5 are those of the source.
    """
    if is_same and compares_content(policy):
        return "keep", ""
    if not may_replace(policy):
        return "refuse", f"{target} exists and differs from the source; use -f to replace it"
    if in_catalogue and set("*?") & set(target):
        return "refuse", f"cannot replace {target}: the central service treats * and ? as wildcards"
    return "replace", ""
