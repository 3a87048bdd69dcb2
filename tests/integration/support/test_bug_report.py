"""`alienctl bug-report`: what it holds, who may read it, and that no secret is in it."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

from tests.harness import User

CANARY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7canary0Xy9Zz"


def contents(archive: Path) -> dict[str, str]:
    with tarfile.open(archive) as opened:
        members = {member.name.rpartition("/")[2]: opened.extractfile(member) for member in opened.getmembers()}
        return {name: file.read().decode() for name, file in members.items() if file}


def test_an_archive_has_all_that_helps_and_no_secret(user: User, folder: str) -> None:
    for name in ("JALIEN_TOKEN_CERT", "JALIEN_TOKEN_KEY"):
        user.variables[name] = shutil.copy(user.variables[name], str(user.home / name))
    key = Path(user.variables["JALIEN_TOKEN_KEY"]).read_text(encoding="utf-8")
    certificate = Path(user.variables["JALIEN_TOKEN_CERT"]).read_text(encoding="utf-8")
    user.must("cp", "data/run1/part00.root", "file:x")
    user.run("cp", f"missing?authz={CANARY}", "file:y")
    pem = f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----\n"
    configuration = user.home / ".config/aliend/config.toml"
    configuration.parent.mkdir(parents=True)
    configuration.write_text(f'# my passphrase is canary\n[credentials]\nuser_key = """{pem}"""\n', encoding="utf-8")
    with (user.home / ".local/state/aliend/default/aliend.log").open("a", encoding="utf-8") as log:
        log.write(f"{pem}root://alice:canary@se.example//x?authz={CANARY}\n")
    user.variables |= {"X509_USER_KEY": pem, "ALIEND_SECRET": "canary", "ALIEN_SITE": f"x?authz={CANARY}"}
    reported = user.must("bug-report", "-o", "report.tar.gz")
    archive = user.home / "report.tar.gz"
    assert f"the report is in {archive}" in reported
    assert archive.stat().st_mode & 0o777 == 0o600
    files = contents(archive)
    for name, text in files.items():
        assert "canary" not in text, name
        assert CANARY[:20] not in text, name
        for secret in (key, certificate):
            assert not [line for line in secret.splitlines()[1:-1] if line in text], name
    assert "48 checks" in files["doctor.txt"]
    assert "[job=1 transfer=1 attempt=1 se=ALICE::SANDBOX::SE" in files["log.txt"]
    assert list(files)[:2] == ["README.txt", "doctor.txt"]
    subject = json.loads(files["status.json"])["central"][0]["subject"]
    assert subject.startswith("C=ch/")
    assert f"as {subject} with {user.home}/JALIEN_TOKEN_CERT" in files["log.txt"]
    assert "/CN=alice" in files["doctor.txt"]
    newest, first = json.loads(files["jobs.json"])
    assert (newest["id"], newest["state"], newest["failed"], newest["reasons"][0]["state"]) == (
        2,
        "failed",
        1,
        "failed",
    )
    assert (first["state"], first["target"], first["done"]) == ("done", f"{user.home}/x", 1)
    database = json.loads(files["database.json"])
    assert database["unexpected_schema"] == {}
    assert database["rows"]["job"] == 2
    assert database["transfers"] == {"done": 1, "failed": 1}
    assert json.loads(files["status.json"])["running"] is True


def test_an_archive_that_cannot_be_written_is_explained_and_not_left(stranger: User) -> None:
    stranger.prefix = ("prlimit", "--fsize=500")
    refused = stranger.run("bug-report", "-o", "report.tar.gz")
    assert (refused.returncode, "report.tar.gz: File too large; name another" in refused.stderr) == (22, True)
    assert not (stranger.home / "report.tar.gz").exists()
    stranger.prefix = ("sh", "-c", 'mkdir gone && cd gone && rmdir ../gone && exec "$0" "$@"')
    refused = stranger.run("bug-report")
    assert "the working directory does not exist" in refused.stderr


def test_an_archive_is_not_replaced(stranger: User) -> None:
    (stranger.home / "report.tar.gz").write_text("mine", encoding="utf-8")
    refused = stranger.run("bug-report", "-o", "report.tar.gz")
    assert (refused.returncode, "exists, and is not replaced" in refused.stderr) == (22, True)
    assert (stranger.home / "report.tar.gz").read_text(encoding="utf-8") == "mine"
    document = stranger.json("bug-report")
    assert Path(document["file"]).parent == stranger.home
    assert "doctor.txt" in document["files"]
    assert "configuration.toml" not in document["files"]
