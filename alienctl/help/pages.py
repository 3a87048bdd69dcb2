"""The help: an overview in groups, and one page for each command that the service does not explain."""

import os

from alienctl import ClientError
from alienctl.help import copy_pages, daemon_pages, file_pages, job_pages, login_pages, service_pages, shell_pages
from alienctl.help.page import rows

GROUPS = {
    "files": ("names, directories and content of the catalogue", file_pages.PAGES),
    "copying": ("copies and transfer jobs", copy_pages.PAGES),
    "jobs": ("grid jobs", job_pages.PAGES),
    "credentials": ("certificates, tokens and accounts", login_pages.PAGES),
    "services": ("storage and computing elements, connection", service_pages.PAGES),
    "daemon": ("the daemon, the sandbox and this program", daemon_pages.PAGES),
    "shell": ("the shell, chains of commands, completion", shell_pages.PAGES),
}
"""Topics with their titles and pages. A topic named like a command shows the command's page."""
PAGES = {name: page for _, pages in GROUPS.values() for name, page in pages.items()}
_SERVICE_EXPLAINS = frozenset(
    {"ls", "stat", "find", "whereis", "mkdir", "rm", "rmdir", "mv", "touch", "whoami", "token-init", "token"}
)
"""Commands with a page whose `-h` the service, or the daemon, answers."""
OURS = (frozenset(PAGES) - frozenset(job_pages.PAGES) - _SERVICE_EXPLAINS - {"install-names"}) | set(job_pages.OURS)
"""Commands that the service does not have: their `-h` is answered from here."""

DESCRIPTION = "Access to the ALICE Grid through aliend, a daemon of your own; the first command starts it."
OPTIONS = (
    ("--profile NAME", "use the daemon of this profile (ALIEN_PROFILE), such as `sandbox`"),
    ("--session NAME", "use this session's working directory (ALIEN_SESSION)"),
    ("--no-autostart", "do not start the daemon"),
    ("--strict", "stop at the first command that fails"),
    ("--raw", "print control characters in names unchanged to a terminal"),
    ("-debug", "log requests to ~/alien_py.log (-debugfile FILE: to FILE)"),
    ("--json, --jsonl", "print one JSON document, or one object a line"),
)
TOPICS = {
    "coming-from-alienpy": "what is the same, better and different for users of alien.py",
    "environment": "environment variables",
}
"""Texts that belong to no command: files of `alienctl/pages/`."""
_DIRECTORY = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "pages")
_MAIN_COMMANDS = {
    "files": "pwd cd ls find2 stat whereis cat head tail less edit mkdir rm mv",
    "copying": "cp sync replicate transfers",
    "jobs": "submit ps jobInfo masterjob kill resubmit",
    "credentials": "login logout cert-info token-info token-init whoami",
    "services": "getSE getCE lfn2uri pfn ping checkAddr",
    "daemon": "daemon doctor bug-report sandbox cluster bridge root-plugin version install-names help",
    "shell": "shell time exit completion term",
}


def text() -> str:
    """Return the overview: at most 40 lines of at most 80 columns."""
    return "\n".join(
        [
            "alienctl [OPTIONS] COMMAND ...",
            "alienctl [OPTIONS] 'COMMAND; COMMAND | SHELL PIPELINE; !SHELL COMMAND'",
            "alienctl [OPTIONS] FILE          run the commands in FILE",
            "",
            "Access to the ALICE Grid through aliend, a daemon of your own.",
            "The first command starts it.",
            "",
            "Commands",
            *rows(tuple(_MAIN_COMMANDS.items()), 16),
            "",
            "Options before the command",
            *rows(OPTIONS, 20),
            "",
            "More help",
            *rows(
                (
                    ("help COMMAND", "options and examples of a command"),
                    ("help TOPIC", f"all commands of a topic: {', '.join(GROUPS)}"),
                    *((f"help {name}", summary) for name, summary in TOPICS.items()),
                    ("commandlist", "the commands of the central service, which work under their own names"),
                ),
                28,
            ),
        ]
    )


def text_of(command: str) -> str:
    """Return the page of a command or topic. Raises ClientError (22) if none exists."""
    if command in TOPICS:
        with open(os.path.join(_DIRECTORY, f"{command}.md"), encoding="utf-8") as file:
            return file.read().rstrip("\n")
    if command in PAGES:
        page = PAGES[command]
        text = "\n".join([f"alienctl {page.usage}", "", page.summary, "", page.text])
        return f"{text}\n\n{_topic(command)}" if command in GROUPS else text
    if command in GROUPS:
        return _topic(command)
    raise ClientError(f"no help about {command!r} here; ask the service with: `alienctl {command} -h`", 22)


def _topic(name: str) -> str:
    title, pages = GROUPS[name]
    table = tuple((command, page.summary) for command, page in pages.items())
    return "\n".join([f"Commands: {title}", *rows(table, 18), "", "More about each: `alienctl help COMMAND`"])
