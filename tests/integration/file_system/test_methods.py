"""Each method in the table of docs/fsspec.md works as the table says."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from alienctl.fsspec import AlienFileSystem
from tests.harness import ROOT

pytestmark = pytest.mark.xdist_group("fsspec-methods")
Check = Callable[[], object]


def listed(status: str) -> set[str]:
    """Return the methods of the table with a status; `open` has rows of its own for its modes."""
    rows = re.findall(rf"^\| (.+?) \| {status} \|", (ROOT / "docs/fsspec.md").read_text(encoding="utf-8"), re.M)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row) if " with " not in row}


def test_the_methods_of_the_table_work(files: AlienFileSystem, base: str, tmp_path: Path) -> None:
    file, local = f"{base}/file", tmp_path / "local"
    files.pipe(file, b"ab")
    local.write_bytes(b"ab")

    def copied(name: str, source: str) -> Check:
        return lambda: getattr(files, name)(source, f"{base}/{name}") or files.cat_file(f"{base}/{name}") == b"ab"

    def moved(name: str) -> Check:
        def check() -> bool:
            files.pipe(f"{base}/before-{name}", b"ab")
            getattr(files, name)(f"{base}/before-{name}", f"{base}/after-{name}")
            return bool(files.exists(f"{base}/after-{name}")) and not files.exists(f"{base}/before-{name}")

        return check

    def removed(name: str) -> Check:
        def check() -> bool:
            files.mkdir(f"{base}/gone") if name == "rmdir" else files.pipe(f"{base}/gone", b"x")
            getattr(files, name)(f"{base}/gone")
            return not files.exists(f"{base}/gone")

        return check

    def fetched(name: str) -> Check:
        return lambda: getattr(files, name)(file, str(tmp_path / name)) or (tmp_path / name).read_bytes() == b"ab"

    def written(name: str, value: bytes | str) -> Check:
        return lambda: getattr(files, name)(f"{base}/{name}", value) or files.size(f"{base}/{name}") == 2

    checks: dict[str, Check] = {
        "cat": lambda: files.cat(file) == b"ab",
        "cat_file": lambda: files.cat_file(file) == b"ab",
        "read_bytes": lambda: files.read_bytes(file) == b"ab",
        "read_text": lambda: files.read_text(file) == "ab",
        "head": lambda: files.head(file, 1) == b"a",
        "tail": lambda: files.tail(file, 1) == b"b",
        "read_block": lambda: files.read_block(file, 1, 1) == b"b",
        "cat_ranges": lambda: files.cat_ranges([file, file], [0, 1], [1, 2]) == [b"a", b"b"],
        "pipe": written("pipe", b"ab"),
        "pipe_file": written("pipe_file", b"ab"),
        "write_bytes": written("write_bytes", b"ab"),
        "write_text": written("write_text", "ab"),
        **{name: fetched(name) for name in ("get", "get_file", "download")},
        **{name: copied(name, str(local)) for name in ("put", "put_file", "upload")},
        **{name: copied(name, file) for name in ("cp", "cp_file", "copy")},
        **{name: moved(name) for name in ("mv", "move", "rename")},
        **{name: removed(name) for name in ("rm", "rm_file", "rmdir")},
        "ls": lambda: file in files.ls(base, detail=False),
        "listdir": lambda: file in [one["name"] for one in files.listdir(base)],
        "info": lambda: files.info(file)["size"] == 2,
        "stat": lambda: files.stat(file)["type"] == "file",
        "exists": lambda: files.exists(file) and not files.exists(f"{base}/none"),
        "lexists": lambda: files.lexists(file),
        "isfile": lambda: files.isfile(file) and not files.isfile(base),
        "isdir": lambda: files.isdir(base) and not files.isdir(file),
        "size": lambda: files.size(file) == 2,
        "sizes": lambda: files.sizes([file]) == [2],
        "find": lambda: file in files.find(base),
        "glob": lambda: files.glob(f"{base}/fil*") == [file],
        "walk": lambda: "file" in next(files.walk(base))[2],
        "du": lambda: files.du(file) == 2,
        "tree": lambda: "file" in files.tree(base),
        "expand_path": lambda: files.expand_path(f"{base}/fil*") == [file],
        "checksum": lambda: files.checksum(file) == files.info(file)["md5"] != "",
        "ukey": lambda: files.ukey(file) == files.info(file)["guid"] != "",
        "created": lambda: files.created(file) == files.modified(file),
        "modified": lambda: files.modified(file).tzinfo is not None,
        "mkdir": lambda: files.mkdir(f"{base}/d/e") or files.isdir(f"{base}/d/e"),
        "makedirs": lambda: files.makedirs(f"{base}/d/e/f", exist_ok=True) or files.isdir(f"{base}/d/e/f"),
        "touch": lambda: files.touch(f"{base}/touched") or files.size(f"{base}/touched") == 0,
        "get_mapper": lambda: list(files.get_mapper(f"{base}/d/e")) == [],
    }
    assert set(checks) == listed("supported")
    assert [name for name, check in checks.items() if not check()] == []


def test_the_methods_that_are_not_supported_say_so(files: AlienFileSystem, base: str) -> None:
    assert listed("not supported") == {"sign", "open_async"}
    with pytest.raises(NotImplementedError):
        files.sign(f"{base}/file")


async def test_asynchronous_files_are_not_supported(base: str) -> None:
    with pytest.raises(NotImplementedError):
        await AlienFileSystem(asynchronous=True, skip_instance_cache=True).open_async(f"{base}/file")
