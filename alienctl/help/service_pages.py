"""The help of the commands about the session with the service, and how it and others can be reached."""

from alienctl.help.page import Page

PAGES = {
    "user": Page(
        "user NAME",
        "act as another account from now on, in this session",
        "The directory stays. Other sessions do not notice. ALIEND_ROLE does it for one command.\n"
        "    alienctl user alitrain",
    ),
    "setSite": Page(
        "setSite [SITE]",
        "choose storage as from a site from now on, in this session",
        "Without SITE it is told. ALIEN_SITE does it for one command.\n    alienctl setSite CERN",
    ),
    "timing": Page(
        "timing [on | off]",
        "have the service tell how long each command took it, in this session",
        "What is answered without the service has no such time.\n    alienctl timing on",
    ),
    "ping": Page("ping [N]", "ping the service N times (3) on the connection that is there", "    alienctl ping 10"),
    "wbtime": Page(
        "wbtime [N]",
        "log in N times (3), and tell how long that takes",
        "The service counts logins against your certificate, ten points each.\n    alienctl wbtime 2",
    ),
    "checkAddr": Page(
        "checkAddr [reference] [HOST [PORT]]",
        "which addresses of the service, or of another host, accept connections",
        "reference: those of well-known hosts as well.\n    alienctl checkAddr reference",
    ),
    "queryML": Page(
        "queryML NODE",
        "the last values that the monitoring knows of a node",
        "/START/END/NODE asks for a time: POSIX milliseconds, or negative ones before now.\n"
        "    alienctl queryML /-60000/-1/CERN/ROOT/xrootd_sum/load1",
    ),
}
