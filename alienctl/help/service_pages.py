"""The help pages of storage and computing elements, and of the connection to the service."""

from alienctl.help.page import Page

_ALL = ("-a, -all", "all storage elements")
_SERVERS = "LABEL|HOST[:PORT]..."
PAGES = {
    "pfn": Page(
        "pfn LFN...",
        "print the PFNs of files, one a line",
        "For a member of an archive, prints those of the archive.",
        examples=("alienctl pfn data/run1/part00.root", "alienctl pfn --json data/run1/part00.root"),
    ),
    "pfn-status": Page(
        "pfn-status [-v] PFN|LFN...",
        "ask storage servers about replicas",
        options=(("-v, -verbose", "more details"),),
        examples=("alienctl pfn-status data/a.root", "alienctl pfn-status -v data/a.root"),
        exit_codes=(("0", "success, whatever the servers answer"), ("22", "invalid arguments")),
    ),
    "lfn2uri": Page(
        "lfn2uri LFN[@SPEC] [LOCAL] [strict] [http] [meta | write]",
        "print URLs that open a file on its storage elements",
        "Prints one quoted URL a line, the best first. The URLs grant access: keep them private.",
        options=(
            ("meta", "write all URLs to a Metalink file in the working directory; print its path"),
            ("strict", "only the storage elements of SPEC"),
            ("http", "only URLs for HTTP"),
            ("write, upload", "URLs to write LOCAL as LFN; the file is not registered by that"),
        ),
        examples=("xrdcp $(alienctl lfn2uri data/a.root meta) a.root", "alienctl lfn2uri data/a.root http"),
    ),
    "getSE": Page(
        "getSE [-id | -name | -srv] [LABEL]",
        "print number, name and server of storage elements",
        "LABEL is a number, or a part of a name or server.",
        options=(("--id, --name, --srv", "print only this column"),),
        examples=("alienctl getSE cern::eos", "alienctl getSE -srv 332"),
    ),
    "SEqos": Page(
        "SEqos LABEL...",
        "print the quality of service of storage elements",
        "LABEL is as for getSE.",
        examples=("alienctl SEqos cern::eos", "alienctl SEqos 332"),
    ),
    "getCE": Page(
        "getCE [OPTIONS]",
        "list computing elements",
        options=(
            ("--name TEXT", "only names that contain TEXT"),
            ("--host TEXT", "only hosts that contain TEXT"),
            ("--part TEXT", "only partitions that contain TEXT"),
        ),
        examples=("alienctl getCE", "alienctl getCE -name cern -part multicore"),
    ),
    "xrd_ping": Page(
        f"xrd_ping [OPTIONS] {_SERVERS}",
        "measure the response time of storage servers",
        options=(("-c N", "number of measurements (default 3)"), _ALL),
        examples=("alienctl xrd_ping cern::eos", "alienctl xrd_ping -c 10 cern::eos"),
    ),
    "xrd_config": Page(
        f"xrd_config [OPTIONS] {_SERVERS}",
        "print the configuration of storage servers",
        options=(("-v, -verbose", "more details"), _ALL),
        examples=("alienctl xrd_config cern::eos", "alienctl xrd_config -v cern::eos"),
    ),
    "xrd_stats": Page(
        f"xrd_stats [OPTIONS] {_SERVERS}",
        "print the statistics of storage servers",
        options=(
            ("--xml", "as XML; --xmlraw: unchanged"),
            ("--xmlraw", "as the server sends it"),
            ("--compact", "JSON in one line"),
            _ALL,
        ),
        examples=("alienctl xrd_stats cern::eos", "alienctl xrd_stats -compact cern::eos"),
    ),
    "setSite": Page(
        "setSite [SITE]",
        "choose storage as seen from a site, for the rest of this session",
        "Without SITE, prints the current one. ALIEN_SITE does the same for one command.",
        examples=("alienctl setSite CERN", "alienctl setSite"),
    ),
    "timing": Page(
        "timing [on | off]",
        "report the time that the service takes for each command of this session",
        "Replies that do not come from the service have no time.",
        examples=("alienctl timing on", "alienctl timing off"),
    ),
    "ping": Page(
        "ping [N]",
        "ping the service N times (default 3) on the open connection",
        examples=("alienctl ping", "alienctl ping 10"),
    ),
    "wbtime": Page(
        "wbtime [N]",
        "measure the time of N logins (default 3)",
        "The service limits the number of logins of a certificate.",
        examples=("alienctl wbtime", "alienctl wbtime 2"),
    ),
    "checkAddr": Page(
        "checkAddr [reference] [HOST [PORT]]",
        "check which addresses of the service or of HOST accept connections",
        options=(("reference", "also check well-known hosts"),),
        examples=("alienctl checkAddr", "alienctl checkAddr reference"),
    ),
    "queryML": Page(
        "queryML NODE",
        "print the last monitoring values of a node",
        "/START/END/NODE selects a period: POSIX milliseconds, or negative ones relative to now.",
        examples=("alienctl queryML CERN", "alienctl queryML /-60000/-1/CERN/ROOT/xrootd_sum/load1"),
    ),
}
