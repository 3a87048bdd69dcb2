"""The commands of the central service, one module a family, and the tables of their names."""

from __future__ import annotations

from aliend.sandbox.commands import (
    access,
    administration,
    checks,
    elements,
    identity,
    jobs,
    load,
    mirrors,
    ps,
    repeating,
    replicas,
    sites,
    texts,
    token,
)
from aliend.sandbox.commands.catalogue import (
    archives,
    cat_grep,
    du,
    find,
    ls,
    namespace,
    ownership,
    pwd_cd,
    stat,
    to_xml,
)
from aliend.sandbox.service.call import Command

COMMANDS: dict[str, Command] = {
    **texts.COMMANDS,
    **repeating.COMMANDS,
    **pwd_cd.COMMANDS,
    **identity.COMMANDS,
    **ls.COMMANDS,
    **find.COMMANDS,
    **to_xml.COMMANDS,
    **stat.COMMANDS,
    **archives.COMMANDS,
    **replicas.COMMANDS,
    **mirrors.COMMANDS,
    **checks.COMMANDS,
    **du.COMMANDS,
    **namespace.COMMANDS,
    **ownership.COMMANDS,
    **cat_grep.COMMANDS,
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
