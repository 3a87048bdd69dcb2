"""Less common commands: replicas, collections, archives, contents, expiry, storage checks, administration."""

from __future__ import annotations

import hashlib
import re

import pytest

from aliend.sandbox.commands import COMMANDS, HIDDEN
from aliend.sandbox.commands.service.messages import LISTED_COMMANDS
from aliend.sandbox.server.seed import content
from aliend.sandbox.service import contents
from tests.unit.sandbox.in_process_grid import Stage

HOME = "/alice/cern.ch/user/a/alice/"
ONE = f"{HOME}files/one-copy.dat"
ARCHIVE = f"{HOME}archive/root_archive.zip"


async def put(stage: Stage, lfn: str, text: str) -> None:
    """Write a text file as alice."""
    size, md5 = str(len(text)), hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    await stage.ask("rm", "-f", lfn)
    ticket = (await stage.ask("access", "-s", size, "-m", md5, "write", lfn, "disk:1")).results[0]
    number = {"ALICE::SANDBOX::SE1": 1, "ALICE::SANDBOX::SE2": 2}[ticket["se"]]
    file = contents.replica_file(stage.service, number, ticket["url"])
    assert file is not None
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    done = await stage.ask("commit", ticket["envelope"], size, lfn, "", "", "", "", "", md5)
    assert done.results[0]["lfn"] == "1"


async def test_every_command_has_a_help_text(stage: Stage) -> None:
    for name in COMMANDS:
        reply = await stage.ask(name, "-h")
        assert (reply.code, reply.error) == (0, "")
        assert f"\nusage: {name} " in reply.text


def test_every_listed_command_exists() -> None:
    assert set(LISTED_COMMANDS) - COMMANDS.keys() == {"cp"}
    assert not COMMANDS.keys() & HIDDEN


async def test_help_precedes_wrong_options_unless_these_are_hidden(stage: Stage) -> None:
    assert (await stage.ask("ls", "-z", "-h")).code == 0
    assert (await stage.ask("listSEs", "-z", "-h")).error == "Command not found or not implemented yet"


async def test_a_queued_mirror_is_created(stage: Stage) -> None:
    queued = await stage.ask("mirror", ONE, "alice::sandbox::se2")
    assert queued.text == "ALICE::SANDBOX::SE2: queued transfer ID 1"
    assert (await stage.ask("mirror", ONE, "ALICE::SANDBOX::SE2")).text == queued.text
    assert (await stage.ask("whereis", ONE)).values("seNumber") == ["1"]
    assert "WAITING" in (await stage.ask("listTransfer")).text
    stage.wait(2)
    assert (await stage.ask("whereis", ONE)).values("seNumber") == ["1", "2"]
    assert "DONE" in (await stage.ask("listTransfer", "-user", "alice", "-verbose", "-jdl")).text
    assert (await stage.ask("xrdstat", ONE)).values("status") == ["ok", "ok"]
    # the service says nothing about a storage element that has the file, or that does not exist
    for name in ("ALICE::SANDBOX::SE2", "ALICE::NO::SUCH"):
        silent = await stage.ask("mirror", ONE, name)
        assert (silent.code, silent.error, silent.results) == (0, "", [])


async def test_a_mirror_may_replace_a_replica(stage: Stage) -> None:
    assert (await stage.ask("mirror", "-r", "ALICE::SANDBOX::SE1", "-S", "disk:1", ONE)).code == 0
    stage.wait(2)
    assert (await stage.ask("whereis", ONE)).values("seNumber") == ["2"]


@pytest.mark.parametrize(
    ("options", "code", "error"),
    [
        (["nosuch", "ALICE::SANDBOX::SE2"], 0, f"Failed to mirror {HOME}nosuch\n"),
        (["/alice/cern.ch/user/b/bob/shared.txt", "ALICE::SANDBOX::SE2"], 0, None),
        (["-g", "nosuch", "ALICE::SANDBOX::SE2"], 22, "Invalid argument : Invalid GUID value: nosuch"),
        ([ONE], 2, "Command not found or not implemented yet"),
        (["-S", "disk:x", ONE], 2, "Command not found or not implemented yet"),
        (["-z", ONE], 22, "Invalid argument : z is not a recognized option"),
    ],
)
async def test_problems_with_mirrors_are_reported(
    stage: Stage, options: list[str], code: int, error: str | None
) -> None:
    reply = await stage.ask("mirror", *options)
    assert reply.code == code
    assert reply.error == error if error is not None else reply.error.startswith("Failed to mirror ")


