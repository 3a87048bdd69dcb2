"""The commands of the central service, one module a family, and the tables of their names."""

from __future__ import annotations

from aliend.sandbox.commands import (
    access,
    administration,
    archives,
    checks,
    collections,
    elements,
    facts,
    finding,
    identity,
    jobs,
    listing,
    load,
    mirrors,
    namespace,
    ownership,
    places,
    ps,
    repeating,
    replicas,
    showing,
    sites,
    texts,
    token,
    usage,
)
from aliend.sandbox.service.call import Command

COMMANDS: dict[str, Command] = {
    **texts.COMMANDS,
    **repeating.COMMANDS,
    **places.COMMANDS,
    **identity.COMMANDS,
    **listing.COMMANDS,
    **finding.COMMANDS,
    **collections.COMMANDS,
    **facts.COMMANDS,
    **archives.COMMANDS,
    **replicas.COMMANDS,
    **mirrors.COMMANDS,
    **checks.COMMANDS,
    **usage.COMMANDS,
    **namespace.COMMANDS,
    **ownership.COMMANDS,
    **showing.COMMANDS,
    **elements.COMMANDS,
    **access.COMMANDS,
    **jobs.COMMANDS,
    **ps.COMMANDS,
    **load.COMMANDS,
    **sites.COMMANDS,
    **administration.COMMANDS,
    **token.COMMANDS,
}
"""What the sandbox executes."""

HIDDEN = frozenset(("roleami", "cdir", "gfilecomplete", "cdirtiled", "blackwhite", "color", "setshell"))
"""Internal names that do nothing and succeed."""
