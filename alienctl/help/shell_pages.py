"""The help of what stands around commands: time, exit, the shell, completion."""

from alienctl.help.page import Page

PAGES = {
    "time": Page("time COMMAND ...", "carry out a command and tell how long it took", "    alienctl time ls data"),
    "exitcode": Page(
        "exitcode", "print the exit code of the command before; $? does the same", "    alienctl 'stat data; exitcode'"
    ),
    "exit": Page(
        "exit [CODE] [err] [MESSAGE...]",
        "end a chain, a file of commands or the shell",
        "Without CODE with that of the command before; `err` sends MESSAGE to standard error. Also: quit, logout.\n"
        "    alienctl 'stat data; exit 3 err no data'",
    ),
    "completion": Page(
        "completion bash | zsh | fish",
        "print the script that completes commands, options and names of files",
        'It says in its first line where it belongs.\n    eval "$(alienctl completion bash)"',
    ),
    "shell": Page(
        "shell [--private]",
        "a shell of its own; so does alienctl without words on a terminal",
        "Its working directory is its own; it begins where you were last, unless ALIENPY_NO_CWD_RESTORE is set.\n"
        "Tab completes, the arrow keys and Ctrl-R find earlier lines, Ctrl-C cancels a command, Ctrl-D leaves.\n"
        "Transfer jobs that end are told above the prompt.\n\n"
        "  --private    keep no history (as ALIENPY_NO_HISTORY does); a line that begins with a blank is never kept\n"
        "  prompt date  show the time in the prompt, or no longer (ALIENPY_PROMPT_DATE)\n"
        "  prompt pwd   show the local directory in the prompt, or no longer (ALIENPY_PROMPT_CWD)\n"
        "  term         a Python prompt\n    alienctl shell --private",
    ),
    "prompt": Page(
        "prompt date | pwd",
        "in the shell: show time or local directory, or no longer",
        "    alienctl shell\n    prompt pwd",
    ),
    "term": Page(
        "term",
        "a Python prompt with `alien`, a client of the daemon's services (alienctl.api); also: terminal, console",
        "IPython, where it is installed.\n    alienctl term",
    ),
}
