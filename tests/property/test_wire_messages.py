"""The client's hand-coded messages against the generated classes, both ways."""

from __future__ import annotations

import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from alienctl import wire_messages
from alienctl.local import wire_replies
from aliend.v1 import console_pb2, daemon_pb2

UINT32 = st.integers(0, 2**32 - 1)
UINT64 = st.integers(0, 2**64 - 1)
INT32 = st.integers(-(2**31), 2**31 - 1)
TIME = st.none() | st.builds(
    Timestamp, seconds=st.integers(-62_135_596_800, 253_402_300_799), nanos=st.integers(0, 999_999_999)
)
TIMES = {
    "started_ms": "start_time",
    "certificate_ends_ms": "certificate_expire_time",
    "since_ms": "connect_time",
    "next_attempt_ms": "next_attempt_time",
}
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
# unknown fields: a varint, eight bytes, a string and four bytes under high numbers
UNKNOWN = st.lists(
    st.sampled_from([b"\xa0\x1f\x96\x01", b"\xa9\x1f12345678", b"\xb2\x1f\x03abc", b"\xbd\x1f1234"]), max_size=3
).map(b"".join)


def run_input(data: bytes) -> console_pb2.RunRequest:
    return console_pb2.RunRequest.FromString(data)


@given(UINT32, TEXT, st.lists(st.binary()), st.binary(), UINT32, TEXT, st.dictionaries(TEXT, TEXT))
def test_a_start_message_is_decoded(
    contract: int, version: str, argv: list[bytes], cwd: bytes, umask: int, session: str, environment: dict[str, str]
) -> None:
    header = wire_messages.start_header(contract, version.encode(), cwd, umask, session.encode())
    variables = {key.encode(): value.encode() for key, value in environment.items()}
    data = wire_messages.start(header, argv, wire_messages.terminal((True, False, True), 80, 24), variables)
    assert run_input(data) == console_pb2.RunRequest(
        start=console_pb2.RunStart(
            contract=contract,
            client_version=version,
            argv=argv,
            cwd=cwd,
            umask=umask,
            session=session,
            terminal=console_pb2.Terminal(stdin_is_terminal=True, stderr_is_terminal=True, columns=80, rows=24),
            environment=environment,
        )
    )


@given(st.binary(), INT32, UINT32, UINT32, TEXT, st.booleans())
def test_the_other_inputs_are_decoded(
    data: bytes, number: int, columns: int, rows: int, text: str, refused: bool
) -> None:
    assert run_input(wire_messages.standard_input(data)) == console_pb2.RunRequest(stdin=data)
    assert run_input(wire_messages.end_of_input()) == console_pb2.RunRequest(eof=console_pb2.EndOfInput())
    assert run_input(wire_messages.signal(number)) == console_pb2.RunRequest(signal=console_pb2.Signal(number=number))
    resize = console_pb2.Resize(columns=columns, rows=rows)
    assert run_input(wire_messages.resize(columns, rows)) == console_pb2.RunRequest(resize=resize)
    answer = console_pb2.Answer(text=text, refused=refused)
    assert run_input(wire_messages.answer(text, refused)) == console_pb2.RunRequest(answer=answer)
    result = console_pb2.HandoffResult(status=number)
    assert run_input(wire_messages.handoff_result(number)) == console_pb2.RunRequest(handoff_result=result)


@given(UNKNOWN, st.binary(), UNKNOWN)
def test_output_is_read_and_unknown_fields_are_skipped(before: bytes, content: bytes, after: bytes) -> None:
    for kind, event in (
        (wire_messages.STDOUT, console_pb2.RunResponse(stdout=content)),
        (wire_messages.STDERR, console_pb2.RunResponse(stderr=content)),
    ):
        assert wire_messages.event(before + event.SerializeToString() + after) == (kind, content)


@given(UNKNOWN, INT32, UINT64)
def test_exit_codes_and_jobs_are_read(unknown: bytes, code: int, job: int) -> None:
    kind, content = wire_messages.event(
        console_pb2.RunResponse(exit=console_pb2.RunExit(code=code)).SerializeToString()
    )
    assert (kind, wire_messages.exit_code(unknown + content + unknown)) == (wire_messages.EXIT, code)
    assert wire_messages.exit_version(content) == b""
    versioned = console_pb2.RunExit(code=code, version="1.2.3").SerializeToString()
    assert wire_messages.exit_version(unknown + versioned + unknown) == b"1.2.3"
    kind, content = wire_messages.event(
        console_pb2.RunResponse(job=console_pb2.AttachedJob(id=job)).SerializeToString()
    )
    assert (kind, wire_messages.number(unknown + content, 1)) == (wire_messages.JOB, job)


