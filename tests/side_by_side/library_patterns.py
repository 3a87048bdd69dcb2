"""Uses alienpy as public scripts do, in alienpy's own Python and in one that loads ours; prints the results as JSON.

Arguments: a directory of the catalogue that the script may create, and a directory on this machine. Each pattern is a
function; its result and its output are compared. Standard library and alienpy only, because both run it.
"""

import contextlib
import io
import json
import os
import re
import sys
import threading
import time

try:  # older scripts know the old name only
    from alienpy import alien, xrd_core
except ImportError:
    from xjalienfs import alien, xrd_core
from alienpy.alien import *
from alienpy.global_vars import CERT_NAMES
from alienpy.tools_nowb import PrintDict, fileline2list, unixtime2local
from alienpy.version import ALIENPY_VERSION_STR
from alienpy.wb_api import SendMsgMulti, retf_print

GRID, HERE = sys.argv[1:3]
DATA = "/alice/cern.ch/user/a/alice/data/run1"


def low_level_session():
    """`AliEn().run`, printed by `retf_print` (the package's example)."""
    session = alien.AliEn()
    answer = session.run("pwd")
    return [retf_print(answer), answer.out, answer.ansdict, list(session.run("pwd", "rawstr"))]


def command_chains():
    """`ProcessMsg` prints as `alien.py` does (the package's example)."""
    session = alien.AliEn()
    codes = [session.ProcessMsg("whoami"), session.ProcessMsg("pwd; ls data"), session.ProcessMsg("ll data/run1")]
    return [*codes, session.ProcessMsg(f"stat {DATA}/none"), ProcessCommandChain(session.wb(), "home")]


def pipelines():
    """Pass the output of a command to the shell, in a thread too; give the words of a command as a list."""
    session = alien.AliEn()
    codes = [session.ProcessMsg("ls data | head -n1"), session.ProcessMsg("ls data | false")]
    thread = threading.Thread(target=lambda: codes.append(session.ProcessMsg("pwd; ls data | tail -n1")))
    thread.start()
    thread.join()
    handle = session.wb()
    return [*codes, ProcessCommandChain(handle, ["ls", "-a", "data"]), ProcessCommandChain(handle, ["pwd; home"])]


def session_facts():
    """Read what the library knows of its session."""
    handle = InitConnection(cmdlist_func=constructCmdList)
    DO_pwd(handle)
    names = ("alienHome", "currentdir", "user", "exitcode", "alias_cache", "show_date", "use_usercert")
    known = [alien.AlienSessionInfo[name] for name in names]
    return [*known, "pathq" in alien.AlienSessionInfo, "ls" in alien.AlienSessionInfo.get("commandlist")]


def file_list_of_a_run():
    """Search a run's files, and write the list from `ansdict` (scripts for raw data)."""
    found = alien.AliEn().run(f"find -l 3 {DATA} part")
    return [found.exitcode, [f"alien://{each['lfn']}" for each in found.ansdict["results"]]]


def popularity_filter():
    """Read the size from `stat`, and recognise a file that is gone (monitoring scripts)."""
    session = alien.AliEn()
    here, gone = session.run(f"stat {DATA}/part00.root"), session.run(f"stat {DATA}/none")
    facts = here.ansdict["results"][0]
    return [int(facts["size"]), facts["type"], not gone.ansdict["results"], gone]


def collection_of_a_run():
    """Make a directory, replace a collection of files in it (scripts for calibration)."""
    session = alien.AliEn()
    made = session.run(f"mkdir -p {GRID}/reco")
    name = f"{GRID}/reco/run.xml"
    before = session.run(f"stat {name}").exitcode
    stored = session.run(f"find -x {name} {DATA} part0").exitcode
    after = session.run(f"stat {name}").ansdict["results"][0]["type"]
    removed = session.run(f"rm {name}").exitcode
    return [made.exitcode, before, stored, after, removed, session.run(f"stat {name}").exitcode]


def train_outputs():
    """Download what `find` prints with `xrd_core.DO_XrootdCp` and two lists (downloaders of train outputs)."""
    session = alien.AliEn()
    found = session.run(f"find -l 2 {DATA} part")
    sources = found.out.split()
    targets = [f"file:{HERE}/train/{os.path.basename(name)}" for name in sources]
    result = xrd_core.DO_XrootdCp(session.wb(), api_src=sources, api_dst=targets)
    arrived = [(each, os.stat(f"{HERE}/train/{each}").st_size) for each in sorted(os.listdir(f"{HERE}/train"))]
    return [result.exitcode, result.out, arrived]


def copy_program():
    """A program that passes `sys.argv` to `DO_XrootdCp` and ends with its code (the package's example)."""
    handle = alien.InitConnection()
    before, sys.argv = sys.argv, [sys.argv[0], "-f", f"{DATA}/part01.root", f"file:{HERE}/one.root"]
    try:
        code = retf_print(alien.DO_XrootdCp(handle, sys.argv, ""))
    finally:
        sys.argv = before
    return [code, os.stat(f"{HERE}/one.root").st_size]


