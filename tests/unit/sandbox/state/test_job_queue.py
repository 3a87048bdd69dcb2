"""Simulated jobs: states over time, listings, kill and restart."""

from __future__ import annotations

import pytest

from aliend.sandbox.service import contents
from tests.unit.sandbox.in_process_grid import Stage

SIMPLE = 'Executable = "/bin/hello"; Arguments = "$1";'
SLOW = 'Executable = "sleep"; SandboxRun = "60"; SandboxWait = "0";'


async def submit(stage: Stage, text: str, *arguments: str) -> str:
    reply = await stage.ask("submit", text, *arguments)
    assert reply.code == 0, reply.error
    return str(reply.results[0]["jobId"])


async def state(stage: Stage, number: str) -> str:
    reply = await stage.ask("ps", "-j", number)
    return str(reply.values("status")[0])


async def test_a_job_waits_runs_and_is_done(stage: Stage) -> None:
    reply = await stage.ask("submit", SIMPLE, "seven")
    number = reply.results[0]["jobId"]
    assert reply.text == f"Submitting the content that you passed to the command\nYour new job ID is {number}"
    seen = [await state(stage, number)]
    for _ in range(2):
        stage.wait(1.5)
        seen.append(await state(stage, number))
    assert seen == ["WAITING", "RUNNING", "DONE"]


async def test_jdl_and_trace_are_shown_on_demand(stage: Stage) -> None:
    number = await submit(stage, SIMPLE, "seven")
    stage.wait(10)
    trace = (await stage.ask("ps", "-trace", number)).values("trace")[0]
    assert "[state     ]: Job state transition from WAITING to RUNNING" in trace
    assert trace.splitlines()[-1].endswith("to DONE")
    assert trace.splitlines()[-1].split()[0].isdecimal()
    jdl = (await stage.ask("ps", "-jdl", number)).values("jdl")[0]
    assert 'Arguments = "seven";' in jdl
    for option in ("-trace", "-jdl"):
        unknown = await stage.ask("ps", option, "4711")
        assert (unknown.code, unknown.error, unknown.results) == (0, "", [])
        assert (await stage.ask("ps", option, "x")).code == 22
        assert (await stage.ask("ps", option)).error.startswith("Invalid argument : No job IDs to get the ")


async def test_a_description_is_read_from_the_grid(stage: Stage) -> None:
    reply = await stage.ask("submit", "nosuch.jdl")
    path = "/alice/cern.ch/user/a/alice/nosuch.jdl"
    assert (reply.code, reply.error) == (121, f"Remote I/O error : Not able to get the file {path}")
    assert reply.text == f"Submitting {path}"


async def test_a_missing_argument_is_reported(stage: Stage) -> None:
    reply = await stage.ask("submit", SIMPLE)
    assert reply.code == 22
    assert reply.error.endswith("failed:\n  The JDL indicates argument $1 but you haven't provided it")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('Arguments = "x";', "The JDL has to indicate an Executable"),
        ("Executable = ;", "The Executable name you indicated () cannot be located in any standard PATH"),
        ('Executable = "nosuch";', "The Executable name you indicated (nosuch) cannot be located in any standard PATH"),
        ('Executable = "/bin";', "The Executable name you indicated (/bin) cannot be located in any standard PATH"),
        (
            'Executable = "date"; ValidationCommand = "none";',
            "The ValidationCommand name you indicated (none) cannot be located in any standard PATH",
        ),
        ('Executable = "date"; InputFile = "x";', "InputFile contains an illegal entry: x"),
        ('Executable = "date"; InputFile = "/x";', "InputFile doesn't start with 'LF:' : /x"),
        ('Executable = "date"; SandboxError = "WAITING";', "SandboxError is not a state in which a job ends: WAITING"),
    ],
)
async def test_invalid_descriptions_are_rejected(stage: Stage, text: str, reason: str) -> None:
    reply = await stage.ask("submit", text)
    assert reply.code == 121
    assert reply.error == f"Remote I/O error : Task queue rejected your job due to:\n  {reason}"


