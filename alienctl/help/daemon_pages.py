"""The help pages of the daemon, the sandbox grid and this program."""

from alienctl.help.page import Page

_LOCAL_CODES = (("0", "success"), ("1", "failure"), ("22", "invalid arguments"))
PAGES = {
    "daemon": Page(
        "daemon ACTION",
        "control the daemon",
        options=(
            ("status", "state, connections and warnings (default)"),
            ("start", "start the daemon; `--profile NAME` before `daemon` creates the profile"),
            ("stop [--force]", "stop it; --force kills a daemon that does not respond; its transfers resume later"),
            ("restart", "replace it; an invalid configuration leaves it running"),
            ("list", "the daemons of all profiles on this host"),
            ("metrics", "print its figures for monitoring in the OpenMetrics text format"),
            ("check", "validate the configuration of all profiles"),
            ("reload", "apply the configuration; report what needs a restart (SIGHUP does the same)"),
            ("socket [--start]", "print the path of the socket for gRPC programs; --start: start the daemon"),
            (
                "logs [-n N] [-f] [--job NUMBER] [--since TIME] [--level LEVEL]",
                "the last N lines of its log; -f: follow it; only the records of a job, since 2h or an ISO time, of at"
                " least a level (debug, info, warning, error)",
            ),
            (
                "install",
                "install the systemd user unit; --enable: let systemd run the daemon; --linger: also while you"
                " are logged out",
            ),
            ("uninstall", "remove the unit; a daemon with jobs continues without systemd"),
        ),
        examples=("alienctl daemon status", "alienctl daemon logs --job 7 --level warning"),
        exit_codes=(
            *_LOCAL_CODES,
            ("3", "`status`: the daemon is not running"),
            ("107", "the daemon does not respond"),
        ),
    ),
    "doctor": Page(
        "doctor [--problems]",
        "find problems and print how to solve them",
        "Checks certificate, key, token, authorities, clock, network, central service, storage elements, socket,"
        " daemon, disks, database, libraries, limits and environment. Works without a daemon and without a certificate,"
        " changes nothing, and takes at most half a minute. `not checked` says why a check could not run.",
        options=(("--problems", "print only warnings and problems"), ("--json", "one JSON document with all checks")),
        examples=("alienctl doctor", "alienctl doctor --problems"),
        exit_codes=(
            ("0", "nothing is broken; warnings may exist"),
            ("1", "a check found a problem"),
            ("22", "invalid arguments"),
        ),
    ),
    "bug-report": Page(
        "bug-report [-o FILE]",
        "write an archive with the facts that a support request needs",
        "The archive holds the reports of doctor and status, versions, configuration, environment, the end of the log,"
        " the last jobs, and counts of the database. Keys, tokens, envelopes and passphrases are removed; subjects of"
        " certificates, names of files and hosts are not. Only you can read the file; an existing one is not replaced.",
        options=(("-o FILE", "write FILE; by default aliend-bug-report-TIME.tar.gz in the current directory"),),
        examples=("alienctl bug-report", "alienctl bug-report -o report.tar.gz"),
        exit_codes=_LOCAL_CODES,
    ),
    "sandbox": Page(
        "sandbox ACTION",
        "run a simulated grid on this machine",
        "`sandbox ACTION --help` explains an action; `sandbox fault --help` lists the faults that it can simulate.",
        options=(
            ("up, down, status, env", "start, stop, state, variables for `eval`"),
            ("reset, set, file", "restore the initial state; change limits; create a file"),
            ("fault, stats", "simulate a fault; print the numbers of requests"),
            ("up --fetch", "without xrootd and without root: unpack the distribution's xrootd packages"),
        ),
        examples=("alienctl sandbox up", 'eval "$(alienctl sandbox env)"'),
        exit_codes=_LOCAL_CODES,
    ),
    "cluster": Page(
        "cluster certs DIRECTORY",
        "make certificates for a private Dask cluster, whose workers run copies",
        "Writes certificates and keys for the scheduler, its workers and the daemon, valid for a year, and prints how"
        " to use them. Only you can read them. Existing files are never replaced.",
        examples=("alienctl cluster certs ~/dask-certs", "alienctl cluster certs --json certs"),
        exit_codes=_LOCAL_CODES,
    ),
    "bridge": Page(
        "bridge [on | off | status]",
        "serve programs that know only JBox: ROOT's TAlien, O2 programs, alienpy",
        "The bridge is a websocket on this host that speaks the protocol of the central service. It accepts only your "
        "own certificates, and shares the daemon's connections. Programs find it by the file jclient_token_UID in the "
        "temporary directory, or by JALIEN_HOST and JALIEN_WSPORT. The file of a running JBox is kept.",
        options=(
            ("on", "turn it on, and keep it on across restarts of the daemon; needs a token"),
            ("off", "turn it off and remove the file"),
            ("status", "whether it is on, its port, its clients (default)"),
        ),
        examples=("alienctl bridge on", "alienctl bridge --json"),
        exit_codes=(*_LOCAL_CODES, ("107", "no token, or the central service cannot be reached")),
    ),
    "install-names": Page(
        "install-names [--python] DIRECTORY",
        "create alien.py, alien_ls, ... in DIRECTORY as aliases of alienctl",
        "Files of other programs are not replaced. To remove the aliases or packages, delete them.",
        options=(
            ("--python", "create the packages alienpy and xjalienfs instead, for Python programs that import them"),
        ),
        examples=("alienctl install-names ~/bin", "alienctl install-names --python ~/lib/python"),
        exit_codes=_LOCAL_CODES,
    ),
    "root-plugin": Page(
        "root-plugin install [FILE] | path",
        "let ROOT open alien:// through the daemon, without JAliEn-ROOT",
        'TFile::Open("alien:///LFN") reads the first replica that answers, also members of archives. TGrid has Connect '
        "and Query. Writing is left to `alienctl cp`.",
        options=(
            ("install [FILE]", "name the plugin in ~/.rootrc, or in FILE; other lines stay"),
            ("path", "print the macro that registers the plugin in one process"),
        ),
        examples=("alienctl root-plugin install", "root -e 'gROOT->Macro(\"'$(alienctl root-plugin path)'\")'"),
        exit_codes=_LOCAL_CODES,
    ),
    "version": Page(
        "version",
        "print the versions of alienctl, the daemon and its libraries",
        examples=("alienctl version", "alienctl version --json"),
        exit_codes=_LOCAL_CODES,
    ),
    "help": Page(
        "help [COMMAND | TOPIC | --man [aliend]]",
        "print an overview, or the page of a command or topic; ? is the same",
        options=(("--man [aliend]", "print the manual page of alienctl or aliend in roff"),),
        examples=("alienctl help cp", "alienctl help --man | man -l -"),
        exit_codes=_LOCAL_CODES,
    ),
}