def silent_upload():
    """Upload without output, and look at the result (frameworks with progress of their own)."""
    with open(f"{HERE}/up.txt", "w") as text:
        text.write("content\n")
    handle = InitConnection(cmdlist_func=constructCmdList)
    SendMsg(handle, "mkdir", ["-p", GRID])
    result = DO_XrootdCp(handle, ["-f", f"file:{HERE}/up.txt", f"{GRID}/up.txt"], "quiet")
    stored = SendMsg(handle, f"stat {GRID}/up.txt", opts="nomsg")
    return [result.exitcode, result.out, stored.ansdict["results"][0]["size"], xrd_core.pathtype_grid(handle, GRID)]


def uneven_lists():
    """Only one of the two lists is given."""
    return list(xrd_core.DO_XrootdCp(None, api_src=["/alice/x"], api_dst=[]))


def results_as_tuples():
    """Results are unpacked, indexed, compared and tested for truth."""
    answer = alien.AliEn().run("ls data", "nokeys")
    code, out, err, document = answer
    return [code, out, err, document, answer[1], bool(answer), bool(RET(3)), RET(), answer._replace(out="x").out]


def raw_requests():
    """`SendMsg` with words, with a line and with JSON, and several at once."""
    handle = alien.InitConnection()
    lines = [SendMsg(handle, "ls", ["-F", "data"], "nokeys"), SendMsg(handle, "ls -a data", opts="nomsg")]
    return [*lines, SendMsg(handle, '{"command":"pwd","options":[]}'), *SendMsgMulti(handle, ["pwd", "nosuchcommand"])]


def working_directory():
    """`cd` lasts for the process, and `AlienSessionInfo` shows it."""
    session = alien.AliEn()
    session.run("cd data")
    inside = [session.run("pwd").out, alien.AlienSessionInfo["currentdir"], alien.AlienSessionInfo["prevdir"]]
    session.run("cd")
    return [*inside, session.run("pwd").out, alien.AlienSessionInfo["user"], alien.AlienSessionInfo["alienHome"]]


def single_commands():
    """`ProcessInput` returns what a command prints, also through a shell command (`DO_...` likewise)."""
    handle = alien.InitConnection(cmdlist_func=alien.constructCmdList)
    one, piped = alien.ProcessInput(handle, "ls", ["data"]), alien.ProcessInput(handle, "ls", ["data"], "head -n1")
    return [one.out, piped.out, DO_pwd(handle).out, DO_quota(handle).out, DO_getSE(handle, []).exitcode]


def token_information():
    """Print the token's dates and files (ROOT macros through `TPython`, shell scripts)."""
    alien.setup_logging()
    return [retf_print(alien.DO_tokeninfo()), CERT_NAMES.token_cert, CERT_NAMES.token_key, ALIENPY_VERSION_STR]


def printed_documents():
    """`PrintDict` prints documents, `retf_print` prints them with `json`, errors go to standard error."""
    session = alien.AliEn()
    PrintDict(session.run("pwd").ansdict)
    PrintDict({"b": 1, "a": [1]}, True)
    retf_print(session.run("pwd"), "json")
    return [retf_print(session.run("stat data/none")), retf_print(session.run("pwd"), "noprint")]


def tables():
    """Lists from files and dates of objects (scripts for conditions data)."""
    with open(f"{HERE}/list", "w") as text:
        text.write("TPC/Calib\n\n# ITS/Calib\n  MFT/Calib \n")
    os.environ["TZ"] = "Europe/Zurich"
    time.tzset()
    moments = [unixtime2local(each) for each in (1767225600000, "1767225600", 1782000000000)]
    return [fileline2list(f"{HERE}/list"), moments, [GetHumanReadableSize(size) for size in (0, 1023, 5000000)]]


def grid_names():
    """Take storage specifications and prefixes off names (scripts that copy between places of the grid)."""
    return [lfn_prefix_re.sub("", "alien:///alice/x"), specs_split.split("/alice/x@disk:2", maxsplit=1)[0]]


PATTERNS = [
    *(low_level_session, command_chains, pipelines, session_facts, file_list_of_a_run, popularity_filter),
    *(
        collection_of_a_run,
        train_outputs,
        copy_program,
        silent_upload,
        uneven_lists,
        results_as_tuples,
        raw_requests,
        working_directory,
        single_commands,
    ),
    *(token_information, printed_documents, tables, grid_names),
]


def outcome(pattern):
    """Return what a pattern returns, prints and raises."""
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            value = pattern()
    except BaseException as error:  # noqa: BLE001 (SystemExit too is a result)
        value = f"{type(error).__name__}: {error}"
    speed = re.compile(r"SPEED .*")
    return [value, speed.sub("SPEED", out.getvalue()), err.getvalue()]


alien.setup_logging()
json.dump({pattern.__name__: outcome(pattern) for pattern in PATTERNS}, sys.stdout)