async def test_missing_lfns_below_alice_are_accepted(stage: Stage) -> None:
    text = 'Executable = "/alice/no.sh"; InputData = {"LF:/alice/x,nodownload"}; Requirements = member(a,"b");'
    number = await submit(stage, text)
    assert 'Executable = "/alice/no.sh"' in (await stage.ask("ps", "-jdl", number)).values("jdl")[0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('Executable = "date", = ;', "JDL syntax error: quotes do not close at the end of string for tag Executable"),
        ('A = "x', "JDL syntax error: unfinished quotes in the value of tag A"),
        ("A = {x", "JDL syntax error: unclosed brackets in the value of tag A"),
        ("A-B = 1;", "Illegal character '-' in key 'A-B'"),
    ],
)
async def test_descriptions_with_syntax_errors_are_rejected(stage: Stage, text: str, reason: str) -> None:
    reply = await stage.ask("submit", text)
    assert (reply.code, reply.error) == (22, f"Invalid argument : Passing arguments to your job failed:\n  {reason}")


async def test_a_job_fails_on_demand_and_is_restarted(stage: Stage) -> None:
    number = await submit(stage, 'Executable = "hello"; SandboxError = "ERROR_E";')
    stage.wait(10)
    assert await state(stage, number) == "ERROR_E"
    assert (await stage.ask("ps", "-f", "ERROR_ALL")).values("id") == [number]
    assert (await stage.ask("resubmit", number, user="bob")).code == 1
    assert (await stage.ask("resubmit", number)).code == 0
    assert await state(stage, number) == "WAITING"
    stage.wait(10)
    assert await state(stage, number) == "DONE"
    assert (await stage.ask("resubmit", "4711")).error == (
        "Remote I/O error : Problem with the resubmit request of job ID 4711"
    )
    assert (await stage.ask("resubmit", "x")).code == 0
    for command in ("kill", "resubmit"):
        assert (await stage.ask(command, "9" * 19)).error == f"Invalid argument : Invalid job ID: {'9' * 19}"


async def test_the_output_of_a_job_is_on_the_grid(stage: Stage) -> None:
    number = await submit(
        stage, 'Executable = "hello"; OutputDir = "out"; Output = {"stdout@disk=1", "logs.zip:a.log,b.log@disk=2"};'
    )
    stage.wait(10)
    assert (await stage.ask("ls", "out")).values("name") == ["a.log", "b.log", "logs.zip", "stdout"]
    assert f"job {number} of alice" in (await stage.ask("cat", "out/stdout")).text
    (member,) = (await stage.ask("stat", "-v", "out/b.log")).results
    (archive,) = (await stage.ask("stat", "out/logs.zip")).results
    assert member["replicas"] == {"ZIP": f"guid:///{archive['guid']}?ZIP=b.log"}
    assert f"b.log: job {number} of alice" in (await stage.ask("cat", "out/b.log")).text


async def test_an_invalid_output_directory_is_ignored(stage: Stage) -> None:
    above = await submit(stage, 'Executable = "hello"; OutputDir = "/../../.."; Output = {"stdout"};')
    other = await submit(stage, 'Executable = "hello"; OutputDir = "files/tiny.dat/below"; Output = {"stdout"};')
    stage.wait(10)
    assert [await state(stage, number) for number in (above, other)] == ["DONE", "DONE"]
    assert (await stage.ask("type", "files/tiny.dat")).text == "file"


async def test_the_output_of_a_failed_job_is_registered(stage: Stage) -> None:
    number = await submit(stage, 'Executable = "hello"; OutputDir = "bad"; Output = {"log"}; SandboxError = "ERROR_V";')
    stage.wait(10)
    assert (await stage.ask("ls", "bad")).code == 2
    assert (await stage.ask("registerOutput", number, user="bob")).code == 1
    assert (await stage.ask("registerOutput", number)).text == "  /alice/cern.ch/user/a/alice/bad/log"
    assert "expiretime" in (await stage.ask("stat", "bad/log")).results[0]
    assert (await stage.ask("registerOutput", number)).code == 61
    assert (await stage.ask("registerOutput", "4711")).code == 3


