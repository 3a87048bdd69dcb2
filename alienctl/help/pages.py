"""The help: one line and one page for each command that is ours to explain; the service explains its own."""

import os

from alienctl import ClientError
from alienctl.help import copy_page, file_pages, job_pages, login_pages, service_pages, shell_pages
from alienctl.help.page import Page

PAGES = {
    "pwd": Page("pwd", "print the working directory in the catalogue", "    alienctl pwd"),
    "cd": Page(
        "cd [DIRECTORY | -]",
        "change it; no argument: the home, -: the one before",
        "    alienctl cd /alice/data/2024\n    alienctl cd -",
    ),
    "ls": Page(
        "ls [-l] [-a] [-F] [LFN...]",
        "list directories",
        "la, ll and lla stand for ls -a, ls -l and ls -la.\n    alienctl ls -l data/",
    ),
    "stat": Page("stat [-v] LFN...", "what the catalogue knows of files", "    alienctl stat AliESDs.root"),
    "find": Page(
        "find [OPTIONS] DIRECTORY PATTERN",
        "search the catalogue",
        "PATTERN is matched anywhere below DIRECTORY; * stands for any text.\n"
        "    alienctl find /alice/data/2024 '*AliESDs.root'",
    ),
    "whereis": Page(
        "whereis [-r] LFN",
        "the replicas of a file; -r: of the archive that it is in",
        "    alienctl whereis -r AliESDs.root",
    ),
    "mkdir": Page("mkdir [-p] DIRECTORY...", "make directories", "    alienctl mkdir -p run/244918/out"),
    "rm": Page("rm [-r] LFN...", "remove files; -r: and directories", "    alienctl rm -r run/244918"),
    "rmdir": Page("rmdir DIRECTORY...", "remove empty directories", "    alienctl rmdir run"),
    "mv": Page(
        "mv SOURCE... TARGET",
        "rename or move",
        "Onto an existing file the service renames the SOURCE to TARGET_backup.\n    alienctl mv old.root new.root",
    ),
    "touch": Page("touch LFN...", "make empty entries, or set their time", "    alienctl touch done"),
    "whoami": Page("whoami [-v]", "the account that the service knows you by", "    alienctl whoami -v"),
    "cp": Page(copy_page.USAGE, copy_page.SUMMARY, copy_page.TEXT),
    "replicate": Page(
        "replicate [--mirror] [-T N] [--priority N] [--detach] LFN... --to WHERE",
        "more replicas of files that are in the catalogue, directories file by file",
        "WHERE is disk:N for N more replicas than there are, or VO::SITE::SE for one there unless there is one; more\n"
        "with commas, !VO::SITE::SE leaves one out. Each is compared on its storage before it is registered.\n\n"
        "  --mirror     have the central service copy, and watch it for up to 15 minutes; then it goes on by itself\n"
        "  -T, --priority, --detach, exit code: as with cp\n"
        "    alienctl replicate data/ --to ALICE::CERN::EOS",
    ),
    "sync": Page(
        "sync [--delete] [--dry-run] [--exclude PATTERN] [-T N] [--priority N] [--detach] SOURCE TARGET",
        "copy what is missing or differs between two directories, in either direction or within the grid",
        "What is in SOURCE shall be in TARGET, by size and md5; names are as with cp. Local files are read once\n"
        "as long as they do not change.\n\n"
        "  --delete     delete the files that only TARGET has, when everything has arrived. The source is listed\n"
        "               once more before; if that fails, is not whole or shows no file, nothing is deleted\n"
        "  --dry-run    tell what would be copied and deleted, and why, in the order of the job; change nothing\n"
        "  --exclude P  leave files alone on both sides; * is any text, without a * it may stand anywhere\n"
        "  -T, --priority, --detach, exit code: as with cp; 3 also where files could not be deleted\n"
        "    alienctl sync file:results/ alien:results/@disk:2\n"
        "    alienctl sync --delete --dry-run /alice/data/run/ file:run/",
    ),
    "transfers": Page(
        "transfers list | show | watch | wait | why | cancel | retry | pause | resume [JOB] | limit",
        "the transfer jobs",
        "  list [--all]            jobs that have not ended; --all: and the others\n"
        "  show JOB [--failed] [--attempts]\n"
        "                          a job and its files, with the reason of each failure; --failed: those only;\n"
        "                          --attempts: and what was tried for each\n"
        "  watch JOB               follow it until it has ended; Ctrl-C leaves it running\n"
        "  watch [JOB] --since N   each step of its files (without JOB: of all jobs) after event N as a line; 0: all\n"
        "                          that are kept; --json: a document a line. Nothing is missing or comes twice, also\n"
        "                          when the daemon is restarted; begin the next time after the last number seen\n"
        "  wait JOB... [--timeout S]  the same without a word; exit 0 all arrived, 3 some, 4 none, 124 not in time\n"
        "  why [JOB]               why files wait, and until when\n"
        "  cancel JOB              stop it and forget its unfinished files\n"
        "  retry JOB               try its failed and cancelled files again\n"
        "  pause JOB, resume JOB   hold it, let it go on\n"
        "  limit [NAME=N ...]      files at a time: files=N down=N up=N se=N VO::SITE::SE=N (N or `default`)\n"
        "  limit [NAME=RATE ...]   bytes a second: rate=R down.rate=R up.rate=R se.rate=R VO::SITE::SE.rate=R, with R\n"
        "                          20M, 500K, unlimited, default, or a timetable:\n"
        "                          'rate=22:00-07:00 unlimited, else 20M' (K, M, G are powers of 1024)\n"
        "                          It is this machine's bandwidth: what storage elements copy among themselves (cp\n"
        "                          within the grid, replicate) does not pass it and is not counted\n"
        "  limit --job JOB rate=R  the same for one job\n"
        "    alienctl transfers wait 7 --timeout 3600",
    ),
    "daemon": Page(
        "daemon status | start | stop | restart | list | check | reload | socket | logs | install | uninstall",
        "the daemon itself",
        "  start              start it; with `--profile NAME` before `daemon`: create the profile\n"
        "  stop --force       kill a daemon that does not respond; its transfers continue with the next one\n"
        "  restart            replace it; it stays if the configuration is not valid\n"
        "  list               the daemons of all profiles on this host\n"
        "  check              validate the configuration of all profiles\n"
        "  reload             apply the configuration, and say what needs a restart (also: SIGHUP)\n"
        "  socket [--start]   print the path of its socket for programs that speak gRPC; --start: and start it\n"
        "  logs [-n N] [-f]   the end of its log; -f: and what follows\n"
        "  install [--enable] [--linger]\n"
        "                     put its systemd user unit in place; --enable: systemd takes over the daemon and its\n"
        "                     queue; --linger: it runs also while you are logged out\n"
        "  uninstall          remove the unit; with jobs, the daemon goes on without systemd\n"
        "    alienctl daemon status",
    ),
    "sandbox": Page(
        "sandbox up | down | status | env | reset | fault | stats | set | file",
        "a grid of your own on this machine",
        "  sandbox up --fetch    without xrootd and without root: unpack the distribution's packages of it\n"
        "  sandbox WORD --help   what a word takes; `sandbox fault --help` lists what can be made to fail\n"
        '    alienctl sandbox up\n    eval "$(alienctl sandbox env)"',
    ),
    "cert-info": Page("cert-info", "your certificate: subject, issuer, dates (UTC)", "    alienctl cert-info"),
    "cert-verify": Page(
        "cert-verify", "whether your certificate is signed by an authority that you trust", "    alienctl cert-verify"
    ),
    "certkey-match": Page(
        "certkey-match", "whether your certificate and your key are a pair", "    alienctl certkey-match"
    ),
    **login_pages.PAGES,
    "token-init": Page(
        "token-init [-v DAYS] [-u ROLE]",
        "get a new token with your certificate",
        "An encrypted key is opened with the pass phrase that you are asked for at the terminal; ALIEND_ASKPASS names\n"
        "a program that prints it instead. The daemon keeps the opened key in memory and renews tokens with it.\n"
        "    alienctl token-init -v 5",
    ),
    "token-info": Page("token-info", "what your token says: subject, issuer, dates (UTC)", "    alienctl token-info"),
    "token-destroy": Page(
        "token-destroy [--forget-keys]",
        "remove your token",
        "  --forget-keys   also have the daemon forget the keys that you unlocked\n    alienctl token-destroy",
    ),
    "token-verify": Page(
        "token-verify", "whether your token is signed by an authority that you trust", "    alienctl token-verify"
    ),
    "tokenkey-match": Page(
        "tokenkey-match", "whether your token and its key are a pair", "    alienctl tokenkey-match"
    ),
    "token": Page("token [-v DAYS]", "print a new token, which is kept nowhere", "    alienctl token -v 1"),
    "getCAcerts": Page(
        "getCAcerts [-from REPOSITORY] [DIRECTORY]",
        "install the grid's authorities into DIRECTORY/certificates",
        "Without DIRECTORY into ~/.globus. They come from the ALICE git repository, or from REPOSITORY.\n"
        "Without git or network, those that ship with aliend are installed.\n"
        "    alienctl getCAcerts ~/.globus",
    ),
    "ccdb": Page(
        "ccdb [OPTIONS] PATH[/TIME][/KEY=VALUE...]",
        "objects of the conditions database: list them, bring them here",
        "The newest object of each path below PATH; TIME is 13 digits (POSIX milliseconds).\n\n"
        "  -history        every version\n"
        "  -report         folders with numbers of files and bytes\n"
        "  -limit N        at most N objects (10)\n"
        "  -run N          as it was when run N started\n"
        "  -objtime TIME   the same as TIME in the query\n"
        "  -unixtime       times as numbers\n"
        "  -host HOST      another server ([ccdb] host in the configuration)\n"
        '  -header "K: V"  one more header of the request, as If-Not-After\n'
        "  -get            bring the files here, as PATH/NAME_ETAG.EXT\n"
        "  -mirror         the same as a server keeps them: PATH/VALID-FROM/ETAG and ETAG.properties\n"
        "  -dst DIRECTORY  bring them there\n"
        "  -http           from a web server where there is one, not from the grid\n\n"
        "Exit code: 0, 2 nothing there, 1 the server refuses; of -get and -mirror that of cp.\n"
        "    alienctl ccdb -history -limit 5 GLO/Config/GRPECS\n"
        "    alienctl ccdb -run 529397 -mirror -dst ccdb TPC/Calib",
    ),
    "home": Page("home", "print your home directory in the catalogue", "    alienctl home"),
    "pushd": Page(
        "pushd [-n] [DIRECTORY | +N | -N]",
        "go to a directory and remember this one, or turn the stack",
        "    alienctl pushd /alice/data",
    ),
    "popd": Page("popd [-n] [+N | -N]", "go back to the directory remembered last, or forget one", "    alienctl popd"),
    "dirs": Page("dirs [-c | +N | -N]", "print the remembered directories; -c: forget them", "    alienctl dirs"),
    **file_pages.PAGES,
    **shell_pages.PAGES,
    **job_pages.PAGES,
    **service_pages.PAGES,
    "install-names": Page(
        "install-names DIRECTORY",
        "put alien.py, alien_ls, alien_cp, alien-token-init, ... there, which are this program",
        "Nothing is replaced that is not ours. Take them away by deleting them.\n    alienctl install-names ~/bin",
    ),
    "version": Page("version", "versions of the command, the daemon and its libraries", "    alienctl version"),
    "help": Page(
        "help [COMMAND | TOPIC | --man [aliend]]",
        "this list, or the page of a command or topic; ? stands for help",
        "--man prints the manual page of alienctl, or of aliend, in roff: alienctl help --man | man -l -\n"
        "    alienctl help cp\n"
        "    alienctl help coming-from-alienpy",
    ),
}