@pytest.mark.parametrize(
    ("user", "words", "text"),
    [
        ("alice", [f"{HOME}nosuch", "ALICE::SANDBOX::SE1"], "invalid GUID"),
        ("alice", [ONE, "ALICE::NO::SUCH"], "failed to get SE"),
        ("bob", [ONE, "ALICE::SANDBOX::SE1"], "user not authorized"),
        ("alice", [ONE, "ALICE::SANDBOX::SE2"], "unknown error"),
    ],
)
async def test_a_replica_that_cannot_be_deleted_is_reported(
    stage: Stage, user: str, words: list[str], text: str
) -> None:
    reply = await stage.ask("deleteMirror", *words, user=user)
    assert (reply.code, reply.error) == (121, f"Remote I/O error : Error deleting mirror: {text}")


async def test_the_last_replica_may_be_deleted(stage: Stage) -> None:
    assert (await stage.ask("deleteMirror", ONE, "ALICE::SANDBOX::SE1")).code == 0
    assert (await stage.ask("whereis", ONE)).code == 67


async def test_the_members_of_an_archive_are_listed(stage: Stage) -> None:
    reply = await stage.ask("archiveList", ARCHIVE)
    assert reply.text.startswith(f"Content of: {ARCHIVE} (")
    assert sorted(reply.values("member_size")) == ["20480\n", "300\n"]
    assert all("SE lists\t: [99] , []\n" in dump for dump in reply.values("member_guid"))
    await stage.ask("access", "read", f"{HOME}archive/second.dat")
    dumps = (await stage.ask("archiveList", ARCHIVE)).values("member_guid")
    assert sum("SE lists\t: [99, 0] , []\n" in dump for dump in dumps) == 1
    missing = await stage.ask("archiveList", "nosuch")
    assert missing.error == "No such file or directory : nosuch does not exist in the catalogue"
    assert (await stage.ask("archiveList", ONE)).values("member_guid") == []


async def test_expiry_is_set_extended_and_removed_for_all_of_an_archive(stage: Stage) -> None:
    async def expires(name: str) -> int | None:
        found = (await stage.ask("stat", f"{HOME}archive/{name}")).values("expiretime")
        return int(found[0]) if found else None

    first, day = f"{HOME}archive/first.dat", 86400
    assert (await stage.ask("lfnexpiretime", "-a", "-d", "1", "-w", "1", first)).code == 0
    now = stage.now // 1000
    assert await expires("second.dat") == now + 8 * day
    await stage.ask("lfnexpiretime", "-e", "-d", "2", first)
    assert await expires("first.dat") == now + 10 * day
    await stage.ask("lfnexpiretime", "-r", first, user="bob")
    assert await expires("first.dat") == now + 10 * day
    await stage.ask("lfnexpiretime", "-r", first)
    assert await expires("second.dat") is None
    marked = await stage.ask("lfnexpiretime", "-a", first)
    assert (marked.code, marked.text) == (0, "Marking the targets as expired")
    assert await expires("second.dat") == stage.now // 1000
    assert (await stage.ask("lfnexpiretime", "-a", "-m", "13", "-y", "1", first)).code == 0


async def test_a_search_is_stored_as_a_collection_and_listed(stage: Stage) -> None:
    target = f"{HOME}parts.xml"
    stored = await stage.ask("find", "-x", target, f"{HOME}data/run1", "*.root")
    assert (stored.code, stored.results) == (0, [])
    listed = await stage.ask("listFilesFromCollection", "-z", "-t", target)
    assert len(listed.results) == 10
    assert listed.results[0]["size"] == " 3072"
    assert "message" not in listed.results[0]
    assert listed.results[-1]["message"].endswith(
        "\n\n10 files of 168960 bytes (165 KB), average file size is 16896 (16.5 KB)"
    )
    again = await stage.ask("find", "-x", target, f"{HOME}data/run2", "*.root")
    assert (again.code, again.results) == (0, [])
    assert (await stage.ask("listFilesFromCollection", "-s", "parts.xml")).results == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/no/such", 'No such LFN "/no/such"'),
        (HOME, f'Illegal entry type for "{HOME}": d'),
        (f"{HOME}files/lost.dat", f"Failed to read a content of XML collection: null ({HOME}files/lost.dat)"),
    ],
)
async def test_an_invalid_collection_is_reported(stage: Stage, path: str, text: str) -> None:
    reply = await stage.ask("listFilesFromCollection", path)
    assert (reply.code, reply.error) == (121, f"Remote I/O error : {text}")


async def test_a_text_that_is_no_collection_has_no_files_unless_it_is_long(stage: Stage) -> None:
    await put(stage, f"{HOME}short", "text\n")
    short = await stage.ask("listFilesFromCollection", "short")
    assert (short.code, short.results) == (0, [{"message": ""}])
    await put(stage, f"{HOME}long", "text\n" * 11)
    long = await stage.ask("listFilesFromCollection", "long")
    assert long.error == f"Remote I/O error : This is not an AliEn XML collection ({HOME}long)"
    native = await stage.ask("listFilesFromCollection", "-v", "short")
    assert native.error == f'Remote I/O error : This entry is not an AliEn collection: "{HOME}short"'


