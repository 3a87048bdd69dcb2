"""The help pages of the shell, chains of commands and completion."""

from alienctl.help.page import Page

PAGES = {
    "shell": Page(
        "shell [--private]",
        "start an interactive shell, as alienctl without arguments does on a terminal",
        "The shell has its own working directory and starts in the last one, unless ALIENPY_NO_CWD_RESTORE is set. Tab"
        " completes; arrow keys and Ctrl-R search the history; Ctrl-C cancels a command; Ctrl-D leaves. Transfer jobs"
        " that end are reported above the prompt.",
        options=(
            ("--private", "keep no history (as ALIENPY_NO_HISTORY); lines that begin with a space are never kept"),
        ),
        examples=("alienctl shell", "alienctl shell --private"),
    ),
    "prompt": Page(
        "prompt date | pwd",
        "in the shell: switch the time or the local directory in the prompt on or off",
        "ALIENPY_PROMPT_DATE and ALIENPY_PROMPT_CWD set the start values.",
        examples=("alienctl shell", "prompt pwd"),
    ),
    "term": Page(
        "term",
        "start a Python prompt with `alien`, a client of the daemon (alienctl.api)",
        "Uses IPython if it is installed. Also: terminal, console.",
        examples=("alienctl term", "alienctl console"),
    ),
    "time": Page(
        "time COMMAND...",
        "run a command and print its duration",
        examples=("alienctl time ls data", "alienctl time find data '*.root'"),
        exit_codes=(("other", "the exit code of COMMAND"),),
    ),
    "exitcode": Page(
        "exitcode",
        "print the exit code of the previous command; also: $?",
        examples=("alienctl 'stat data; exitcode'", "alienctl 'ls data; $?'"),
    ),
    "exit": Page(
        "exit [CODE] [err] [MESSAGE...]",
        "end a chain, a file of commands or the shell; also: quit, logout",
        "CODE defaults to that of the previous command.",
        options=(("err", "print MESSAGE to standard error"),),
        examples=("alienctl 'stat data; exit'", "alienctl 'stat data; exit 3 err no data'"),
        exit_codes=(("other", "CODE"),),
    ),
    "completion": Page(
        "completion bash | zsh | fish",
        "print the completion script of a shell",
        "The first line of the script says where to install it.",
        examples=('eval "$(alienctl completion bash)"', "alienctl completion fish | source"),
    ),
}
