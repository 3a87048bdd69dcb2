"""Replays recordings of a real central service against the sandbox, and reports the differences.

Placeholders replace volatile values on both sides: GUIDs created during the run and the PFNs built from them,
envelopes, creation times, entry numbers, versions. Of a usage text only the presence is compared, of a
stack trace only the first line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aliend.sandbox.protocol.requests import UnusableError
from aliend.sandbox.server.connections import WebsocketServer
from aliend.sandbox.service.call import Service
from aliend.sandbox.state.envelopes import Sealer
from aliend.sandbox.state.session import Client, Session
from tests.contract import recorded_catalogue
from tests.contract.recorded_catalogue import ACCOUNTS, EXPIRES, RECORDED_AT, RECORDINGS, SITE

HELP = frozenset(("-h", "--h", "-help", "--help"))
"""The options with which any command prints its usage."""
NO_ARGUMENT = "Invalid argument : Command requires an argument"
"""The error that a usage text accompanies."""
DELIBERATE = Path(__file__).with_name("deliberate.toml")
COUNTS = {"public.jsonl": 207, "public2.jsonl": 206}
"""The recordings, with the number of their requests."""
MOST_DELIBERATE = 10
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_PLACE = re.compile(r"/\d\d/\d{5}/(?=<guid>)")
_ENVELOPE = re.compile(r"-----BEGIN(?: |%20)SEALED(?: |%20)CIPHER.*?&scitag", re.DOTALL)
_TIMES = re.compile(r"\b(179\d{10}|179\d{7})\b")
_DATES = re.compile(
    r"\b(\w{3} )?[A-Z][a-z]{2} +\d+ \d\d:\d\d(:\d\d UTC \d{4})?\b|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?"
)
_VERSION = re.compile(r"(JAliEn tag|Git hash|Compiled at): .*")
_INTERVAL = re.compile(r"which is in [^)]*\)")
_RUNNING_NUMBER = re.compile(r"(transfer ID |job ID is |guidID\t\t: |userid: |Job )\d+")
_DURATION = re.compile(r"(avr/total msec:\t\t|packets transmitted, time |: time=)[\d./]+")
_MADE_BY = re.compile(r"\bby (?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b")
_MADE = frozenset(("envelope", "guid", "url", "pfn", "jobId"))
"""The keys whose values are created during a run and may appear in later requests."""
_NUMBERED = (
    "entryId",
    "dir",
    "timing_ms",
    "compiled_at",
    "compiled_by",
    "tag",
    "git_hash",
    "guidtime",
    "jobId",
    "dowloadedInMillis",
)


@dataclass(frozen=True)
class Step:
    """One recorded request with its reply; a request that is not a JSON object is the sent text."""

    scenario: str
    who: str
    request: dict[str, Any] | str
    reply: Any

    @property
    def command(self) -> str:
        """Return the name of the command."""
        return str(self.request.get("command", "")) if isinstance(self.request, dict) else ""

    @property
    def options(self) -> list[str]:
        """Return the options of the command."""
        return list(self.request.get("options") or []) if isinstance(self.request, dict) else []


@dataclass
class Outcome:
    """The result of a replay: numbers of equal and deliberately different steps, and the other differences."""

    asked: int = 0
    alike: int = 0
    excused: Counter[str] = field(default_factory=Counter)
    reported: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        good = self.alike + self.excused.total()
        purpose = [f"  {count} on purpose different: {reason}" for reason, count in self.excused.items()]
        return "\n".join([*self.reported, f"{good} of {self.asked}", *purpose])


@dataclass(frozen=True)
class Deliberate:
    """A deliberate difference."""

    command: str
    reason: str
    option: str | None = None
    ordered: bool = True
    extra_keys: tuple[str, ...] = ()

    def excuses(self, step: Step, reply: Any) -> bool:  # noqa: ANN401
        """Return whether this explains the difference between a step and the sandbox's reply."""
        if step.command != self.command or (self.option is not None and self.option not in step.options):
            return False
        if self.extra_keys:
            return not differences(step.reply, _without(reply, self.extra_keys))
        return self.ordered or not differences(_sorted(step.reply), _sorted(reply))