async def test_xml_is_written_stored_and_added_to(stage: Stage) -> None:
    await stage.ask("cd", "data/run1")
    text = (await stage.ask("toXml", "part00.root", "part01.root")).text
    assert text.count("<event name=") == 2
    assert f'turl="alien://{HOME}data/run1/part01.root"' in text
    assert (await stage.ask("toXml", "-x", "c.xml", "part00.root")).code == 0
    assert (await stage.ask("toXml", "-x", "c.xml", "part00.root")).error == (
        f"Input/output error : Upload failed: LFN already exists: {HOME}data/run1/c.xml"
    )
    assert (await stage.ask("toXml", "-a", "-x", "c.xml", "part01.root")).code == 0
    assert len((await stage.ask("listFilesFromCollection", f"{HOME}data/run1/c.xml")).results) == 2
    assert (await stage.ask("stat", "c.xml~")).code == 0
    assert "part01.root" in (await stage.ask("changeDiff", "c.xml")).text


async def test_missing_files_of_a_collection_are_counted(stage: Stage) -> None:
    partly = await stage.ask("toXml", ONE, "nosuch")
    assert partly.error == "No such file or directory : Only 1 out of 2 files could be resolved"
    warned = await stage.ask("toXml", "-i", ONE, "nosuch")
    assert (warned.code, warned.error) == (0, "Only 1 out of 2 files could be resolved\n")
    assert (await stage.ask("toXml", "nosuch")).code == 121
    assert (await stage.ask("toXml", "nosuch", "neither")).code == 2
    assert (await stage.ask("toXml", "-i", "nosuch", "neither")).code == 61
    await put(stage, f"{HOME}names", f"{ONE}\n")
    assert ONE in (await stage.ask("toXml", "-l", f"{HOME}names")).text


async def test_text_is_shown_searched_and_compared(stage: Stage) -> None:
    await put(stage, f"{HOME}t.txt", "one\ttwo\n\nthree\n")
    shown = await stage.ask("cat", "t.txt")
    assert shown.results == [{"message": "one\ttwo\n\nthree", "value": "three"}]
    numbered = await stage.ask("cat", "-bET", "t.txt")
    assert numbered.results == [{"message": "1  one^Itwo$\n$\n2  three$", "value": "$", "count": "1"}]
    assert (await stage.ask("grep", "-in", "TH.EE", "t.txt")).text == "3:three"
    assert (await stage.ask("grep", "-vc", "e", "t.*")).text == "1"
    assert (await stage.ask("grep", "-E", "(", "t.txt")).error.startswith("grep: ")
    assert (await stage.ask("grep", "one|two", "t.txt")).results == []
    assert (await stage.ask("grep", "-E", "one|two", "t.txt")).text == "one\ttwo"
    assert (await stage.ask("cat", "nosuch")).error == "Remote I/O error : Not able to get the file: nosuch"
    assert (await stage.ask("cat", "/alice/cern.ch/user/b/bob/secret.txt")).code == 121
    assert (await stage.ask("changeDiff", "t.txt")).error == "No such file or directory : t.txt~"
    member = f"{HOME}archive/second.dat"
    assert await stage.ask("cat", member)
    assert (await stage.ask("cat", member)).text.startswith(content(member, 300).decode("utf-8", "replace")[:20])


async def test_xrdstat_checks_replicas_on_storage(stage: Stage) -> None:
    good = await stage.ask("xrdstat", "-v", ONE)
    assert good.text.startswith(f"Checking the replicas of {ONE}\n\tALICE::SANDBOX::SE1 \troot://")
    assert good.values("statResponse")
    number, pfn = 1, good.values("pfn")[0]
    file = contents.replica_file(stage.service, number, pfn)
    assert file is not None
    file.write_bytes(b"short")
    bad = await stage.ask("xrdstat", "-v", "-c", ONE)
    assert (bad.code, bad.values("status"), len(bad.values("errorMessage"))) == (0, ["error"], 1)
    assert (await stage.ask("xrdstat", "-d", ONE)).code == 5
    file.unlink()
    assert (await stage.ask("xrdstat", "-o", pfn)).values("status") == ["error"]
    assert (await stage.ask("xrdstat", "-s", "ALICE::SANDBOX::SE2", ONE)).values("status") == []
    member = await stage.ask("xrdstat", f"{HOME}archive/first.dat")
    assert member.values("status") == ["ok", "ok"]
    for word in ("nosuch", HOME):
        missing = f"No such file or directory : This LFN does not exist in the catalogue: {word}"
        assert (await stage.ask("xrdstat", word)).error == missing
    lost = await stage.ask("xrdstat", f"{HOME}files/lost.dat")
    assert (lost.code, lost.text) == (0, f"Checking the replicas of {HOME}files/lost.dat")


