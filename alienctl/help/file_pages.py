"""The help of the commands about what files contain and where they are."""

from alienctl.help.page import Page

_EDITING = (
    "A changed text goes up under a name of its own, then takes the place of the old one, which becomes LFN~. One\n"
    "that could not be uploaded is kept, and its place told. @SPECS says which storage is wanted (without: as many\n"
    "replicas as there are). A name that does not exist makes a new file."
)

PAGES = {
    "cat": Page(
        "cat LFN...",
        "print files",
        "Bytes come as they arrive. The md5 is compared at the end: exit code 5 where it is another one.\n"
        "    alienctl cat job/stdout\n"
        "    alienctl cat job/log_archive.zip/stdout | grep -c error",
    ),
    "head": Page(
        "head [-n LINES | -c BYTES] LFN...",
        "print the begin of files; 10 lines without an option",
        "Little more than that is read.\n    alienctl head -c 4 AliESDs.root",
    ),
    "tail": Page(
        "tail [-n LINES | -c BYTES] LFN...",
        "print the end of files; 10 lines without an option",
        "Only what is needed is read.\n    alienctl tail -n 50 job/stderr",
    ),
    "less": Page(
        "less [OPTIONS OF THE PAGER] LFN...",
        "read files in the pager",
        "The pager is the one in PAGER, or less. It starts with the first bytes. Without a terminal: as cat.\n"
        "    alienctl less -S job/stdout",
    ),
    "more": Page(
        "more [OPTIONS OF THE PAGER] LFN...",
        "read files in the pager",
        "As less, with PAGER or more.\n    alienctl more job/stdout",
    ),
    "run": Page(
        "run PROGRAM [WORDS...] LFN",
        "run a program of this machine on files of the catalogue",
        "The last word is an LFN; or else each word that begins with alien:. The program gets the paths of private\n"
        "files, which are removed after it. No shell is between. -force and -noout before the program change nothing.\n"
        "    alienctl run wc -l job/stdout\n"
        "    alienctl run diff -u alien:a/stdout alien:b/stdout",
    ),
    "exec": Page(
        "exec LFN [ARGUMENTS...]",
        "run a script of the catalogue on this machine",
        "Its first line says by which program (#!). The exit code is the script's.\n"
        "    alienctl exec bin/report.sh 2024",
    ),
    "edit": Page(
        "edit [-datebck] LFN[@SPECS]",
        "edit a file with EDITOR (without: mcedit or vi)",
        f"{_EDITING}\n  -datebck   the old text becomes LFN.YYYYmmdd_HHMMSS\n"
        "    alienctl edit analysis.jdl\n"
        "    EDITOR='emacs -nw' alienctl edit macro.C@disk:2",
    ),
    "find2": Page(
        "find2 [FILTERS] DIRECTORY[/PATTERN] | find2 [FILTERS] DIRECTORY PATTERN",
        "the files below a directory that fulfil every filter",
        "Names come as they are found, in no particular order. The answer is never an old one.\n\n"
        "  -glob PATTERN              * is any text; the same as a PATTERN behind DIRECTORY\n"
        "  -select REGEX              looked for anywhere in the name below DIRECTORY\n"
        "  -name WORDS                begin_X_contain_Y_ends_Z_ext_E, any of them: the file's own name\n"
        "  -exclude TEXT, -exclude_re REGEX, -e PATTERN   not those; each may be repeated\n"
        "  -user NAME, -group NAME, -jobid N (or -j N)    whose, of which job\n"
        "  -minsize N, -maxsize N     bytes, or with a unit: 10k, 1.5M, 2GiB\n"
        "  -mindepth N, -maxdepth N   directories between; 0: directly inside\n"
        "  -min-ctime T, -max-ctime T   10 or 13 digits since 1970, a date (2024-05-31), an age (12h, 3d)\n"
        "  -l N, -o N                 at most N of them, without the first N\n"
        "  -S SITE                    only files with replicas, those near SITE first\n\n"
        "Exit code 2 where there is none.\n"
        "    alienctl find2 '/alice/data/2024/*AliESDs.root'\n"
        "    alienctl find2 -name begin_Analysis_ext_root -minsize 1M -min-ctime 7d output/",
    ),
    "toXml": Page(
        "toXml [-i] [-x NAME [-a]] [-l LIST]... [-local] FILE...",
        "make an XML collection of files",
        "It is printed, or with -x stored under NAME. LIST is a file with names. NAME and LIST that begin with file:\n"
        "are local, others LFNs.\n\n"
        "  -i       pass over files that are missing\n"
        "  -a       add to the collection that is there (in the catalogue)\n"
        "  -local   FILEs, NAME and LIST are local; the collection has their sizes and md5\n"
        "    alienctl toXml -x file:run.xml data/run1/*.root\n"
        "    alienctl toXml -local -x file:here.xml results/*.root",
    ),
    "getSE": Page(
        "getSE [-id | -name | -srv] [LABEL]",
        "number, name and server of storage elements",
        "LABEL is a number, or a part of a name or server in any case. The options print one column.\n"
        "    alienctl getSE cern::eos\n    alienctl getSE -srv 332",
    ),
    "SEqos": Page(
        "SEqos LABEL...",
        "the quality of service of storage elements",
        "LABEL as with getSE.\n    alienctl SEqos cern::eos",
    ),
    "getCE": Page(
        "getCE [-name TEXT] [-host TEXT] [-part TEXT]",
        "a table of computing elements",
        "Those whose name, host and partitions contain all the TEXTs, in any case.\n"
        "    alienctl getCE -name cern -part multicore",
    ),
    "quota": Page("quota [ACCOUNT]", "what an account has used of its quotas", "    alienctl quota"),
    "pfn": Page(
        "pfn LFN...",
        "the PFNs of files, one a line",
        "For a member of an archive those of the archive.\n    alienctl pfn data/run1/part00.root",
    ),
    "pfn-status": Page(
        "pfn-status [-v] PFN|LFN...",
        "what storage servers know of replicas",
        "  -v   and more about each\nExit code 0 whatever the servers say.\n"
        "    alienctl pfn-status -v data/run1/part00.root",
    ),
    "lfn2uri": Page(
        "lfn2uri LFN[@SPECS] [strict] [http] | lfn2uri LFN[@SPECS] [LOCAL] meta | lfn2uri LFN[@SPECS] LOCAL write",
        "URLs that open a file on its storage elements, for other programs",
        "One a line, quoted, the best first. They carry the right to read (or write) the file: keep them private.\n\n"
        "  meta     a Metalink file with all of them in the working directory; its path is printed\n"
        "  strict   no other storage elements than those in SPECS\n"
        "  http     those for HTTP, of the storage elements that speak it\n"
        "  write    to write LOCAL as LFN (also: upload); the file is not registered by that\n"
        "    xrdcp $(alienctl lfn2uri data/run1/part00.root meta) part00.root",
    ),
    "xrd_ping": Page(
        "xrd_ping [-c N] [-a] LABEL|HOST[:PORT]...",
        "how long storage servers take to answer",
        "N times (3). -a: every storage element. LABEL as with getSE.\n    alienctl xrd_ping -c 10 cern::eos",
    ),
    "xrd_config": Page(
        "xrd_config [-v] [-a] LABEL|HOST[:PORT]...",
        "how storage servers are set up",
        "-v: more of it; -a: every storage element.\n    alienctl xrd_config -v cern::eos",
    ),
    "xrd_stats": Page(
        "xrd_stats [-xml | -xmlraw] [-compact] [-a] LABEL|HOST[:PORT]...",
        "what storage servers count",
        "As JSON (-compact: in one line) or XML (-xmlraw: as it comes). -a: every storage element.\n"
        "    alienctl xrd_stats cern::eos",
    ),
    **{
        name: Page(
            f"{name} [-datebck] LFN[@SPECS]", f"edit a file with {name}", f"{_EDITING}\n    alienctl {name} macro.C"
        )
        for name in ("vi", "vim", "nano", "mcedit")
    },
}
