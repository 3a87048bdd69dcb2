"""Editors, their clients and the daemon are killed while a text is open: no text is lost."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.faults.campaign import Ground, Order, Report, ground, kill, md5
from tests.faults.checker import Promises, check
from tests.harness import eventually

WHAT = "editors, their clients and the daemon killed under an open text"
ROUNDS, SHORT = 24, 3
_SCRATCH = ".local/state/aliend/default/scratch"


def run(order: Order) -> Report:
    """Kill one of the three in each round; then compare."""
    with ground(order) as place:
        editor = place.user.home / "editor"
        go = place.user.home / "go"
        editor.write_text(
            f'#!/bin/sh\necho "$$" > "{place.user.home}/editor.pid"\ncat "{place.user.home}/typed" >> "$1"\n'
            f'touch "{place.user.home}/written"\nwhile [ ! -e "{go}" ]; do sleep 0.05; done\n'
        )
        editor.chmod(0o755)
        place.user.variables["EDITOR"] = str(editor)
        texts = [_killed(place, number) for number in range(order.rounds)]
        promises = Promises(entries={f"{place.folder}text{number}": md5(text) for number, text in enumerate(texts)})
        check(place, promises)
        return place.report


def _killed(place: Ground, number: int) -> bytes:
    """Edit a new text and kill; return what the catalogue must have."""
    home, lfn, old = place.user.home, f"{place.folder}text{number}", b"old text %d\n" % number
    (home / "old").write_bytes(old)
    place.user.must("cp", "file:old", f"{lfn}@disk:2")
    typed = b"typed %d %s\n" % (number, place.chance.randbytes(8).hex().encode())
    (home / "typed").write_bytes(typed)
    for name in ("go", "written"):
        (home / name).unlink(missing_ok=True)
    process = place.user.start("edit", lfn)
    eventually((home / "written").exists, 60)
    editor = int((home / "editor.pid").read_text())
    match number % 3:
        case 0:
            kill(editor)
        case 1:
            process.send_signal(signal.SIGKILL)
        case _:
            place.user.kill_daemon()
            place.user.must("pwd")
    (home / "go").touch()
    process.communicate(timeout=60)
    place.report.faults += 1
    kept = [path for path in Path(home / _SCRATCH).glob("*/*") if path.is_file() and typed in path.read_bytes()]
    place.must_be(bool(kept), f"the text of round {number} is neither uploaded nor kept")
    return old
