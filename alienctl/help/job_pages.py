"""The help pages of grid jobs."""

from alienctl.help.page import Page

PAGES = {
    "submit": Page(
        "submit JDL [ARGUMENTS...]",
        "submit a job",
        "JDL is a description in the catalogue, a local file (file:x.jdl) or the text itself. A local file is uploaded"
        " to jdl/ in your home first, under a name that contains its checksum. $1, $2, ... stand for ARGUMENTS.",
        examples=("alienctl submit file:work.jdl 244918", "alienctl submit jdl/work.jdl"),
    ),
    "ps": Page(
        "ps [OPTIONS]",
        "list your jobs (-a: everybody's)",
        options=(
            ("-a", "jobs of all users"),
            ("-f STATES", "only jobs in these states"),
            ("-F l, -L", "also site and node"),
            ("-u USERS, -s SITES, -n NODES", "only jobs of these users, sites, nodes"),
            ("-m IDS, -j IDS", "subjobs of these master jobs; these jobs"),
            ("-l N, -o COLUMN", "at most N jobs, the newest; sort by COLUMN"),
            ("-t START[,END]", "only jobs that changed START to END hours ago"),
            ("-M, -X, -A, -W, -E", "no subjobs; active; all; waiting; failed jobs"),
            ("-jdl ID", "the job description"),
            ("-trace ID", "a job's log with readable times; --trace: unchanged"),
        ),
        examples=("alienctl ps -f r", "alienctl ps -trace 1234567890"),
    ),
    "jobInfo": Page(
        "jobInfo ID[,ID...] [OPTIONS]",
        "print where jobs ran, and their states",
        options=(
            ("--trace", "also the log"),
            ("--proc", "also the resources used"),
            ("--jdl", "print the description as JSON instead"),
            ("--unixtime", "print times as POSIX seconds"),
        ),
        examples=("alienctl jobInfo 1234567890", "alienctl jobInfo 1234567890 -trace"),
    ),
    "siteJobs": Page(
        "siteJobs SITE [OPTIONS]",
        "list the jobs of a site's computing elements",
        "SITE is a part of their names; list these with `alienctl listCEs`.",
        options=(
            ("--id", "print only the numbers"),
            ("--running, -r", "only running jobs"),
            ("--status STATE", "only jobs in this state"),
            ("--user NAME", "only jobs of this user"),
        ),
        examples=("alienctl siteJobs CERN -running", "alienctl siteJobs CERN -id -user alitrain"),
    ),
    "masterjob": Page(
        "masterjob ID... [OPTIONS]",
        "list the subjobs of master jobs",
        options=(
            ("-status STATE", "only subjobs in this state"),
            ("-id N", "only this subjob"),
            ("-site SITE", "only subjobs at this site"),
            ("-printid, -printsite", "also print numbers, or sites"),
        ),
        examples=("alienctl masterjob 1234567890", "alienctl masterjob 1234567890 -printid"),
    ),
    "kill": Page(
        "kill ID...",
        "kill jobs, and the subjobs of master jobs",
        examples=("alienctl kill 1234567890", "alienctl kill 1234567890 1234567891"),
    ),
    "resubmit": Page(
        "resubmit ID...",
        "submit ended jobs again",
        examples=("alienctl resubmit 1234567890", "alienctl resubmit 1234567890 1234567891"),
    ),
    "registerOutput": Page(
        "registerOutput ID",
        "register the output of a job that ended in an error",
        examples=("alienctl registerOutput 1234567890", "alienctl registerOutput 1234567890 --json"),
    ),
}

OURS = ("jobInfo", "siteJobs")
"""Commands that the service does not have."""
