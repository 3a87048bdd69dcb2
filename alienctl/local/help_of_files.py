"""The help of the commands about what files contain and where they are."""

from alienctl.local.page import Page

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
    **{
        name: Page(
            f"{name} [-datebck] LFN[@SPECS]", f"edit a file with {name}", f"{_EDITING}\n    alienctl {name} macro.C"
        )
        for name in ("vi", "vim", "nano", "mcedit")
    },
}