def deliberate() -> list[Deliberate]:
    """Read the deliberate differences."""
    rows = tomllib.loads(DELIBERATE.read_text(encoding="utf-8")).get("difference", [])
    return [Deliberate(**row) for row in rows]


def _without(reply: Any, keys: Sequence[str]) -> Any:  # noqa: ANN401
    results = [{name: value for name, value in result.items() if name not in keys} for result in reply["results"]]
    return {**reply, "results": results}


def _sorted(reply: Any) -> Any:  # noqa: ANN401
    if not isinstance(reply, dict) or "results" not in reply:
        return reply
    return {**reply, "results": sorted(reply["results"], key=lambda result: json.dumps(result, sort_keys=True))}


def steps(file: Path = RECORDINGS / "public.jsonl") -> list[Step]:
    """Read the steps of a recording."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [Step(row["scenario"], row.get("as", "user"), row["request"], row["reply"]) for row in rows]


async def replay(played: Sequence[Step], kind: type[Replay] | None = None) -> Outcome:
    """Replay steps and compare the replies; `kind` may play them in another way."""
    exceptions, outcome, replaying = deliberate(), Outcome(), (kind or Replay)(played)
    try:
        for step in played:
            reply = await replaying.play(step)
            found = differences(step.reply, reply, is_help=bool(HELP.intersection(step.options)))
            outcome.asked += 1
            excuse = next((each for each in exceptions if found and each.excuses(step, reply)), None)
            if not found:
                outcome.alike += 1
            elif excuse is not None:
                outcome.excused[excuse.reason] += 1
            else:
                title = f"{step.scenario}: {step.command or step.request} {step.options}"
                outcome.reported += [f"{title}: {line}" for line in found]
    finally:
        replaying.close()
    return outcome


class Replay:
    """A catalogue like the recorded one, with a session for each scenario."""

    def __init__(self, played: Sequence[Step]) -> None:
        listings = {command: _first_listing(command, played) for command in ("listSEs", "listCEs")}
        self._catalogue = recorded_catalogue.load(listings)
        self._storage = tempfile.TemporaryDirectory(prefix="replay")
        service = Service(self._catalogue, Sealer(b"replay"), lambda: RECORDED_AT, SITE, default_replicas=1)
        service.storage_directories = {
            element.number: Path(self._storage.name, str(element.number))
            for element in self._catalogue.replicas.elements()
        }
        recorded_catalogue.stock(service)
        self.front = WebsocketServer(service)
        self._sessions: dict[tuple[str, str], Session] = {}
        self._ours: dict[str, str] = {}

    def close(self) -> None:
        """Close the catalogue and remove the storage."""
        self._catalogue.close()
        self._storage.cleanup()

    async def play(self, step: Step) -> Any:  # noqa: ANN401
        """Return the sandbox's reply to a step; its request contains the sandbox's own envelopes, GUIDs and ids."""
        try:
            text = await self.answer(step, self._text(step))
        except UnusableError:
            return {"closed": 1002}
        if not text:
            return ""
        reply: dict[str, Any] = json.loads(text)
        if isinstance(step.reply, dict):
            for theirs, ours in zip(step.reply.get("results", []), reply["results"], strict=False):
                for name in _MADE.intersection(theirs, ours):
                    self._ours[theirs[name]] = ours[name]
        return reply

    async def answer(self, step: Step, text: str) -> str:
        """Return the text of the reply."""
        return await self.front.answer(self._session(step), text)

    def _text(self, step: Step) -> str:
        if isinstance(step.request, str):
            return step.request
        request = dict(step.request)
        if isinstance(request.get("options"), list):
            request["options"] = [
                self._translated(option) if isinstance(option, str) else option for option in request["options"]
            ]
        return json.dumps(request)

    def _translated(self, option: str) -> str:
        if option in self._ours:
            return self._ours[option]
        return _GUID.sub(lambda found: self._ours.get(found.group(), found.group()), option)

    def _session(self, step: Step) -> Session:
        key = (step.scenario, step.who)
        if key not in self._sessions:
            self._sessions[key] = self.new_session(step.who)
        return self._sessions[key]

    def new_session(self, who: str) -> Session:
        """Return a new session of the recorded user `who`."""
        account = ACCOUNTS.get(who, who)
        client = Client(
            recorded_catalogue.subject(account),
            f"CN={account}, O=JAliEn, C=CH",
            EXPIRES.get(account, EXPIRES["jalien"]),
            "127.0.0.1",
        )
        session = self.front.session(client)
        assert session is not None
        return session


def _first_listing(command: str, played: Sequence[Step]) -> list[dict[str, Any]]:
    """Return the results of the first listing without options in the played recording, or else in the public one."""
    for step in (*played, *steps()):
        if step.command == command and not step.options and isinstance(step.reply, dict) and step.reply["results"]:
            listed: list[dict[str, Any]] = step.reply["results"]
            return listed
    return []


def differences(recorded: Any, reply: Any, *, is_help: bool = False) -> list[str]:  # noqa: ANN401
    """Return the differences, one line each; `is_help` says that the request asked for the usage text."""
    if not _is_document(recorded) or not _is_document(reply):
        return [] if recorded == reply else [f"reply: {recorded!r} / {reply!r}"]
    theirs, ours = normalised(recorded, is_help=is_help), normalised(reply, is_help=is_help)
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


def _is_document(reply: Any) -> bool:  # noqa: ANN401
    return isinstance(reply, dict) and "metadata" in reply and "results" in reply


def normalised(reply: dict[str, Any], *, is_help: bool = False) -> dict[str, Any]:
    """Return a reply with placeholders for volatile values and for usage texts."""
    is_help = is_help or reply["metadata"]["error"] == NO_ARGUMENT
    metadata = {name: _plain(name, value) for name, value in reply["metadata"].items()}
    if "\n\tat " in metadata["error"]:
        metadata["error"] = metadata["error"].partition("\n")[0]
    return {
        "metadata": metadata,
        "results": [
            {name: _plain(name, value, is_help=is_help) for name, value in result.items()}
            for result in reply["results"]
        ],
    }


def _plain(name: str, value: Any, *, is_help: bool = False) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {key: _plain(key, inner) for key, inner in value.items()}
    if not isinstance(value, str):
        return value
    if name in _NUMBERED:
        return f"<{name}>"
    if name == "message" and (is_help or "usage:" in value):
        return "<usage>"
    text = _ENVELOPE.sub("<envelope>&scitag", value)
    text = _PLACE.sub("/<place>/", _GUID.sub("<guid>", text))
    text = _GUID.sub("<guid>", text)
    text = _INTERVAL.sub("which is in <interval>)", _VERSION.sub(r"\1: <version>", text))
    text = re.sub(r'(dir|entryId)="\d+"', r'\1="<number>"', text)
    text = _DURATION.sub(r"\1<duration>", _MADE_BY.sub("by <address>", text))
    return _RUNNING_NUMBER.sub(r"\1<number>", _DATES.sub("<date>", _TIMES.sub("<time>", text)))


def main() -> int:
    """Replay recordings, print their differences and the number of equal replies; return 1 if replies differ."""
    parser = argparse.ArgumentParser(description="Replay recordings of a real central service against the sandbox's.")
    parser.add_argument("files", nargs="*", type=Path, default=[RECORDINGS / name for name in COUNTS])
    failed = False
    for file in parser.parse_args().files:
        outcome = asyncio.run(replay(steps(file)))
        sys.stdout.write(f"{file.name}: {outcome}\n")
        failed = failed or bool(outcome.reported)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
