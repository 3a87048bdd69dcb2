"""The help pages of the commands that copy files, and of the transfer jobs."""

from alienctl.help.page import Page

SELECTION = (
    ("--glob PATTERN", "name pattern; * is any text, and without * it may match anywhere in the name"),
    ("--select REGEX", "regular expression, searched in the name below the directory"),
    ("--name EXPRESSION", "begin_X, contain_X, ends_X, ext_X joined by _: conditions on the file's own name"),
    ("--exclude TEXT", "skip names that contain TEXT; repeatable"),
    ("--exclude_re REGEX", "skip names that match REGEX; repeatable"),
    ("-e PATTERN", "skip names that match PATTERN; repeatable"),
    ("--user NAME, --group NAME", "only files of this owner or group"),
    ("--jobid N, -j N", "only files that grid job N wrote"),
    ("--minsize N, --maxsize N", "limits of the size in bytes, or with a unit (10k, 1.5M, 2GiB)"),
    ("--mindepth N, --maxdepth N", "limits of the depth below the directory; 0: directly inside it"),
    (
        "--min-ctime T, --max-ctime T",
        "limits of the time: 10 or 13 digits since 1970, a date (2024-05-31) or an age (3d)",
    ),
    ("-l N, -o N", "at most N files; skip the first N files"),
)
_JOB = (
    ("-T N", "copy at most N files at a time"),
    ("--priority N", "priority of the job; higher starts first, 0 is normal"),
    ("--label NAME", "a name for jobs that belong together, see `transfers`"),
    ("--detach", "print the job's number and return"),
)
_EXECUTOR = ("--executor WHERE", "copy here (local), or on a Dask cluster: dask:tls://HOST:PORT, dask:SCHEDULER_FILE")
_CODES = (
    ("0", "all files arrived"),
    ("2", "no such file"),
    ("3", "some files arrived"),
    ("4", "no file arrived"),
    ("22", "invalid arguments"),
    ("130", "interrupted"),
)
PAGES = {
    "cp": Page(
        "cp [OPTIONS] SOURCE... TARGET | --dst DIR SOURCE... | --input FILE",
        "copy files and directories to, from or within the grid",
        "A local name begins with file:; every other name is an LFN. For a copy within the grid, TARGET begins with"
        " alien: or /alice/. SOURCE/ stands for the content of the directory. Several sources need a TARGET that ends"
        " in /. As SOURCE, - is standard input; as TARGET, standard output.\n"
        "An existing target with the size and md5 of its source is kept. A target that differs needs -f.\n"
        "LFN@SPEC selects storage, for example @disk:2,ALICE::CERN::EOS,!ALICE::X::SE. Uploads default to disk:2.\n"
        "Long options take two dashes; with one dash, as in alien.py, they are the same. Options of other clients that"
        " have no meaning here (--cksum, -y N, -v, ...) are accepted with a note.",
        options=(
            ("-f, --force", "replace a target that differs, after the new file has arrived"),
            ("--overwrite MODE", "never, changed (as -f) or always"),
            ("--dst DIRECTORY", "the target directory of all sources; their common directories are dropped"),
            ("--input FILE", "read lines of SOURCE TARGET from FILE (# begins a comment)"),
            ("--parent N", "keep the last N directories of the source's path below the target"),
            ("--rmprefix N", "keep the source's whole path except its first N directories"),
            ("--to SPEC", "storage specification for all names, as behind @"),
            ("--strictspec, --strict", "read only from the storage that the name selects"),
            ("--touch-empty", "create an entry without content for an empty local file (default: error)"),
            *SELECTION,
            ("--site SITE", "prefer storage near SITE"),
            ("-S N", "number of connections to each server"),
            ("--chunks N, --chunksz SIZE", "concurrent requests of each file, and the size of each"),
            ("--timeout SECONDS", "time limit for each file"),
            ("--retry N, --norecovery", "number of retries of each file; no retry"),
            ("--ratethreshold N", "switch to another replica below N bytes/s"),
            ("--limit RATE", "bandwidth of the job, for example 20M (bytes/s)"),
            ("--http", "read over HTTP (downloads only)"),
            ("--noxrdzip", "download whole archives to extract their members"),
            _EXECUTOR,
            ("--verify", "read each written file again and compare it"),
            ("--sync", "copy only files that are missing or differ, as `sync` does"),
            ("-dryrun, --dry-run", "print what would be copied, kept or refused; change nothing"),
            *_JOB,
            ("--progress MODE", "none, line or bars (default: bars on a terminal)"),
            ("--json", "print one document with jobs and files"),
            ("--compat-exit", "exit 0 if a file arrived or no copy was necessary, else 1"),
        ),
        examples=(
            "alienctl cp file:result.root ./@disk:2",
            "alienctl cp '/alice/data/run/*.root' file:data/",
            "alienctl cp -f --minsize 1k --exclude tmp file:out/ results/",
            "alienctl cp --detach --limit 20M /alice/data/run/ file:data/",
        ),
        exit_codes=_CODES,
    ),
    "sync": Page(
        "sync [OPTIONS] SOURCE TARGET",
        "make a directory equal to another one, in either direction or within the grid",
        "Names are as for cp. Files are compared by size and md5; the daemon caches the md5 of unchanged local files.",
        options=(
            (
                "--delete",
                "at the end, delete files that exist only in TARGET, if a second listing of SOURCE is complete",
            ),
            ("--dry-run", "print what would be copied and deleted, and why; change nothing"),
            ("--exclude PATTERN", "ignore files on both sides; * is any text, without * it may match anywhere"),
            _EXECUTOR,
            *_JOB,
        ),
        examples=(
            "alienctl sync file:results/ alien:results/@disk:2",
            "alienctl sync --delete --dry-run /alice/data/run/ file:run/",
        ),
        exit_codes=(*_CODES[:2], ("3", "only some files arrived, or some were not deleted"), *_CODES[3:]),
    ),
    "replicate": Page(
        "replicate [OPTIONS] LFN... --to STORAGE",
        "add replicas of files in the catalogue",
        "Directories are replicated file by file. Each new replica is verified before it is registered.",
        options=(
            ("--to STORAGE", "disk:N for N more replicas, or storage elements, joined by commas; !SE excludes one"),
            ("--mirror", "let the central service copy; wait up to 15 minutes for it"),
            *_JOB,
        ),
        examples=(
            "alienctl replicate data/ --to ALICE::CERN::EOS",
            "alienctl replicate --detach run/a.root --to disk:1",
        ),
        exit_codes=_CODES,
    ),
    "transfers": Page(
        "transfers ACTION [JOB...]",
        "list, follow and control transfer jobs",
        "JOB... is job numbers and ranges (2 3 5-9), or --all, --state STATE or --label NAME: the"
        " matching jobs that the action applies to.\nBandwidth limits apply to this machine; direct copies between"
        " storage elements do not count.",
        options=(
            ("list", "unfinished jobs, the newest first"),
            ("  --all, --state STATE,...", "also finished jobs; jobs in these states"),
            ("  --since TIME, --label NAME", "jobs created since (2024-05-31, 12h, 3d); jobs with a label"),
            ("  --limit N, --columns A,B", "at most N jobs; these columns, such as job,state,rate,eta,label"),
            ("show JOB [--failed] [--attempts]", "a job and its files; only failed files; all attempts"),
            ("  --limit N", "at most N files"),
            ("top", "live view of all jobs and storage elements; ? lists its keys"),
            ("follow JOB...", "show progress until the jobs end; Ctrl-C leaves them running"),
            ("detach JOB...", "end the `cp` that follows a job; the job continues (as with Ctrl-\\ in that `cp`)"),
            ("watch [JOB] [--since N]", "print each event after number N; with --json one document a line"),
            ("wait JOB... [--timeout SECONDS]", "wait without output"),
            ("  --notify", "notify on the desktop, or ring the terminal's bell"),
            ("why [JOB]", "why files wait, and until when"),
            ("cancel JOB...", "stop jobs; unfinished downloads are kept for a day"),
            ("retry JOB...", "retry failed and cancelled files"),
            ("pause JOB..., resume JOB...", "pause jobs; resume them"),
            ("priority N JOB...", "set the priority; higher starts first, 0 is normal"),
            ("clean [JOB...]", "remove ended jobs from the list; copied files stay"),
            ("limit [NAME=N...]", "concurrent files: files, down, up, se or VO::SITE::SE"),
            (
                "limit [NAME=RATE...]",
                "bandwidth: rate, down.rate, up.rate, se.rate or VO::SITE::SE.rate; 20M,"
                " unlimited, default, or a timetable: 'rate=22:00-07:00 unlimited, else 20M'",
            ),
            ("limit --job JOB rate=R", "bandwidth of one job"),
        ),
        examples=(
            "alienctl transfers wait 7 && python3 analysis.py",
            "alienctl transfers retry --state failed",
            "alienctl transfers cancel 2 3 5-9",
            "alienctl transfers limit files=8 rate=20M",
        ),
        exit_codes=(
            *(("0", "success; `wait`: all files arrived"), ("2", "no such job"), ("3", "`wait`: some files arrived")),
            *(("4", "`wait`: no file arrived"), ("22", "invalid arguments"), ("124", "`wait`: timeout")),
        ),
    ),
}
