"""The catalogue, accounts and storage of the recorded service, in the sandbox's tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from aliend.sandbox.service.call import Service
from aliend.sandbox.service.contents import replica_file
from aliend.sandbox.state.accounts import Account
from aliend.sandbox.state.catalogue import Catalogue
from aliend.sandbox.state.computing_sites import ComputingElement, JobQuota
from aliend.sandbox.state.entries import NewEntry
from aliend.sandbox.state.guids import GuidMaker, replica_url
from aliend.sandbox.state.quotas import Quota
from aliend.sandbox.state.replicas import ARCHIVE_SE, Guid, StorageElement

RECORDINGS = Path(__file__).with_name("wire")
SITE = "JTestSite"
RECORDED_AT = 1795456763000
"""The time of the recordings (POSIX milliseconds), which is the clock of the replay."""
ACCOUNTS = {"user": "jalien", "user2": "otheruser", "admin": "admin"}
ROLES = {
    "jalien": ("jalien", "vobox"),
    "otheruser": ("otheruser",),
    "admin": ("admin", "alidaq", "jalien", "vobox"),
    "vobox": ("vobox",),
    "alidaq": ("alidaq",),
}
DISTANCES = {"JTestSite": (0.0, 0.1, 0.6), "JRemoteSite": (0.6, 0.5, 0.0)}
USER_IDS = {"admin": 1, "jalien": 2, "otheruser": 3}
VISITED = ("/alice/cern.ch/user/j/jalien/testdata/zip/members/numbers.txt",)
"""Archive members whose replicas had been requested before the recordings."""
CONTENTS = {
    "/alice/cern.ch/user/j/jalien/testdata/text/hello.txt": b"hello grid\n",
    "/alice/cern.ch/user/j/jalien/testdata/text/lines.txt": b"".join(b"%d\n" % number for number in range(1, 1001)),
    "/alice/cern.ch/user/j/jalien/private/secret.txt": b"secret\n",
}
"""The content of files that follows from size and md5; other files have only the right size."""
MANY, MANY_COUNT = "/alice/cern.ch/user/j/jalien/big2000/", 2000
"""A directory of which the recorded listing contains only the first files."""
EXPIRES = {"jalien": 2110816457, "otheruser": 2110816457, "admin": 2110816458}


def subject(account: str) -> str:
    """Return the subject of an account's certificate."""
    return f"/C=CH/O=JAliEn/CN={account}"


def load(listings: Mapping[str, Sequence[Mapping[str, Any]]]) -> Catalogue:
    """Return the recorded catalogue; `listings` are the results of `listSEs` and `listCEs` without options."""
    catalogue = Catalogue()
    names = catalogue.names
    names.insert(NewEntry("/", "admin", "admin", "755", RECORDED_AT, kind="d"))
    for account, roles in ROLES.items():
        home = f"/alice/cern.ch/user/{account[0]}/{account}/"
        catalogue.accounts.save(Account(account, home, "", f"{account}@localhost", subject(account), roles))
        catalogue.quotas.save(account, Quota(0, 10**12, 0, 10**6))
    for result in json.loads((RECORDINGS / "ses.json").read_text(encoding="utf-8"))["results"]:
        url = result["endpointUrl"].rstrip("/")
        catalogue.replicas.save_element(
            StorageElement(int(result["seNumber"]), result["seName"], tuple(result["qos"].split(",")), url, "/")
        )
    for site, distances in DISTANCES.items():
        for number, distance in enumerate(distances, 1):
            catalogue.replicas.save_distance(site, number, distance)
    for row in _rows():
        _add(catalogue, row)
    _add_many(catalogue)
    for lfn in VISITED:
        entry = names.get(lfn)
        assert entry is not None
        catalogue.replicas.mark_visited(entry.guid or "")
    for account, number in USER_IDS.items():
        catalogue.grid.save_quota(JobQuota(account, number))
    _set_the_stage(catalogue, listings)
    catalogue.save()
    return catalogue


def _set_the_stage(catalogue: Catalogue, listings: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Add what the catalogue's listing lacks: the use of the storage elements, and the computing elements."""
    for result in listings["listSEs"]:
        catalogue.database.execute(
            "UPDATE se SET used = ?, files = ? WHERE number = ?",
            (int(result["usedSpace"]), int(result["fileCount"]), int(result["seNumber"])),
        )
    for result in listings["listCEs"]:
        running, queued, ttl = int(result["maxRunning"]), int(result["maxQueued"]), int(result["TTL"])
        partitions = tuple(filter(None, result["partitions"].split(",")))
        name, status, kind, host = (result[key] for key in ("ceName", "status", "type", "host"))
        catalogue.grid.save(ComputingElement(name, status, running, queued, partitions, ttl, kind, host))


def stock(service: Service) -> None:
    """Create a file of the right size for every replica in the catalogue."""
    catalogue = service.catalogue
    for entry in catalogue.names.select("guid IS NOT NULL AND path NOT LIKE ?", [f"{MANY}%"]):
        content = CONTENTS.get(entry.path)
        assert content is None or hashlib.md5(content, usedforsecurity=False).hexdigest() == entry.md5
        for replica in catalogue.replicas.replicas_of(entry.guid or ""):
            file = replica_file(service, replica.se.number, replica.pfn) if replica.se else None
            if file is None:
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("wb") as opened:
                opened.write(content or b"")
                opened.truncate(entry.size)


def _add_many(catalogue: Catalogue) -> None:
    last = [row for row in _rows() if row["lfn"].startswith(MANY)][-1]
    element, maker = catalogue.replicas.element(last["replicas"][0]["seName"]), GuidMaker()
    assert element is not None
    for number in range(MANY_COUNT):
        lfn, guid = f"{MANY}f{number:04d}.dat", maker.make(int(last["ctime"]))
        pfn = replica_url(element.daemon, element.path, guid)
        _add(catalogue, {**last, "lfn": lfn, "guid": guid, "replicas": [{"seName": element.name, "pfn": pfn}]})


def _rows() -> Iterator[dict[str, Any]]:
    for line in (RECORDINGS / "catalogue.jsonl").read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def _add(catalogue: Catalogue, row: dict[str, Any]) -> None:
    if catalogue.names.get(row["lfn"]) is not None:
        return
    size, ctime, guid, md5 = int(row["size"]), int(row["ctime"]), row["guid"] or None, row["md5"] or None
    catalogue.names.insert(
        NewEntry(row["lfn"], row["owner"], row["gowner"], row["perm"], ctime, size, guid, md5, kind=row["type"])
    )
    if guid is None:
        return
    record = Guid(guid, row["owner"], row["gowner"], row["perm"], size, md5, ctime)
    catalogue.replicas.save(record)
    for replica in row.get("replicas", []):
        element = catalogue.replicas.element(replica["seName"])
        catalogue.replicas.add(record, element.number if element else ARCHIVE_SE, replica["pfn"])