OURS = frozenset(
    {
        *(
            "pwd",
            "cd",
            "home",
            "pushd",
            "popd",
            "dirs",
            "ccdb",
            "cp",
            "replicate",
            "sync",
            "transfers",
            "daemon",
            "sandbox",
            "version",
            "help",
        ),
        *("cert-info", "cert-verify", "certkey-match", "getCAcerts"),
        *file_pages.PAGES,
        *shell_pages.PAGES,
        *job_pages.OURS,
        *service_pages.PAGES,
        *login_pages.PAGES,
        *("token-info", "token-destroy", "token-verify", "tokenkey-match"),
    }
)
"""Commands that are not the service's: their `-h` is answered from here."""

DESCRIPTION = "Speaks to the ALICE Grid through aliend, a daemon of your own; the first command starts it."
OPTIONS = (
    ("--profile NAME", "the daemon to talk to (ALIEN_PROFILE); the sandbox grid's is `sandbox`"),
    ("--session NAME", "the session that keeps the working directory (ALIEN_SESSION); by default one per terminal"),
    ("--no-autostart", "do not start the daemon"),
    ("--strict", "of several commands, the first one that fails is the last"),
    ("--raw", "show control characters in names to a terminal as they are"),
    ("-debug", "write what the service is asked to ~/alien_py.log, or to the file of -debugfile FILE"),
    ("--json", "one JSON document on standard output; also behind the command"),
    ("--jsonl", "the same as one JSON object a line, without what belongs to the whole"),
)
TOPICS = {
    "coming-from-alienpy": "what is the same, better and different for users of alien.py",
    "environment": "the variables of the environment",
}
"""Texts that belong to no command: files of `alienctl/pages/`."""
_PLACE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "pages")


