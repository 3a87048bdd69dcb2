"""The incumbent client and ours query the same conditions database."""

from __future__ import annotations

import pytest

from tests.ccdb_server import ON_WEB, ccdb_server, version
from tests.side_by_side.corpus import Line
from tests.side_by_side.runner import Stage

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("side by side")]
FOLDER = {"name": "a", "ownFiles": 1, "ownSize": 1024, "filesInSubfolders": 2, "sizeOfSubfolders": 2048}
LFN = "/alice/cern.ch/user/a/alice/ccdb-side"


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        ("TPC/Calib", "F167"),
        ("-unixtime TPC/Calib", "F167"),
        ("-history -limit 3 TPC/Calib", "F167"),
        ("-report TPC/Calib", "F167"),
        ("nowhere", "F167"),
        ("-get -dst here TPC/Calib", "F168"),
        ("-get -dst here TPC/Twice", "F168"),
        ("-mirror -dst here TPC/Calib", "F168"),
    ],
)
def test_f167_f168_ccdb_behaves_as_in_the_incumbent(stage: Stage, words: str, rows: str) -> None:
    with ccdb_server() as server:
        replicas = [f"alien://{LFN}"]
        gain, pad = version("Gain", "e-1", ON_WEB, replicas), version("Pad", "e-2", ON_WEB, replicas)
        found = {"objects": [gain, pad], "subfolders": ["TPC/Calib/More"]}
        server.answers |= {"/latest/TPC/Calib": found, "/browse/TPC/Calib": found}
        server.answers["/browse/TPC/Calib?report=true"] = {"objects": [], "subfolders": [FOLDER]}
        server.answers["/latest/TPC/Twice"] = {
            "objects": [gain, {**gain, "ETag": '"e-3"', "id": "e-3"}],
            "subfolders": [],
        }
        copies = rows == "F168"
        line = Line(
            run=(f"ccdb -host {server.address} {words}",),
            compare=("code", "stdout", "local") if copies else ("code", "stdout"),
            forget=("speed", "number", "sort") if copies else (),
            local={"gain": ON_WEB.decode()} if copies else {},
            setup=(f"cp file:gain {LFN}@disk:1",) if copies else (),
        )
        assert _without_starts(stage, line, ours=True) == _without_starts(stage, line, ours=False)


def _without_starts(stage: Stage, line: Line, *, ours: bool) -> dict[str, object]:
    """Return the results; the incumbent announces each copy, ours does not."""
    values = (stage.ours(line) if ours else stage.theirs(line)).compared(line)
    lines = str(values["stdout"]).replace("jobID:", "\njobID:").splitlines()  # the incumbent's lines may run together
    return {**values, "stdout": sorted(one for one in lines if one and not one.endswith(">>> Start"))}
