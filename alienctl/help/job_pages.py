"""The help of the commands about jobs."""

from alienctl.help.page import Page

PAGES = {
    "submit": Page(
        "submit JDL [ARGUMENTS...]",
        "submit a job",
        "JDL is a description in the catalogue, a local one (file:x.jdl), or its text. A local one is put into jdl/\n"
        "of your home first, under a name that tells its content. $1, $2, ... in it stand for the ARGUMENTS.\n"
        "    alienctl submit file:work.jdl 244918",
    ),
    "ps": Page(
        "ps [OPTIONS]",
        "list jobs, yours where nothing else is said",
        "-trace ID shows a job's log with readable times, --trace as it is. All options: alienctl ps -h\n"
        "    alienctl ps -f r\n"
        "    alienctl ps -trace 1234567890",
    ),
    "jobInfo": Page(
        "jobInfo ID[,ID...] [-trace] [-proc] [-jdl] [-unixtime]",
        "what is known of jobs: where they ran, and their states",
        "  -trace, -proc  and what the log tells, and what they used\n"
        "  -jdl           the description as JSON instead\n"
        "  -unixtime      times as POSIX seconds\n"
        "    alienctl jobInfo 1234567890 -trace",
    ),
    "siteJobs": Page(
        "siteJobs SITE [-id] [-running] [-status STATE] [-user NAME]",
        "the jobs of a site's computing elements",
        "SITE is any part of their names (see: alienctl listCEs); -id prints only the numbers.\n"
        "    alienctl siteJobs CERN -running",
    ),
    "masterjob": Page(
        "masterjob ID... [-status S] [-id N] [-site S] [-printid] [-printsite]",
        "the parts of master jobs",
        "    alienctl masterjob 1234567890 -printid",
    ),
    "kill": Page("kill ID...", "kill jobs, and the parts of master jobs", "    alienctl kill 1234567890"),
    "resubmit": Page("resubmit ID...", "let jobs that have ended begin once more", "    alienctl resubmit 1234567890"),
    "registerOutput": Page(
        "registerOutput ID", "keep the output of a job that ended in an error", "    alienctl registerOutput 1234567890"
    ),
}

OURS = ("jobInfo", "siteJobs")
"""Those that are not the service's."""