FILE = st.builds(console_pb2.FileProgress, id=UINT64, name=TEXT, bytes_done=UINT64, bytes_total=UINT64)
PROGRESS = st.builds(
    console_pb2.RunProgress,
    bytes_done=UINT64,
    bytes_total=UINT64,
    files_done=UINT64,
    files_failed=UINT64,
    files_total=UINT64,
    files=st.lists(FILE, max_size=3),
)


def same(message: Message, ours: object) -> None:
    """Every attribute of ours has the message's value."""
    for name in type(ours).__dataclass_fields__:  # type: ignore[attr-defined]
        mine = getattr(ours, name)
        if name in TIMES:
            time = getattr(message, TIMES[name])
            assert time.seconds * 1000 + time.nanos // 1_000_000 == mine
            continue
        theirs = getattr(message, name)
        if isinstance(mine, list) and mine and hasattr(mine[0], "__dataclass_fields__"):
            assert len(theirs) == len(mine)
            for one, other in zip(theirs, mine, strict=True):
                same(one, other)
        else:
            assert (list(theirs) if isinstance(mine, list) else theirs) == mine


@given(PROGRESS, UNKNOWN)
def test_progress_is_read(progress: console_pb2.RunProgress, unknown: bytes) -> None:
    kind, content = wire_messages.event(console_pb2.RunResponse(progress=progress).SerializeToString())
    assert kind == wire_messages.PROGRESS
    same(progress, wire_replies.run_progress(unknown + content))


@given(TEXT, st.booleans(), st.lists(st.binary()), st.binary(), UNKNOWN)
def test_questions_and_handoffs_are_read(
    prompt: str, echo: bool, argv: list[bytes], stdin: bytes, unknown: bytes
) -> None:
    question = console_pb2.Question(prompt=prompt, echo=echo)
    same(question, wire_replies.question(unknown + question.SerializeToString()))
    handoff = console_pb2.Handoff(argv=argv, stdin=stdin)
    same(handoff, wire_replies.handoff(unknown + handoff.SerializeToString()))


CENTRAL = st.builds(
    daemon_pb2.CentralStatus,
    endpoint=TEXT,
    connections=UINT32,
    user=TEXT,
    subject=TEXT,
    certificate_expire_time=TIME,
    logins=UINT64,
    commands=UINT64,
    problem=TEXT,
    state=st.sampled_from(daemon_pb2.CentralStatus.State.values()),
    connect_time=TIME,
    points=UINT32,
    waiting=UINT32,
    next_attempt_time=TIME,
)
STATUS = st.builds(
    daemon_pb2.StatusResponse,
    version=TEXT,
    pid=UINT64,
    start_time=TIME,
    profile=TEXT,
    socket=TEXT,
    state_directory=TEXT,
    log_file=TEXT,
    central=st.lists(CENTRAL, max_size=2),
    active_jobs=UINT64,
    running_transfers=UINT64,
    warnings=st.lists(TEXT, max_size=2),
)


@given(STATUS, UNKNOWN)
def test_the_daemons_status_is_read(status: daemon_pb2.StatusResponse, unknown: bytes) -> None:
    same(status, wire_replies.daemon_status(status.SerializeToString() + unknown))


@given(TEXT, UINT32, UINT64, UNKNOWN)
def test_the_daemons_greeting_and_farewell_are_read(version: str, contract: int, pid: int, unknown: bytes) -> None:
    hello = daemon_pb2.HelloResponse(version=version, contract=contract, capabilities=["x"], pid=pid)
    same(hello, wire_replies.hello(unknown + hello.SerializeToString()))
    assert wire_replies.stop_response(daemon_pb2.StopResponse(pid=pid).SerializeToString() + unknown).pid == pid


@given(st.binary())
def test_any_bytes_are_either_a_message_or_a_message_error(data: bytes) -> None:
    try:
        wire_messages.event(data)
    except wire_messages.MessageError:
        with pytest.raises(wire_messages.MessageError):
            wire_messages.number(data, 1)
