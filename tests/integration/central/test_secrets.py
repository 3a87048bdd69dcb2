"""No part of a key, a passphrase, a token or an envelope is in what any command prints, logs or leaves behind."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aliend.commands.command_names import all_names
from aliend.core.protocol.requests import READ_ONLY_COMMANDS
from tests.harness import User, make_user
from tests.integration.central.service import DAY, Authority, Issued, Service, document

pytestmark = pytest.mark.timeout(400)

PASSPHRASE = "canary-of-a-passphrase"
ENVELOPE = "-----BEGIN SEALED CIPHER-----\ncanary" + "Q0FOQVJZ" * 12 + "\n-----END SEALED CIPHER-----"
COMMANDS = sorted(all_names(frozenset()) | READ_ONLY_COMMANDS)
ATTRIBUTES = "Bag Attributes\n    friendlyName: alice\n    localKeyID: 01 02\nKey Attributes: <No Attributes>\n"
PIECE = 16
"""Length in characters of the parts of secrets that the test searches for."""


def pieces(secret: str) -> set[str]:
    """Parts of a secret that no harmless output holds."""
    lines = [line for line in secret.splitlines() if line and "-----" not in line and ":" not in line]
    return {line[at : at + PIECE] for line in lines for at in range(0, max(len(line) - PIECE, 0) + 1, PIECE)}


def base64_of(pem: str) -> str:
    return "".join(line for line in pem.splitlines() if "-----" not in line)


class Watched:
    """Runs commands with secrets around and remembers in which of them a part of a secret was seen."""

    def __init__(self, user: User, secrets: list[str], other: Issued) -> None:
        self.user = user
        self._pieces = set().union(*map(pieces, secrets)) - pieces(other.pair.key)  # what all keys begin with
        self.leaks: list[str] = []

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        done = self.user.run(*words, start_new_session=True, timeout=100)
        self._look(" ".join(words), done.stdout + done.stderr)
        return done

    def run_all(self, arguments: list[tuple[str, ...]]) -> int:
        """Run every command, four at a time; return the number with output."""
        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(lambda words: self.run(*words), arguments))
        return sum(bool(one.stdout or one.stderr) for one in done)

    def look_at_files(self) -> int:
        """Look into every file below the home but the database; how many there were."""
        files = [file for file in self.user.home.rglob("*") if file.is_file() and "aliend.db" not in file.name]
        for file in files:
            self._look(str(file), file.read_bytes().decode("utf-8", "replace"))
        return len(files)

    def _look(self, where: str, text: str) -> None:
        self.leaks += [f"{where}: {piece}" for piece in self._pieces if piece in text]


def reply_of(kind: str) -> str:
    """A reply that is wrong in one way and holds an envelope."""
    whole = document([{"envelope": ENVELOPE, "url": f"root://localhost:1//x?authz={ENVELOPE}", "se": "ALICE::A::B"}])
    match kind:
        case "cut":
            return whole[:-20]
        case "no object":
            return json.dumps([ENVELOPE])
        case "wrong results":
            return json.dumps({"metadata": {"exitcode": "0"}, "results": ENVELOPE})
        case "wrong number":
            return json.dumps({"metadata": {"exitcode": ENVELOPE}, "results": []})
        case _:
            return document([{"lfn": "/a/x", "size": ENVELOPE, "md5": ENVELOPE, "type": "f", "ctime": ENVELOPE}])


@pytest.fixture
def user(service: Service, authority: Authority) -> Iterator[User]:
    for made in make_user(
        {
            "ALIENPY_JCENTRAL": "localhost",
            "ALIENPY_JCENTRAL_PORT": str(service.port),
            "ALIENPY_CONNECT_TRIES": "1",
            "X509_CERT_FILE": authority.ca,
            "ALIENPY_DEBUG": "1",
            "ALIENPY_DEBUG_APPEND": "1",
            "PAGER": "cat",
            "EDITOR": "true",
        }
    ):
        (made.home / "tmp").mkdir()
        made.variables["TMPDIR"] = str(made.home / "tmp")
        yield made


def askpass(user: User, tmp_path: Path, answer: str) -> None:
    program = tmp_path / "askpass"
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o700)
    user.variables["ALIEND_ASKPASS"] = str(program)


def as_text_of_another_pair(user: User, token: Issued, own: Issued) -> None:
    user.variables["JALIEN_TOKEN_CERT"], user.variables["JALIEN_TOKEN_KEY"] = own.pair.certificate, token.pair.key
    user.variables["X509_USER_CERT"], user.variables["X509_USER_KEY"] = (
        own.pair.certificate,
        ATTRIBUTES + token.pair.key,
    )


def in_the_wrong_variables(user: User, token: Issued, own: Issued) -> None:
    user.variables["JALIEN_TOKEN_CERT"] = f"{ATTRIBUTES}{token.pair.key}".replace("\n", "\r\n")
    user.variables["JALIEN_TOKEN_KEY"] = base64_of(token.pair.key)
    user.variables["X509_USER_CERT"] = base64_of(own.pair.key)
    user.variables["X509_USER_KEY"] = own.pair.certificate + own.pair.key.replace("END", "EMD")


def damaged(user: User, token: Issued, own: Issued) -> None:
    cut = own.pair.key.splitlines()
    user.variables["JALIEN_TOKEN_CERT"], user.variables["JALIEN_TOKEN_KEY"] = (
        token.pair.certificate,
        token.pair.key[:90],
    )
    user.variables["X509_USER_CERT"], user.variables["X509_USER_KEY"] = (
        own.pair.certificate,
        "\n".join(cut[1:-1]) + "\n",
    )


@pytest.mark.parametrize("give", [as_text_of_another_pair, in_the_wrong_variables, damaged])
async def test_a_key_in_a_variable_is_never_shown(
    user: User, authority: Authority, give: Callable[[User, Issued, Issued], None]
) -> None:
    token, own = authority.issue("token"), authority.issue("own")
    give(user, token, own)
    watched = Watched(user, [token.pair.key, own.pair.key], authority.issue("other"))
    assert await asyncio.to_thread(watched.run_all, [(command,) for command in COMMANDS]) > len(COMMANDS) // 2
    assert await asyncio.to_thread(watched.look_at_files) > 1
    assert watched.leaks == []


async def test_a_passphrase_and_the_key_that_it_opens_are_never_shown(
    user: User, service: Service, authority: Authority, tmp_path: Path
) -> None:
    own = authority.issue("alice", ends=300 * DAY, passphrase=PASSPHRASE)
    token = authority.issue("alice-token", ends=31 * DAY)
    user.variables["X509_USER_CERT"], user.variables["X509_USER_KEY"] = own.pair.certificate, ATTRIBUTES + own.pair.key
    watched = Watched(user, [own.pair.key, token.pair.key, PASSPHRASE, f"{PASSPHRASE}-wrong"], authority.issue("other"))
    askpass(user, tmp_path, f"{PASSPHRASE}-wrong")
    for command in ("whoami", "token-init", "certkey-match", "ls"):
        assert (await asyncio.to_thread(watched.run, command)).returncode
    askpass(user, tmp_path, PASSPHRASE)
    service.replies["token"] = document([{"tokencert": token.pair.certificate, "tokenkey": own.pair.key}])
    assert (await asyncio.to_thread(watched.run, "token-init")).returncode
    service.replies["token"] = document([{"tokencert": token.pair.key, "tokenkey": token.pair.key}])
    assert (await asyncio.to_thread(watched.run, "token-init")).returncode
    assert await asyncio.to_thread(watched.look_at_files) > 1
    service.replies["token"] = document([{"tokencert": token.pair.certificate, "tokenkey": token.pair.key}])
    for command in ("token-init", "certkey-match", "tokenkey-match", "token-info", "whoami"):
        await asyncio.to_thread(watched.run, command)
    key = next((user.home / "tmp").glob("tokenkey_*.pem"))
    assert key.read_text() == token.pair.key
    key.unlink()
    assert await asyncio.to_thread(watched.look_at_files) > 1
    assert watched.leaks == []


@pytest.mark.parametrize("kind", ["cut", "no object", "wrong results", "wrong number", "wrong values"])
async def test_an_envelope_in_a_broken_reply_is_never_shown(
    user: User, service: Service, authority: Authority, kind: str
) -> None:
    alice = authority.issue("alice")
    user.variables["JALIEN_TOKEN_CERT"], user.variables["JALIEN_TOKEN_KEY"] = alice.pair.certificate, alice.pair.key
    asked = (
        "access",
        "stat",
        "ls",
        "find",
        "whereis",
        "df",
        "ps",
        "listSEs",
        "token",
        "commandlist",
        "pfn",
        "lfn2guid",
    )
    for command in asked:
        service.replies[command] = reply_of(kind)
    watched = Watched(user, [alice.pair.key, ENVELOPE], authority.issue("other"))
    arguments = [("cp", "/a/x", "file:x"), ("cat", "/a/x"), ("lfn2uri", "/a/x"), ("cp", "file:askpass", "/a/y")]
    if kind != "wrong values":  # what is no error is printed as the service sent it
        arguments += [(command, "/a/x") for command in asked]
    assert await asyncio.to_thread(watched.run_all, arguments) == len(arguments)
    assert await asyncio.to_thread(watched.look_at_files) > 1
    assert watched.leaks == []
