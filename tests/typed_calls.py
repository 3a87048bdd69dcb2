"""Which typed call does what each command does, and what only people need."""

from __future__ import annotations

LOCAL = "local: "
"""Begins the reason why a command has no typed call: it is interactive, or works on this machine without the daemon."""
RAW = "RawService.Execute"
"""The call for administration and texts of the central service."""

_PAGER, _EDITOR, _SHELL = f"{LOCAL}a pager", f"{LOCAL}an editor", f"{LOCAL}the shell"

CALLS: dict[str, str] = {
    # catalogue
    **dict.fromkeys(("ls", "la", "ll", "lla"), "CatalogueService.ListEntries"),
    **dict.fromkeys(("stat", "type", "lfn2guid"), "CatalogueService.StatEntries"),
    **dict.fromkeys(("find", "find2"), "CatalogueService.FindEntries"),
    **dict.fromkeys(("whereis", "pfn"), "CatalogueService.ListReplicas"),
    "mkdir": "CatalogueService.MakeDirectory",
    **dict.fromkeys(("rm", "rmdir"), "CatalogueService.RemoveEntries"),
    "mv": "CatalogueService.MoveEntry",
    "touch": "CatalogueService.TouchEntries",
    "chmod": "CatalogueService.SetPermissions",
    "chown": "CatalogueService.SetOwner",
    "md5sum": "CatalogueService.GetChecksums",
    "lfnexpiretime": "CatalogueService.SetExpiry",
    "quota": "CatalogueService.GetQuota",
    **dict.fromkeys(("jquota", "fquota"), "CatalogueService.GetQuota, CatalogueService.SetQuota"),
    "du": "CatalogueService.GetUsage",
    "guid2lfn": "CatalogueService.ResolveGuids",
    "listFilesFromCollection": "CatalogueService.ListCollection",
    "toXml": "CatalogueService.MakeCollection",
    # contents
    **dict.fromkeys(("cat", "head", "tail", "grep", "changeDiff"), "ContentsService.Read"),
    # storage
    **dict.fromkeys(("listSEs", "getSE", "SEqos", "df"), "StorageService.ListStorageElements"),
    "listSEDistance": "StorageService.ListElementDistances",
    **dict.fromkeys(("lfn2uri", "access"), "StorageService.GetFileUrls"),
    **dict.fromkeys(("pfn-status", "xrdstat"), "StorageService.StatReplicas"),
    **dict.fromkeys(("xrd_ping", "xrd_config", "xrd_stats"), "StorageService.ProbeServers"),
    "mirror": "StorageService.MirrorFile",
    "listTransfer": "StorageService.GetMirror",
    "deleteMirror": "StorageService.DeleteReplica",
    # transfers
    **dict.fromkeys(("cp", "sync"), "TransfersService.SubmitJob, TransfersService.PlanJob"),
    "replicate": "TransfersService.SubmitJob",
    "transfers list": "TransfersService.ListJobs",
    "transfers show": ", ".join(
        f"TransfersService.{call}" for call in ("GetJob", "ListTransfers", "ListAttempts", "ListDeletions")
    ),
    **dict.fromkeys(("transfers watch", "transfers follow"), "TransfersService.WatchJobs"),
    "transfers wait": "TransfersService.WaitJob",
    "transfers limit": "TransfersService.GetLimits, TransfersService.SetLimits, TransfersService.SetJobRate",
    "transfers cancel": "TransfersService.CancelJob",
    "transfers retry": "TransfersService.RetryJob",
    "transfers pause": "TransfersService.PauseJob",
    "transfers resume": "TransfersService.ResumeJob",
    "transfers priority": "TransfersService.SetJobPriority",
    "transfers clean": "TransfersService.CleanJobs",
    "transfers why": "TransfersService.ListWaitReasons",
    "transfers top": f"{LOCAL}a live view on a terminal",
    **dict.fromkeys(("transfers attach", "transfers detach"), f"{LOCAL}it ties a terminal to a job"),
    # grid jobs
    "submit": "GridJobsService.SubmitGridJob",
    **dict.fromkeys(("ps", "siteJobs"), "GridJobsService.ListGridJobs"),
    "jobInfo": "GridJobsService.GetGridJobs",
    "masterjob": "GridJobsService.GetMasterJobs",
    "kill": "GridJobsService.KillGridJobs",
    "resubmit": "GridJobsService.ResubmitGridJobs",
    **dict.fromkeys(("getCE", "listCEs"), "GridJobsService.ListComputingElements"),
    "jobListMatch": "GridJobsService.ListMatchingElements",
    # credentials and sessions
    **dict.fromkeys(
        ("cert-info", "token-info", "certkey-match", "tokenkey-match"), "CredentialsService.GetCredentials"
    ),
    **dict.fromkeys(("cert-verify", "token-verify"), "CredentialsService.VerifyCertificates"),
    "cert-import": "CredentialsService.ImportCertificate",
    "token-init": "CredentialsService.InitToken",
    "login": "CredentialsService.UnlockKey, CredentialsService.InitToken",
    **dict.fromkeys(("token-destroy", "logout"), "CredentialsService.DestroyToken"),
    **dict.fromkeys(("pwd", "home"), "SessionService.GetSession"),
    "cd": "SessionService.ChangeDirectory",
    **dict.fromkeys(("pushd", "popd", "dirs"), "SessionService.SetDirectoryStack"),
    "user": "SessionService.SetRole",
    "setSite": "SessionService.SetSite",
    "whoami": "SessionService.GetIdentity",
    # network
    "ping": "NetworkService.PingService",
    "wbtime": "NetworkService.MeasureLogins",
    "checkAddr": "NetworkService.ProbeAddresses",
    "queryML": "NetworkService.QueryMonitoring",
    "ccdb": "NetworkService.ListCalibrationObjects",
    # the daemon
    "version": "DaemonService.Hello",
    "daemon": "DaemonService.Status, DaemonService.Stop, DaemonService.Reload, DaemonService.Metrics",
    "bridge": "DaemonService.GetBridge, DaemonService.SetBridge",
    # texts and administration of the central service
    **dict.fromkeys(
        ("archiveList", "guidinfo", "uuid", "showTagValue", "packages", "listpartitions", "w", "uptime"), RAW
    ),
    **dict.fromkeys(("top", "echo", "motd", "commandlist", "whois", "groups", "token", "timing", "time"), RAW),
    **dict.fromkeys(("commit", "registerOutput", "setCEstatus", "testSE", "resyncLDAP", "optimiserLogs"), RAW),
    # interactive and local
    **dict.fromkeys(("less", "more"), _PAGER),
    **dict.fromkeys(("edit", "vi", "vim", "nano", "mcedit"), _EDITOR),
    **dict.fromkeys(("shell", "term", "terminal", "console", "exit", "quit", "exitcode", "$?"), _SHELL),
    **dict.fromkeys(("run", "exec"), f"{LOCAL}a program of the user"),
    **dict.fromkeys(("help", "?"), f"{LOCAL}it shows the pages of `alienctl`"),
    "completion": f"{LOCAL}it prints a script for the user's shell",
    "install-names": f"{LOCAL}it makes links to `alienctl`",
    "doctor": f"{LOCAL}it examines this machine, above all when no daemon runs",
    "bug-report": f"{LOCAL}it collects files of this machine, above all when no daemon runs",
    "cluster": f"{LOCAL}it makes certificates on this machine",
    "root-plugin": f"{LOCAL}it writes the user's `.rootrc`",
    "getCAcerts": f"{LOCAL}it installs certificate authorities on this machine",
    "sandbox": f"{LOCAL}a program of its own, which runs a grid on this machine",
}
