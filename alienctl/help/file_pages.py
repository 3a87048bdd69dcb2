"""The help pages of the catalogue: names, directories and what files contain."""

from alienctl.help.copy_pages import SELECTION
from alienctl.help.page import Page

_EDITING = (
    "The new text is uploaded under a temporary name and then replaces the old file, which becomes LFN~. If the upload"
    " fails, the text is kept in a local file, and the message names it. @SPEC selects storage (default: as many"
    " replicas as before). A missing LFN creates a new file."
)
_DATE = (("--datebck", "keep the old text as LFN.YYYYmmdd_HHMMSS"),)
_LFN_EXIT_CODES = (
    ("0", "success"),
    ("2", "no such file"),
    ("22", "invalid arguments"),
    ("other", "the service's error code"),
)

PAGES = {
    "pwd": Page(
        "pwd", "print the working directory in the catalogue", examples=("alienctl pwd", "alienctl pwd --json")
    ),
    "cd": Page(
        "cd [DIRECTORY | -]",
        "change the working directory; default: home, -: the previous one",
        examples=("alienctl cd /alice/data/2024", "alienctl cd -"),
        exit_codes=_LFN_EXIT_CODES,
    ),
    "home": Page("home", "print your home directory", examples=("alienctl home", "alienctl ls $(alienctl home)")),
    "pushd": Page(
        "pushd [-n] [DIRECTORY | +N | -N]",
        "change the directory and push it on the stack, or rotate the stack",
        options=(("-n", "change the stack only, not the directory"),),
        examples=("alienctl pushd /alice/data", "alienctl pushd +1"),
        exit_codes=_LFN_EXIT_CODES,
    ),
    "popd": Page(
        "popd [-n] [+N | -N]",
        "return to the last directory of the stack, or drop an entry",
        options=(("-n", "change the stack only, not the directory"),),
        examples=("alienctl popd", "alienctl popd +1"),
        exit_codes=_LFN_EXIT_CODES,
    ),
    "dirs": Page(
        "dirs [-c | +N | -N]",
        "print the directory stack",
        options=(("-c", "clear the stack"),),
        examples=("alienctl dirs", "alienctl dirs -c"),
    ),
    "ls": Page(
        "ls [OPTIONS] [LFN...]",
        "list directories",
        "la, ll and lla stand for ls -a, ls -l and ls -la.",
        options=(
            ("-l", "long format"),
            ("-a", "also names that begin with a dot"),
            ("-F", "mark directories with /"),
            ("-b", "GUIDs and paths of files"),
            ("-c", "absolute names"),
            ("-H", "long format with sizes in suitable units"),
        ),
        examples=("alienctl ls", "alienctl ls -l data/"),
        exit_codes=_LFN_EXIT_CODES,
    ),
    "stat": Page(
        "stat [-v] LFN...",
        "print the catalogue's entries of files",
        options=(("-v", "more details"),),
        examples=("alienctl stat AliESDs.root", "alienctl stat --json AliESDs.root"),
        exit_codes=_LFN_EXIT_CODES,
    ),
    "find": Page(
        "find [OPTIONS] DIRECTORY PATTERN",
        "search the catalogue",
        "PATTERN is matched anywhere below DIRECTORY; * stands for any text.",
        options=(
            ("-l N, -o N", "at most N entries; skip the first N"),
            ("-s", "do not sort"),
            ("-d", "also directories"),
            ("-w, -wh", "long format; with sizes in suitable units"),
            ("-f", "with --json: all fields"),
            ("-c", "also print the number of entries"),
            ("-j ID", "only files of this grid job"),
            ("-r", "PATTERN is a regular expression"),
            ("-e PATTERN", "leave out matching names; repeatable"),
            ("-S SITE", "only files with replicas, those near SITE first"),
            ("-x LFN", "store the result as an XML collection; -x - prints it"),
            ("-y", "only the newest version of each CCDB object"),
        ),
        examples=("alienctl find /alice/data/2024 '*AliESDs.root'", "alienctl find data '*.root' --json"),
        exit_codes=_LFN_EXIT_CODES,
    ),
    "find2": Page(
        "find2 [OPTIONS] DIRECTORY[/PATTERN] | find2 [OPTIONS] DIRECTORY PATTERN",
        "list the files below a directory that match all conditions",
        "Prints names as they arrive, in no particular order.",
        options=(*SELECTION, ("-S SITE", "only files with replicas, those near SITE first")),
        examples=(
            "alienctl find2 '/alice/data/2024/*AliESDs.root'",
            "alienctl find2 -name begin_Analysis_ext_root -minsize 1M output/",
        ),
        exit_codes=_LFN_EXIT_CODES,
    ),
    "whereis": Page(
        "whereis [-g] [-r] [-l] LFN",
        "list the replicas of a file",
        options=(
            ("-r", "the replicas of the archive that contains the file"),
            ("-l", "with -r: also the name of the archive"),
            ("-g", "the operand is a GUID"),
        ),
        examples=("alienctl whereis AliESDs.root", "alienctl whereis -r AliESDs.root"),
        exit_codes=_LFN_EXIT_CODES,
    ),
    "mkdir": Page(
        "mkdir [-p] [-s] DIRECTORY...",
        "create directories",
        options=(("-p", "also create missing parents"), ("-s, -silent", "print nothing")),
        examples=("alienctl mkdir out", "alienctl mkdir -p run/244918/out"),
    ),
    "rm": Page(
        "rm [OPTIONS] LFN...",
        "remove files",
        options=(
            ("-r, -R", "also remove directories and their content"),
            ("-f, -i, -v", "accepted without effect: the service never asks"),
        ),
        examples=("alienctl rm old.root", "alienctl rm -r run/244918"),
        exit_codes=_LFN_EXIT_CODES,
    ),
    "rmdir": Page(
        "rmdir [OPTIONS] DIRECTORY...",
        "remove empty directories",
        options=(("-p, -v", "longer messages"), ("-s, -silent", "print nothing")),
        examples=("alienctl rmdir run", "alienctl rmdir a b"),
        exit_codes=_LFN_EXIT_CODES,
    ),
    "mv": Page(
        "mv SOURCE... TARGET",
        "rename or move files",
        "If TARGET is an existing file, the service renames SOURCE to TARGET_backup.",
        examples=("alienctl mv old.root new.root", "alienctl mv a.root b.root results/"),
        exit_codes=_LFN_EXIT_CODES,
    ),
    "touch": Page(
        "touch LFN...",
        "create empty entries, or update their time",
        examples=("alienctl touch done", "alienctl touch a b"),
    ),
    "cat": Page(
        "cat [OPTIONS] LFN...",
        "print files",
        "Prints bytes as they arrive and compares the md5 at the end. Options are those of your own `cat`, such as -n.",
        examples=("alienctl cat job/stdout", "alienctl cat job/log_archive.zip/stdout | grep -c error"),
        exit_codes=(*_LFN_EXIT_CODES[:2], ("5", "the md5 differs"), *_LFN_EXIT_CODES[2:]),
    ),
    "head": Page(
        "head [-n LINES | -c BYTES] LFN...",
        "print the beginning of files",
        "Reads only what it needs.",
        options=(("-n LINES", "number of lines (default 10)"), ("-c BYTES", "number of bytes")),
        examples=("alienctl head job/stdout", "alienctl head -c 4 AliESDs.root"),
        exit_codes=_LFN_EXIT_CODES,
    ),
    "tail": Page(
        "tail [-n LINES | -c BYTES] LFN...",
        "print the end of files",
        "Reads only what it needs.",
        options=(("-n LINES", "number of lines (default 10)"), ("-c BYTES", "number of bytes")),
        examples=("alienctl tail job/stderr", "alienctl tail -n 50 job/stderr"),
        exit_codes=_LFN_EXIT_CODES,
    ),
    **{
        name: Page(
            f"{name} [PAGER OPTIONS] LFN...",
            "show files in a pager",
            f"Runs PAGER, by default {name}. Without a terminal it acts as cat.",
            examples=(f"alienctl {name} job/stdout", f"alienctl {name} a.txt b.txt"),
            exit_codes=_LFN_EXIT_CODES,
        )
        for name in ("less", "more")
    },
    "run": Page(
        "run PROGRAM [ARGUMENTS...] LFN",
        "run a local program on files of the catalogue",
        "The last argument is an LFN; or every argument that begins with alien: is one. The program gets the paths of"
        " temporary files. No shell is involved. -force and -noout before PROGRAM have no effect.",
        examples=("alienctl run wc -l job/stdout", "alienctl run diff -u alien:a/stdout alien:b/stdout"),
        exit_codes=(("other", "the exit code of the program"), ("2", "no such file")),
    ),
    "exec": Page(
        "exec LFN [ARGUMENTS...]",
        "run a script of the catalogue on this machine",
        "The first line of the script names its interpreter (#!).",
        examples=("alienctl exec bin/report.sh", "alienctl exec bin/report.sh 2024"),
        exit_codes=(("other", "the exit code of the script"), ("2", "no such file")),
    ),
    "edit": Page(
        "edit [-datebck] LFN[@SPEC]",
        "edit a file with EDITOR (default: mcedit or vi)",
        _EDITING,
        options=_DATE,
        examples=("alienctl edit analysis.jdl", "EDITOR='emacs -nw' alienctl edit macro.C@disk:2"),
        exit_codes=_LFN_EXIT_CODES,
    ),
    **{
        name: Page(
            f"{name} [-datebck] LFN[@SPEC]",
            f"edit a file with {name}",
            _EDITING,
            options=_DATE,
            examples=(f"alienctl {name} macro.C", f"alienctl {name} -datebck macro.C"),
            exit_codes=_LFN_EXIT_CODES,
        )
        for name in ("vi", "vim", "nano", "mcedit")
    },
    "toXml": Page(
        "toXml [OPTIONS] FILE...",
        "create an XML collection of files",
        "Prints the collection, or stores it with -x. NAME and LIST are local if they begin with file:.",
        options=(
            ("-x NAME", "store the collection as NAME"),
            ("-a", "append to the collection NAME in the catalogue"),
            ("-l LIST", "read names from the file LIST; repeatable"),
            ("-i", "skip missing files"),
            ("--local", "FILE, NAME and LIST are local; the collection has sizes and md5"),
        ),
        examples=("alienctl toXml -x file:run.xml data/run1/*.root", "alienctl toXml -local -x file:a.xml out/*.root"),
        exit_codes=_LFN_EXIT_CODES,
    ),
    "quota": Page(
        "quota [ACCOUNT]",
        "print the quotas and the usage of an account",
        examples=("alienctl quota", "alienctl quota alitrain"),
    ),
    "ccdb": Page(
        "ccdb [OPTIONS] PATH[/TIME][/KEY=VALUE...]",
        "list or download objects of the conditions database",
        "Shows the newest object of each path below PATH; TIME is 13 digits (POSIX milliseconds).",
        options=(
            ("--history", "all versions"),
            ("--report", "folders with numbers of files and bytes"),
            ("--limit N", "at most N objects (default 10)"),
            ("--run N", "objects valid at the start of run N"),
            ("--objtime TIME", "the same as TIME in the query"),
            ("--unixtime", "print times as numbers"),
            ("--host HOST", "another server ([ccdb] host in the configuration)"),
            ('-header "K: V"', "an additional header of the request, for example If-Not-After"),
            ("--get", "download the files as PATH/NAME_ETAG.EXT"),
            ("--mirror", "download as a server keeps them: PATH/VALID-FROM/ETAG and ETAG.properties"),
            ("--dst DIRECTORY", "directory for downloads"),
            ("--http", "download from a web server if possible, not from the grid"),
        ),
        examples=(
            "alienctl ccdb -history -limit 5 GLO/Config/GRPECS",
            "alienctl ccdb -run 529397 -mirror -dst ccdb TPC/Calib",
        ),
        exit_codes=(("0", "success"), ("1", "the server refused"), ("2", "no object"), ("other", "downloads: as cp")),
    ),
}