async def test_storage_elements_are_sampled_and_tested(stage: Stage) -> None:
    sample = (await stage.ask("randomPFNs", "1", "3")).text.splitlines()
    assert len(sample) == 3
    assert all(re.fullmatch(r"root://\S+\t[0-9.]+ K?B", line) for line in sample)
    assert (await stage.ask("randomPFNs", "ALICE::NO::SUCH", "3")).error == (
        "No such device or address : Unknown SE ALICE::NO::SUCH"
    )
    assert "ALICE::SANDBOX::SE2" in (await stage.ask("testSE", "@disk")).text


async def test_tags_are_shown(stage: Stage) -> None:
    database = stage.service.catalogue.database
    database.executemany("INSERT INTO tag VALUES(?, 'Run', ?, ?)", [(ONE, "first", "1"), (ONE, "last", "9")])
    shown = await stage.ask("showTagValue", "-c", "last", ONE)
    assert shown.values("value") == ["9"]
    listed = await stage.ask("showTagValue", "-l", f"{HOME}files/*")
    assert (listed.values("fileName"), listed.values("tagName")) == ([ONE], ["Run"])
    assert f"{HOME}files/large.dat\n  no tags defined for this path\n" in listed.text


async def test_administrator_commands_are_refused_or_do_nothing(stage: Stage) -> None:
    assert (await stage.ask("groupmembers", "alice")).text == "Members of alice: admin"
    assert (await stage.ask("groupmembers", "nobody")).error == (
        "No such file or directory : Group nobody does not exist"
    )
    for words in (["resyncLDAP"], ["moveDirectory", HOME], ["optimiserLogs", "x"]):
        for user in ("alice", "admin"):
            reply = await stage.ask(*words, user=user)
            assert (reply.code, bool(reply.text)) == (0, True)


async def test_time_repeats_a_command(stage: Stage) -> None:
    reply = await stage.ask("time", "3", "pwd")
    assert reply.text.count(HOME) == 3
    assert '"pwd" with #3 tries,\tavr/total msec:\t\t' in reply.text
    for words in (["often", "pwd"], ["0", "pwd"], ["3"]):
        wrong = await stage.ask("time", *words)
        assert (wrong.code, wrong.text) == (0, "Usage: time <times>  <command> [command_arguments] ")
    for words in (["nosuch"], ["ls", "-z"]):
        assert (await stage.ask("time", "1", *words)).code == 121


async def test_uuid_shows_the_creation_time(stage: Stage) -> None:
    guid = (await stage.ask("lfn2guid", ONE)).values("guid")[0]
    by_name, by_guid = await stage.ask("uuid", ONE), await stage.ask("uuid", guid)
    assert by_name.text.replace(ONE, guid) == by_guid.text
    assert by_guid.text.startswith(f"{guid} : created on ")
    assert (await stage.ask("uuid", "00000000-0000-4000-8000-000000000000")).code == 22


async def test_an_element_at_an_unknown_distance_is_shown_last(stage: Stage) -> None:
    text = (await stage.ask("listSEDistance", "-site", "NOWHERE")).text
    assert text.count("distance:  nul)") == 2


async def test_a_signed_envelope_needs_no_size(stage: Stage) -> None:
    reply = await stage.ask("commit", "turl=x&signature=y")
    assert (reply.code, reply.results[0]["lfn"]) == (53, "0")


async def test_only_the_newest_version_of_an_object_is_found(stage: Stage) -> None:
    await stage.ask("mkdir", "cdb")
    names = ["Run1_5_v1_s0.root", "Run1_5_v2_s0.root", "Run3_9_v3_s0.root", "Run3_9_v3_s1.root", "other.root"]
    await stage.ask("touch", *(f"cdb/{name}" for name in names))

    async def newest(*query: str) -> list[str]:
        found = await stage.ask("find", "-y", "cdb", "*", *query)
        return [lfn.rpartition("/")[2] for lfn in found.values("lfn")]

    assert (await stage.ask("find", "-y", "cdb", "*")).error == "Remote I/O error : begin 0, end -1, length 0"
    assert await newest("CDB:version>0") == ["Run3_9_v3_s1.root"]
    assert await newest("CDB:first_run<=2 and CDB:last_run>=2") == ["Run1_5_v2_s0.root"]
    assert await newest("CDB:first_run>9") == []
