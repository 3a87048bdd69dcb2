"""The commands of the central service, by family, and the tables of their names."""

from __future__ import annotations

from aliend.sandbox.commands.catalogue import (
    archives,
    cat_grep,
    du,
    find,
    namespace,
    ownership,
    pwd_cd_ls,
    stat,
    to_xml,
)
from aliend.sandbox.commands.jobs import computing_elements, load, masterjob, ps, submit_kill
from aliend.sandbox.commands.service import administration, identity, messages, token
from aliend.sandbox.commands.storage import access, mirror, storage_checks, storage_elements, whereis
from aliend.sandbox.service.call import Command

COMMANDS: dict[str, Command] = {
    **messages.COMMANDS,
    **pwd_cd_ls.COMMANDS,
    **identity.COMMANDS,
    **find.COMMANDS,
    **to_xml.COMMANDS,
    **stat.COMMANDS,
    **archives.COMMANDS,
    **whereis.COMMANDS,
    **mirror.COMMANDS,
    **storage_checks.COMMANDS,
    **du.COMMANDS,
    **namespace.COMMANDS,
    **ownership.COMMANDS,
    **cat_grep.COMMANDS,
    **storage_elements.COMMANDS,
    **access.COMMANDS,
    **submit_kill.COMMANDS,
    **masterjob.COMMANDS,
    **ps.COMMANDS,
    **load.COMMANDS,
    **computing_elements.COMMANDS,
    **administration.COMMANDS,
    **token.COMMANDS,
}
"""The commands that the sandbox implements, by name."""

HIDDEN = frozenset(("roleami", "cdir", "gfilecomplete", "cdirtiled", "blackwhite", "color", "setshell"))
"""Internal names that do nothing and succeed."""
