"""A name with control characters: no command sends them to a terminal, and a newline never begins another name."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import threading
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from tests.harness import Grid, User

NAME = "new\n_fake\x1b[35;5mred\x07\x9b31m\u202eexe"
RAW = re.compile(r"\n_fake|\x1b\[35;5m|\x07|\x9b|\u202e|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]")
"""What the name would do if it arrived unchanged."""


@pytest.fixture
def hostile(user: User, grid: Grid, folder: str) -> Iterator[str]:
    """Create a file and a directory with that name; return the directory of the catalogue."""
    assert grid.control("file", f"{folder}{NAME}", "1K", "--copies", "2").returncode == 0
    assert grid.control("file", f"{folder}{NAME}d/{NAME}", "1K").returncode == 0
    (user.home / "local").write_bytes(b"local")
    yield folder
    user.run("rm", "-rf", folder)


def on_a_terminal(user: User, *words: str) -> str:
    """Return what `alienctl WORDS` writes to a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [user.command, *words],
        env={**user.environment, "TERM": "xterm", "PAGER": "cat"},
        cwd=user.home,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        content, guard = b"", threading.Timer(60, process.kill)
        guard.start()
        try:
            while piece := os.read(ours, 65536):
                content += piece
        except OSError:  # the end of a terminal
            pass
        finally:
            os.close(ours)
            process.wait()
            guard.cancel()
    return content.decode("utf-8", "surrogateescape").replace("\r\n", "\n")


def lines(folder: str) -> list[list[str]]:
    file, below = f"{folder}{NAME}", f"{folder}{NAME}d/"
    commands = """
        ls|ls -l|ls -la D|la D|ll D|lla D|ls F|ls -l F|ls B|find D *|find D new*|find -wh D *|find -f D *|find -c D *
        find -x - D *|find2 D|find2 -l 10 D|find2 -d D *|stat F|stat -v F|stat B|whereis F|whereis -r F|whereis -g F
        lfn2guid F|lfn2guid B|du F|du D|du -s D|md5sum F|type F|access read F|pfn F|pfn-status F|lfn2uri F|toXml F
        toXml D|xrdstat -v F|listSEDistance -read F|showTagValue -t x F|archiveList F|listFilesFromCollection F
        mirror -S disk:1 F|replicate F --to disk:1|chmod 700 F|chown alice F|cat Fmissing|head Fmissing|ls Fmissing
        whereis Fmissing|du Fmissing|rm Fmissing|rmdir Fmissing|mv Fmissing Fother|cd Fmissing|find Fmissing *
        md5sum Fmissing|lfn2guid Fmissing|type Fmissing|pfn Fmissing|lfn2uri Fmissing|toXml Fmissing|cp Fmissing file:x
        cp --dry-run F file:there/|cp F file:better|cp D file:target/|cp -f file:local F|cp -f F file:better2 D file:t3/
        cp --dry-run D file:other/|sync --dry-run D file:synced/|sync D file:synced/|sync --dry-run --delete file:e/ D
        transfers list --all|transfers show 1|transfers show 2 --attempts|transfers show 3|transfers why
        transfers watch 1 --since 0|transfers watch 2 --since 0
        cd B|pwd|dirs|pushd D|popd|submit F|touch F|mkdir F|mkdir -p Fx/y|rmdir B
        doctor|daemon status|daemon logs|__complete fish alienctl~ls~new|__complete bash alienctl~stat~new|top
        ccdb F|ps F|jobInfo F|testSE F|quota F|fquota list F|user F|listTransfer F|kill F
        cd B|ls missing|stat missing|cat missing|cp missing file:x|rm missing|du missing|whereis missing|mv missing z
        find missing *|md5sum missing|lfn2guid missing|toXml missing|touch missing/x|mkdir missing/x|cd missing|cd D
        cp file:Lmissing D|cp file:L/missing D|ls --L|ls -L|stat --L
        mv F Fmoved|rm Fmoved|rm -rf D
    """
    names = {"D": folder, "F": file, "B": below}
    return [
        [
            names.get(word) or (file + word[1:] if word[:1] == "F" else word.replace("~", " ").replace("L", NAME))
            for word in line.split()
        ]
        for part in commands.strip().split("\n")
        for line in part.strip().split("|")
    ]


def test_no_command_sends_the_name_unchanged_to_a_terminal(user: User, hostile: str) -> None:
    wrong = []
    for words in lines(hostile):
        output = on_a_terminal(user, *words)
        if found := RAW.search(output):
            wrong.append((words, output[max(0, found.start() - 80) : found.end() + 20]))
    assert not wrong


def test_a_pipe_gets_the_name_on_one_line_and_otherwise_unchanged(user: User, hostile: str) -> None:
    shown = NAME.replace("\n", "\\x0a")
    for command in ("ls", "find2", "stat", "whereis", "lfn2guid", "du", "md5sum", "pfn-status"):
        assert shown in user.must(command, hostile if command == "find2" else f"{hostile}{NAME}")


def test_a_collection_keeps_the_newline_of_a_name(user: User, grid: Grid, folder: str) -> None:
    assert grid.control("file", f"{folder}new\nline", "1K").returncode == 0
    for words in (["toXml", f"{folder}new\nline"], ["find", "-x", "-", folder, "*"]):
        (file,) = ElementTree.fromstring(user.must(*words)).iter("file")
        assert file.attrib["lfn"] == f"{folder}new\nline"