async def test_subjobs_are_killed_with_their_master_job(stage: Stage) -> None:
    master = await submit(stage, SLOW + 'Split = "production:1-3"; Arguments = "#alien_counter_03i#";')
    assert await state(stage, master) == "SPLIT"
    parts = (await stage.ask("ps", "-m", master)).values("id")
    assert len(parts) == 3
    assert (await stage.ask("ps", "-M")).values("id") == [master]
    for options in ((), ("-M",), ("-m", master), ("-m", master, "-L"), ("-X",)):
        reply = await stage.ask("ps", *options)
        assert [line.split()[1] for line in reply.text.splitlines()] == reply.values("id")
    assert 'Arguments = "003";' in (await stage.ask("ps", "-jdl", parts[2])).text
    stage.wait(1)
    assert (await stage.ask("masterjob", master)).text == (
        f"Job {master} is in status: SPLIT\nSubjobs aggregated by state:\n"
        f"{'':16}Subjobs in RUNNING: 3\n\nIn total, there are 3 subjobs"
    )
    listed = (await stage.ask("masterjob", master, "-printid", "-printsite", "-id", parts[0])).text
    assert f"(ALICE::SANDBOX::CE1): 1 (ids: {parts[0]})" in listed
    killed = await stage.ask("kill", f"{master},4711")
    assert [(row["jobid"], row["status"]) for row in killed.results] == [(master, "killed")]
    assert [await state(stage, part) for part in parts] == ["KILLED"] * 3
    assert (await stage.ask("kill", master)).code == 121
    assert (await stage.ask("resubmit", master)).code == 0


async def test_a_finished_master_job_is_done_and_cannot_be_restarted(stage: Stage) -> None:
    data = "/alice/cern.ch/user/a/alice/data"
    files = ",".join(f'"LF:{data}/run{run}/part0{number}.root"' for run in (1, 2) for number in (1, 2, 3))
    master = await submit(stage, f'Executable = "hello"; Split = "directory"; InputData = {{{files}}};')
    assert len((await stage.ask("ps", "-m", master)).results) == 2
    stage.wait(10)
    assert await state(stage, master) == "DONE"
    assert (await stage.ask("resubmit", master)).code == 77


async def test_only_the_owner_kills_a_job_and_everybody_sees_it(stage: Stage) -> None:
    number = await submit(stage, SLOW)
    assert (await stage.ask("kill", number, user="bob")).values("status") == ["not_allowed"]
    assert (await stage.ask("ps", user="bob")).results == []
    assert (await stage.ask("ps", "-a", user="bob")).values("owner") == ["alice"]
    assert (await stage.ask("ps", "-u", "alice", user="bob")).values("id") == [number]
    assert (await stage.ask("kill", number, user="admin")).values("status") == ["killed"]


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["-f", "-r"], 1),
        (["-f", "R"], 1),
        (["-f", "ST"], 1),
        (["-f", "d,W"], 1),
        (["-W"], 1),
        (["-E"], 0),
        (["-X"], 2),
        (["-A"], 2),
        (["-l", "1"], 1),
        (["-s", "CE1"], 2),
        (["-n", "elsewhere"], 0),
        (["-t", "1"], 2),
        (["-t", "2,1"], 0),
    ],
)
async def test_ps_filters_jobs_by_state(stage: Stage, options: list[str], count: int) -> None:
    await submit(stage, SLOW)
    await submit(stage, 'Executable = "hello"; SandboxWait = "100";')
    stage.wait(1)
    assert len((await stage.ask("ps", *options)).results) == count


