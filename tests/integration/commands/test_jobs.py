"""Jobs of the grid: submitting, looking at them, and what happens to them."""

from __future__ import annotations

import json
import re

from tests.harness import User, eventually

JDL = 'Executable = "/bin/date";\nSandboxWait = 0;\nSandboxRun = 0;\n'
LONG = 'Executable = "/bin/date";\nSandboxWait = 600;\n'


def submitted(user: User, text: str = JDL, *words: str) -> str:
    (user.home / "work.jdl").write_text(text, encoding="utf-8")
    reported = user.must("submit", "file:work.jdl", *words)
    number = re.search(r"Your new job ID is (\d+)", reported)
    assert number, reported
    return number[1]


def done(user: User, number: str) -> None:
    eventually(lambda: user.json("ps", "-j", number)["results"][0]["status"] == "DONE")


def test_f160_a_local_description_is_put_into_the_grid_first(user: User) -> None:
    (user.home / "my work.jdl").write_text(JDL, encoding="utf-8")
    reported = user.run("submit", "file:my work.jdl")
    assert reported.returncode == 0
    lfn = reported.stderr.strip().rpartition(" as ")[2]
    assert re.fullmatch(r"/alice/cern.ch/user/a/alice/jdl/my work-[0-9a-f]{12}\.jdl", lfn)
    assert reported.stdout.startswith(f"Submitting {lfn}\nYour new job ID is ")
    user.must("cp", lfn, "file:back")
    assert (user.home / "back").read_text(encoding="utf-8") == JDL
    assert "Your new job ID is" in user.must("submit", f"file:{user.home}/my work.jdl")


def test_f160_arguments_reach_a_local_description(user: User) -> None:
    number = submitted(user, f'{JDL}Arguments = "$1 $2";\n', "one", "two")
    assert "one two" in user.must("ps", "-jdl", number)


def test_f160_what_cannot_be_read_is_an_error(user: User) -> None:
    missing = user.run("submit", "file:none.jdl")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert f"cannot read the job description {user.home}/none.jdl" in missing.stderr
    directory = user.run("submit", f"file:{user.home}")
    assert directory.returncode == 2
    (user.home / "large").write_bytes(b"#" * (2 << 20))
    assert "too large" in user.run("submit", "file:large").stderr
    (user.home / "empty").write_bytes(b"")
    empty = user.run("submit", "file:empty")
    assert empty.returncode == 22
    assert "is empty" in empty.stderr


def test_f160_names_are_expanded(user: User) -> None:
    (user.home / "x.jdl").write_text(JDL, encoding="utf-8")
    folder = f"sub-{user.home.name}"
    user.must("cp", "file:x.jdl", f"{folder}/x.jdl@disk:1")
    user.must("cd", folder)
    for name in ("x.jdl", "./x.jdl", f"~/{folder}/x.jdl", f"%ALIEN/{folder}/x.jdl"):
        assert "Your new job ID is" in user.must("submit", name), name


def test_f157_times_in_a_trace_are_readable(user: User) -> None:
    number = submitted(user)
    done(user, number)
    lines = user.must("ps", "-trace", number).splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d{4} \[", line) for line in lines)
    assert re.match(r"\d{10} \[", user.must("ps", "--trace", number))


def test_f158_facts_about_jobs(user: User) -> None:
    first, second = submitted(user), submitted(user)
    done(user, second)
    text = user.must("jobInfo", f"{first},{second}", "-trace", "-proc")
    assert text.count("Machine info:") == 2
    assert "WorkerNode: localhost" in text
    assert re.search(r"^Trace info:\n\d{4}-", text, re.MULTILINE)
    assert re.search(r"^State info:\n\d{10}  ", user.must("jobInfo", first, "-unixtime"), re.MULTILINE)
    assert json.loads(user.must("jobInfo", first, "-jdl"))["Executable"] == "/bin/date"
    (job,) = json.loads(user.must("jobInfo", first, "--json"))
    assert (job["id"], job["trace"]["wn"], job["jdl"]["Executable"]) == (first, "localhost", "/bin/date")


def test_f158_missing_jobs_are_reported(user: User) -> None:
    number = submitted(user)
    some = user.run("jobInfo", number, "987654321")
    assert some.returncode == 2
    assert "Machine info:" in some.stdout
    assert "job 987654321 does not exist" in some.stderr
    assert user.run("jobInfo").returncode == 22


def test_f159_jobs_of_a_site(user: User) -> None:
    number = submitted(user)
    done(user, number)
    lines = user.must("siteJobs", "sandbox").splitlines()
    assert lines[0].split() == ["JobID", "MasterJobID", "Status", "User", "Name"]
    assert number in user.must("siteJobs", "SANDBOX", "-id").splitlines()
    assert number in user.must("siteJobs", "SANDBOX", "-id", "-status", "DONE", "-user", "alice").splitlines()
    assert number not in user.must("siteJobs", "SANDBOX", "-id", "-running").splitlines()
    assert number in [job["id"] for job in json.loads(user.must("siteJobs", "SANDBOX", "--json"))]
    missing = user.run("siteJobs", "NOWHERE")
    assert missing.returncode == 22
    assert "SANDBOX::CE1" in missing.stderr


def test_f144_jobs_are_killed_and_submitted_again(user: User) -> None:
    number = submitted(user, LONG)
    assert f"Killed: {number}" in user.must("kill", number)
    assert user.json("ps", "-j", number)["results"][0]["status"] == "KILLED"
    assert "back to WAITING" in user.must("resubmit", number)
    master = submitted(user, f'{LONG}Split = "production:1-2";\n')
    assert "there are 2 subjobs" in user.must("masterjob", master)
