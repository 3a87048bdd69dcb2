"""A second user who keeps planting links and directories under our names, while we create and use them there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import ROOT, needs_root, shared_directory

pytestmark = needs_root
VICTIM, OTHER = 23456, 23457
ROUNDS = 40
"""How often we must have got a place, and how often the other user must have been in the way."""
PLANTER = """
import itertools, os, sys

shared, trap, name = sys.argv[1:]
os.setgroups([])
os.setresgid(OTHER, OTHER, OTHER)
os.setresuid(OTHER, OTHER, OTHER)
os.umask(0)
os.chdir(shared)
os.symlink(trap, "to-trap")
os.mkdir("open")
os.symlink(trap, "open/default")
os.mkdir("closed", 0o755)
with open("file", "w") as file:
    file.write("planted")
for planted in itertools.cycle(("to-trap", "open", "closed", "file")):
    if os.getppid() == 1:
        sys.exit()
    try:
        os.rename(planted, name)
        os.rename(name, planted)
    except OSError:
        pass
"""
VICTIM_PROGRAM = """
import json, os, shutil, sys, time
from pathlib import Path

from aliend.errors import AliendError

kind, usual, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])

if kind == "daemon":
    from aliend.lifecycle.state_directory import take_lock
    from aliend.private_directories import make_private
    from aliend.temporary_directories import own_directory

    def use(root):
        make_private(f"{root}/default/spool")
        take_lock(f"{root}/default").close()
        Path(f"{root}/default/spool/file").write_text("ours")
elif kind == "client":
    from alienctl.daemon.start import _open_private
    from alienctl.transport import own_directory

    def use(root):
        place = _open_private(f"{root}/default")
        os.close(os.open("start.lock", os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600, dir_fd=place))
        os.close(place)
else:
    from aliend.central.credentials import pem_files, private_files
    from aliend.core.connection.pem import PemFile

    def own_directory(path):
        return path

    def use(path):
        private_files.write_all({path: "ours"})
        assert pem_files.text_of(PemFile(path, is_default=True)) == "ours"

def clean():
    for path in Path(usual).parent.glob(f"{Path(usual).name}*"):
        if path.lstat().st_uid == VICTIM:
            shutil.rmtree(path) if path.is_dir() else path.unlink()

os.setgroups([])
os.setresgid(VICTIM, VICTIM, VICTIM)
os.setresuid(VICTIM, VICTIM, VICTIM)
used = refused = 0
end = time.monotonic() + 60
while (used < rounds or refused < rounds) and time.monotonic() < end:
    place = own_directory(usual)
    try:
        use(place)
    except (AliendError, OSError):
        refused += 1
    else:
        used += place == usual
        refused += place != usual
        assert os.lstat(place).st_uid == VICTIM
    try:
        clean()
    except FileNotFoundError:  # a name of the other user
        pass
print(json.dumps([used, refused]))
"""


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory in which everybody may create names, beside a directory `trap` of the victim."""
    with shared_directory() as place:
        (trap := place.parent / "trap").mkdir()
        os.chown(trap, VICTIM, VICTIM)
        yield place


def script(text: str, *words: str) -> list[str]:
    """Return the command of a program that gives up root first."""
    return [sys.executable, "-c", text.replace("VICTIM", str(VICTIM)).replace("OTHER", str(OTHER)), *words]


@pytest.mark.parametrize("kind", ["daemon", "client", "token"])
def test_nothing_of_ours_gets_into_a_planted_place(shared: Path, kind: str) -> None:
    trap = shared.parent / "trap"
    with subprocess.Popen(script(PLANTER, str(shared), str(trap), "aliend-7")) as planter:
        try:
            victim = script(VICTIM_PROGRAM, kind, str(shared / "aliend-7"), str(ROUNDS))
            done = subprocess.run(victim, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
        finally:
            planter.kill()
    assert done.returncode == 0, done.stderr
    used, refused = json.loads(done.stdout)
    assert used >= ROUNDS
    assert refused >= ROUNDS
    assert list(trap.iterdir()) == []
    theirs = [path for path in shared.rglob("*") if path.lstat().st_uid == OTHER]
    assert not [path for path in shared.rglob("*") if path.parent in theirs and path.lstat().st_uid == VICTIM]
    assert [path.read_text() for path in theirs if path.is_file()] == ["planted"]
