"""Replays recordings of a real central service against the sandbox's, and tells the differences.

What must differ is replaced by placeholders on both sides: GUIDs made during the run and the PFNs built from them,
envelopes, times of creation, the numbers of entries, versions. Of a usage text only the presence is compared, of a
stack trace only the first line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aliend.sandbox.accounts import Account
from aliend.sandbox.call import Service
from aliend.sandbox.catalogue import Catalogue
from aliend.sandbox.connections import Front
from aliend.sandbox.entries import NewEntry
from aliend.sandbox.quotas import Quota
from aliend.sandbox.replicas import ARCHIVE_SE, Guid, StorageElement
from aliend.sandbox.session import Client, Session
from aliend.sandbox.tokens import Sealer

RECORDINGS = Path(__file__).with_name("wire")
SITE = "JTestSite"
RECORDED_AT = 1795456763000
"""When the recordings were made (POSIX milliseconds): the clock of the replay."""
ACCOUNTS = {"user": "jalien", "user2": "otheruser", "admin": "admin"}
ROLES = {
    "jalien": ("jalien", "vobox"),
    "otheruser": ("otheruser",),
    "admin": ("admin", "alidaq", "jalien", "vobox"),
    "vobox": ("vobox",),
    "alidaq": ("alidaq",),
}
DISTANCES = {"JTestSite": (0.0, 0.1, 0.6), "JRemoteSite": (0.6, 0.5, 0.0)}
EXPIRES = {"jalien": 2110816457, "otheruser": 2110816457, "admin": 2110816458}

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_PLACE = re.compile(r"/\d\d/\d{5}/(?=<guid>)")
_ENVELOPE = re.compile(r"-----BEGIN(?: |%20)SEALED(?: |%20)CIPHER.*?&scitag", re.DOTALL)
_TIMES = re.compile(r"\b(1795\d{9}|1795\d{6})\b")
_DATES = re.compile(r"\b(\w{3} )?(Nov|Mar) +\d+ \d\d:\d\d(:\d\d UTC \d{4})?\b|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?")
_VERSION = re.compile(r"Compiled at: .*")
_INTERVAL = re.compile(r"which is in [^)]*\)")
_NUMBERED = ("entryId", "dir", "timing_ms", "compiled_at", "compiled_by", "guidtime")


@dataclass(frozen=True)
class Step:
    """One request of a recording, with its reply."""

    scenario: str
    who: str
    request: dict[str, Any]
    reply: dict[str, Any]


def steps(file: Path = RECORDINGS / "public.jsonl") -> list[Step]:
    """The steps of a recording."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [Step(row["scenario"], row["as"], row["request"], row["reply"]) for row in rows]


class Replay:
    """A catalogue like the recorded one, and a session for each scenario."""

    def __init__(self) -> None:
        self._catalogue = _load()
        service = Service(self._catalogue, Sealer(b"replay"), lambda: RECORDED_AT, SITE, default_replicas=1)
        self._front = Front(service)
        self._sessions: dict[tuple[str, str], Session] = {}
        self._envelopes: dict[str, str] = {}

    def close(self) -> None:
        """Close the catalogue."""
        self._catalogue.close()

    async def play(self, step: Step) -> dict[str, Any]:
        """The sandbox's reply to a step; the envelopes in its request are those that the sandbox gave instead."""
        options = [self._envelopes.get(option, option) for option in step.request.get("options") or []]
        text = json.dumps({"command": step.request["command"], "options": options})
        reply: dict[str, Any] = json.loads(await self._front.answer(self._session(step), text))
        for theirs, ours in zip(step.reply["results"], reply["results"], strict=False):
            if "envelope" in theirs and "envelope" in ours:
                self._envelopes[theirs["envelope"]] = ours["envelope"]
        return reply

    def _session(self, step: Step) -> Session:
        key, account = (step.scenario, step.who), ACCOUNTS[step.who]
        if key not in self._sessions:
            client = Client(_subject(account), f"CN={account}, O=JAliEn, C=CH", EXPIRES[account], "127.0.0.1")
            session = self._front.session(client)
            assert session is not None
            self._sessions[key] = session
        return self._sessions[key]


def differences(step: Step, reply: dict[str, Any]) -> list[str]:
    """What is not alike, a line each; empty when nothing is."""
    theirs, ours = normalised(step.reply), normalised(reply)
    found = []
    for name in sorted(theirs["metadata"].keys() | ours["metadata"].keys()):
        if theirs["metadata"].get(name) != ours["metadata"].get(name):
            found.append(f"{name}: {theirs['metadata'].get(name)!r} / {ours['metadata'].get(name)!r}")
    if len(theirs["results"]) != len(ours["results"]):
        found.append(f"results: {len(theirs['results'])} / {len(ours['results'])}")
    for index, (left, right) in enumerate(zip(theirs["results"], ours["results"], strict=False)):
        for name in sorted(left.keys() | right.keys()):
            if left.get(name, "absent") != right.get(name, "absent"):
                found.append(f"{index}.{name}: {left.get(name, 'absent')!r} / {right.get(name, 'absent')!r}")
    return found


def normalised(reply: dict[str, Any]) -> dict[str, Any]:
    """A reply in which what must differ is replaced."""
    metadata = {name: _plain(name, value) for name, value in reply["metadata"].items()}
    metadata["error"] = metadata["error"].split("\n")[0] if "stack" in metadata["error"] else metadata["error"]
    if metadata["error"].startswith("Remote I/O error : Error executing"):
        metadata["error"] = "\n".join(metadata["error"].split("\n")[:2])
    return {
        "metadata": metadata,
        "results": [{name: _plain(name, value) for name, value in result.items()} for result in reply["results"]],
    }


def _plain(name: str, value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {key: _plain(key, inner) for key, inner in value.items()}
    if not isinstance(value, str):
        return value
    if name in _NUMBERED:
        return f"<{name}>"
    if name == "message" and "usage:" in value:
        return "<usage>"
    text = _ENVELOPE.sub("<envelope>&scitag", value)
    text = _PLACE.sub("/<place>/", _GUID.sub("<guid>", text))
    text = _GUID.sub("<guid>", text)
    text = _INTERVAL.sub("which is in <interval>)", _VERSION.sub("Compiled at: <date>", text))
    text = re.sub(r'(dir|entryId)="\d+"', r'\1="<number>"', text)
    return _DATES.sub("<date>", _TIMES.sub("<time>", text))


def _subject(account: str) -> str:
    return f"/C=CH/O=JAliEn/CN={account}"


def _load() -> Catalogue:
    catalogue = Catalogue()
    names = catalogue.names
    names.insert(NewEntry("/", "admin", "admin", "755", RECORDED_AT, kind="d"))
    for account, roles in ROLES.items():
        home = f"/alice/cern.ch/user/{account[0]}/{account}/"
        catalogue.accounts.save(Account(account, home, "", f"{account}@localhost", _subject(account), roles))
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
    for result in _use_when_recorded():
        catalogue.database.execute(
            "UPDATE se SET used = ?, files = ? WHERE number = ?",
            (int(result["usedSpace"]), int(result["fileCount"]), int(result["seNumber"])),
        )
    catalogue.save()
    return catalogue


def _use_when_recorded() -> list[dict[str, str]]:
    """How full the storage elements were when the scenarios began; `ses.json` was taken at another time."""
    listed: list[dict[str, str]] = next(
        step.reply["results"] for step in steps() if step.request == {"command": "listSEs", "options": []}
    )
    return listed


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
