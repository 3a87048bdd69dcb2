"""The commands of the central service, one module a family, and the tables of their names."""

from __future__ import annotations

from aliend.sandbox.call import Command
from aliend.sandbox.commands import (
    access,
    elements,
    facts,
    finding,
    identity,
    listing,
    namespace,
    ownership,
    places,
    replicas,
    texts,
    token,
    usage,
)

COMMANDS: dict[str, Command] = {
    **texts.COMMANDS,
    **places.COMMANDS,
    **identity.COMMANDS,
    **listing.COMMANDS,
    **finding.COMMANDS,
    **facts.COMMANDS,
    **replicas.COMMANDS,
    **usage.COMMANDS,
    **namespace.COMMANDS,
    **ownership.COMMANDS,
    **elements.COMMANDS,
    **access.COMMANDS,
    **token.COMMANDS,
}
"""What the sandbox executes."""

PUBLIC = frozenset(texts.LISTED) | {"randomPFNs", "groupmembers", "moveDirectory"}
"""What the service executes; the rest of it is refused here with `Function not implemented`."""

HIDDEN = frozenset(("roleami", "cdir", "gfilecomplete", "cdirtiled", "blackwhite", "color", "setshell"))
"""Internal names that do nothing and succeed."""
