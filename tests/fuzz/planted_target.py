"""The target that leaves files of the wrong kind under the names that aliend reads by itself.

An input has a line with the name and the kind of a file, and then its content.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest import mock

from alienctl.daemon import record
from aliend import config
from aliend.central.connection.jbox import find_services
from aliend.central.credentials import authority_files, certificate_search, certificates, pem_files, private_keys
from aliend.commands.command_names import read_if_exists
from aliend.core.connection.context import Context
from aliend.core.connection.pem import PemSource
from aliend.errors import AliendError
from aliend.lifecycle import log_file, state_directory
from tests.fuzz.target import CORPORA, Target, must_be

OTHER = 65534
_UID = os.getuid()
_NAMES = {
    "token": f"tmp/tokencert_{_UID}.pem",
    "token-key": f"tmp/tokenkey_{_UID}.pem",
    "jbox": f"tmp/jclient_token_{_UID}",
    "certificate": ".globus/usercert.pem",
    "key": ".globus/userkey.pem",
    "authority": ".globus/certificates/CERN-GridCA.pem",
    "configuration": ".config/aliend/config.toml",
    "directories": ".config/user-dirs.dirs",
    "aliases": ".alienpy_aliases",
    "lock": ".local/state/aliend/default/lock",
    "log": ".local/state/aliend/default/aliend.log",
}
_HUGE = 3 << 30
_MOST_MEMORY = 64 << 10
"""KiB by which the process may grow while it reads."""


def _huge(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    os.truncate(path, _HUGE)


def _link(path: Path, content: bytes) -> None:
    (target := path.with_name("target")).write_bytes(content)
    target.chmod(0o600)
    path.symlink_to(target)


def _foreign(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with suppress(PermissionError):
        os.chown(path, OTHER, OTHER)


_KINDS: dict[str, Callable[[Path, bytes], object]] = {
    "text": lambda path, content: path.write_bytes(content),
    "fifo": lambda path, _: os.mkfifo(path),
    "directory": lambda path, _: path.mkdir(),
    "link": _link,
    "loop": lambda path, _: path.symlink_to(path.name),
    "zero": lambda path, _: path.symlink_to("/dev/zero"),
    "huge": _huge,
    "foreign": _foreign,
}


class _Place:
    """The home of this process."""

    home = Path()

    @classmethod
    def check(cls, data: bytes) -> None:
        first, _, content = data.partition(b"\n")
        name, _, kind = first.decode("latin-1").partition(" ")
        with _planted(cls.home, name, kind, content) as path:
            Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM to the memory that is used now
            before = _peak_memory()
            _read_all(cls.home)
            grown = _peak_memory() - before
            must_be(grown < _MOST_MEMORY, f"{grown} KiB of memory for {path}")


def _peak_memory() -> int:
    """Return the most memory that the process has used, in KiB; VmHWM of proc(5)."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmHWM"].split()[0])


@contextmanager
def _planted(home: Path, name: str, kind: str, content: bytes) -> Iterator[Path]:
    path = home / _NAMES.get(name, _NAMES["token"])
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.parent.name == "tmp":
        path.parent.chmod(0o1777)
    _KINDS.get(kind, _KINDS["text"])(path, content)
    if path.is_file() and not path.is_symlink():
        path.chmod(0o600)
    try:
        yield path
    finally:
        for place in home.iterdir():
            shutil.rmtree(place) if place.is_dir() else place.unlink()


def _read_all(home: Path) -> None:
    variables = {"HOME": str(home), "TMPDIR": str(home / "tmp"), "XDG_RUNTIME_DIR": str(home)}
    read_if_exists(str(home / ".alienpy_aliases"))
    certificate_search._download_directory(home, home / ".config")
    with suppress(AliendError):
        authority_files.load(str(home / ".globus/certificates"))
    state = home / ".local/state/aliend/default"
    state.mkdir(parents=True, exist_ok=True)
    record.read(str(state))
    state_directory.read_record(str(state))
    with suppress(AliendError):
        if lock := state_directory.take_lock(str(state)):
            lock.close()
    log_file.LogFile(str(state / "aliend.log")).close()
    try:
        context = config.load("default", variables).context()
    except AliendError:
        return
    find_services(context)
    _read_credentials(context)


def _read_credentials(context: Context) -> None:
    for files in (context.token, context.user):
        for read, source in ((certificates.facts_of, files.certificate), (private_keys.read_key, files.key)):
            with suppress(AliendError):
                read(source)
                must_be(not _is_planted(source), f"{source} is not ours, and was read")


def _is_planted(source: PemSource) -> bool:
    """Return whether a file is a link or another user's, where others can create files."""
    path = Path(str(source))
    return path.parent.name == "tmp" and (path.is_symlink() or path.lstat().st_uid != os.geteuid())


@contextmanager
def _home(_defect: str) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as home:
        _Place.home = Path(home)
        yield


def _change(data: bytes, chance: random.Random) -> bytes:
    first, _, content = data.partition(b"\n")
    name, _, kind = first.decode("latin-1").partition(" ")
    if chance.random() < 0.5:
        name = chance.choice(list(_NAMES))
    if chance.random() < 0.5:
        kind = chance.choice(list(_KINDS))
    if chance.random() < 0.5:
        files = [*(CORPORA / "pem").iterdir(), *(CORPORA / "configuration").iterdir()]
        content = chance.choice(sorted(files)).read_bytes()
    return f"{name} {kind}\n".encode("latin-1") + content


def _read_whole(path: Path, _: int = 0) -> bytes:
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(128 << 20)


TARGETS = (
    Target(
        "planted-files",
        _Place.check,
        {
            "planted files are read": lambda: mock.patch.object(pem_files, "_is_exposed", return_value=False),
            "files of any size are read": lambda: mock.patch.object(config, "read_small", _read_whole),
        },
        place=_home,
        change=_change,
        examples=150,
    ),
)