def text() -> str:
    """The whole help."""
    width = max(len(name) for name in PAGES)
    lines = [f"  {name:<{width}}  {page.summary}" for name, page in PAGES.items()]
    return "\n".join(
        [
            "alienctl [OPTIONS] COMMAND ...",
            "alienctl [OPTIONS] 'COMMAND; COMMAND | SHELL PIPELINE; !SHELL COMMAND'",
            "alienctl [OPTIONS] FILE                 the commands in a file; alienctl < FILE: on standard input",
            "",
            DESCRIPTION,
            "",
            "Commands:",
            *lines,
            "",
            "Every other command of the central service works under its own name (see: alienctl commandlist).",
            "",
            "Options before the command:",
            *(f"  {name:<16} {summary}" for name, summary in OPTIONS),
            "",
            "More to read:",
            *(f"  help {name:<{width}}  {summary}" for name, summary in TOPICS.items()),
        ]
    )


def text_of(command: str) -> str:
    """The page of a command, or a topic. Raises ClientError (22) for one that has none."""
    if command in TOPICS:
        with open(os.path.join(_PLACE, f"{command}.md"), encoding="utf-8") as file:
            return file.read().rstrip("\n")
    if command not in PAGES:
        raise ClientError(f"there is no help about {command!r} here; the service may know more: {command} -h", 22)
    page = PAGES[command]
    return "\n".join([f"alienctl {page.usage}", "", page.summary, *([page.text] if page.text else [])])