async def test_the_long_form_shows_the_site_of_a_job(stage: Stage) -> None:
    number = await submit(stage, SLOW)
    for option in (["-L"], ["-Fl"], ["-F", "l"]):
        row = (await stage.ask("ps", *option)).results[0]
        assert (row["site"], row["node"], row["name"]) == ("ALICE::SANDBOX::CE1", "localhost", "sleep")
    assert (await stage.ask("ps", "-id")).text == number


async def test_the_load_and_the_quota_are_counted(stage: Stage) -> None:
    await submit(stage, SLOW + 'Split = "production:1-2";')
    stage.wait(1)
    quota = (await stage.ask("jquota", "list")).results[0]
    assert (quota["running"], quota["waiting"], quota["maxTotalCpuCost"]) == ("2", "0", "1.0E7")
    assert (await stage.ask("uptime")).results[0]["running jobs"] == " 2"
    assert "  1. alice                |            2 |            0\n" in (await stage.ask("w")).results[0]["value"]
    assert (await stage.ask("jquota", "set", "alice", "maxUnfinishedJobs", "2")).code == 22
    assert (await stage.ask("jquota", "set", "alice", "maxUnfinishedJobs", "2", user="admin")).code == 0
    assert (await stage.ask("submit", SIMPLE, "x")).code == 121
    assert (await stage.ask("jquota", "set", "nobody", "priority", "2", user="admin")).code == 126
    assert (await stage.ask("jquota", "set", "alice", "speed", "2", user="admin")).code == 38
    assert (await stage.ask("jquota", "list", "nobody")).code == 126


async def test_computing_elements_are_listed_locked_and_matched(stage: Stage) -> None:
    number = await submit(stage, SLOW)
    both = ["ALICE::SANDBOX::CE1", "ALICE::SANDBOX::CE2"]
    assert (await stage.ask("listCEs")).values("ceName") == both
    assert (await stage.ask("listCEs", "-p", "sandbox")).values("ceName") == both[:1]
    assert (await stage.ask("jobListMatch", number)).values("ceName") == both
    refused = await stage.ask("setCEstatus", "-status", "locked", "ALICE::SANDBOX::CE2")
    assert (refused.code, refused.text) == (0, "Users must have the admin role to perform this action")
    unknown = await stage.ask("setCEstatus", "-status", "open", "NONE", user="admin")
    assert (unknown.code, unknown.text) == (0, "Error:  Could not set status open to CEs [NONE]")
    assert (await stage.ask("setCEstatus", "-status", "locked", "ALICE::SANDBOX::CE2", user="admin")).code == 0
    assert (await stage.ask("jobListMatch", number)).values("ceName") == both[:1]
    assert "sandbox" in (await stage.ask("listpartitions", "-v")).text
    assert (await stage.ask("packages")).values("packages") == ["VO_ALICE@Sandbox::v1", "VO_ALICE@Sandbox::v2"]
    for words in (["nosuch"], ["-p", "x"]):
        none = await stage.ask("packages", *words)
        assert (none.code, none.results) == (0, [])


async def test_a_description_file_is_submitted(stage: Stage) -> None:
    call = stage.service
    assert call.storage_directories
    number = await submit(stage, 'Executable = "hello"; OutputDir = "made"; Output = {"job.jdl"};')
    stage.wait(10)
    await stage.ask("ps")
    entry = stage.service.catalogue.names.get("/alice/cern.ch/user/a/alice/made/job.jdl")
    assert entry is not None
    for replica in stage.service.catalogue.replicas.replicas_of(entry.guid or ""):
        assert replica.se is not None
        file = contents.replica_file(stage.service, replica.se.number, replica.pfn)
        assert file is not None
        file.write_text(SIMPLE)
    reply = await stage.ask("submit", "made/job.jdl", "five")
    assert reply.text == f"Submitting /alice/cern.ch/user/a/alice/made/job.jdl\nYour new job ID is {int(number) + 1}"
