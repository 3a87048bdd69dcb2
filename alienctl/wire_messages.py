"""Hand-written protobuf encoding of the `Console.Run` messages that every command needs.

The import of protobuf would take several times as long as the start of Python. `alienctl/local/wire_replies.py` reads
the messages that only some commands need.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

STDOUT, STDERR, PROGRESS, QUESTION, HANDOFF, EXIT, JOB, OUTPUT_END, LOG = 1, 2, 3, 4, 5, 6, 7, 9, 10
"""Field numbers of the events in a RunResponse."""
_EVENTS = (*range(STDOUT, JOB + 1), OUTPUT_END, LOG)
_GO_ON = 8
_EXIT_VERSION = 5


class MessageError(ValueError):
    """The bytes are not a protobuf message."""


def varint(value: int) -> bytes:
    """Encode a number as a varint; negative ones as 64-bit two's complement."""
    value &= 2**64 - 1
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def number_field(field: int, value: int) -> bytes:
    """Encode an integer or boolean field; empty if zero, as in proto3."""
    return varint(field << 3) + varint(value) if value else b""


def bytes_field(field: int, value: bytes) -> bytes:
    """Encode a bytes, string or message field, also if it is empty."""
    return varint(field << 3 | 2) + varint(len(value)) + value


def fields(data: bytes) -> "Iterator[tuple[int, int | bytes]]":
    """Yield the fields of a message in order as (number, integer or bytes); skip fixed-size fields.

    Raises MessageError.
    """
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        kind = tag & 7
        if kind == 0:
            value, position = _varint(data, position)
            yield tag >> 3, value
            continue
        if kind not in (1, 2, 5):
            raise MessageError(f"wire type {kind}")
        length = 8 if kind == 1 else 4
        if kind == 2:
            length, position = _varint(data, position)
        position += length
        if position > len(data):
            raise MessageError("a field is longer than its message")
        if kind == 2:
            yield tag >> 3, data[position - length : position]


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise MessageError("a message ends in the middle of a number")
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & (2**64 - 1), position
    raise MessageError("a number is longer than ten bytes")


def number(data: bytes, field: int) -> int:
    """Return the unsigned integer in `field`; 0 if absent. Raises MessageError."""
    found = 0
    for key, value in fields(data):
        if key == field and isinstance(value, int):
            found = value
    return found


def exit_code(data: bytes) -> int:
    """Return `RunExit.code`. Raises MessageError."""
    code = number(data, 1) & 0xFFFFFFFF
    return code - 2**32 if code & 0x80000000 else code


def exit_version(data: bytes) -> bytes:
    """Return `RunExit.version`; empty for daemons before 0.2, which do not send it. Raises MessageError."""
    return next((value for key, value in fields(data) if key == _EXIT_VERSION and isinstance(value, bytes)), b"")


def event(data: bytes) -> tuple[int, bytes]:
    """Return the event of a RunResponse and its bytes; (0, b"") for an unknown one. Raises MessageError."""
    found = (0, b"")
    for key, value in fields(data):
        if key in _EVENTS and isinstance(value, bytes):
            found = key, value
    return found


def go_on(data: bytes) -> list[bytes]:
    """Return `RunResponse.go_on`. Raises MessageError."""
    return [value for key, value in fields(data) if key == _GO_ON and isinstance(value, bytes)]


def jobs(data: bytes) -> list[int]:
    """Return the job numbers in an AttachedJob. Raises MessageError."""
    numbers = []
    for key, value in fields(data):
        if key == 1 and isinstance(value, int):
            numbers.append(value)
        elif key == 2 and isinstance(value, bytes):
            position = 0
            while position < len(value):
                job, position = _varint(value, position)
                numbers.append(job)
    return numbers


def start(header: bytes, argv: "Sequence[bytes]", terminal: bytes, environment: "Mapping[bytes, bytes]") -> bytes:
    """Encode a RunRequest with `start`; `header` holds the fields of `start_header`, `terminal` a Terminal."""
    parts = [header]
    parts += [bytes_field(3, word) for word in argv]
    parts.append(bytes_field(7, terminal))
    parts += [bytes_field(8, bytes_field(1, key) + bytes_field(2, value)) for key, value in environment.items()]
    return bytes_field(1, b"".join(parts))


def start_header(contract: int, version: bytes, cwd: bytes, umask: int, session: bytes) -> bytes:
    """Encode the fields of RunStart that are single values."""
    return b"%b%b%b%b%b" % (
        number_field(1, contract),
        bytes_field(2, version),
        bytes_field(4, cwd),
        number_field(5, umask),
        bytes_field(6, session),
    )


def run_flags(*flags: bool) -> bytes:
    """Encode the flags of RunStart from `commands_on_stdin` on."""
    return b"".join(number_field(number, flag) for number, flag in enumerate(flags, 9))


def request_id(name: bytes) -> bytes:
    """Encode the request id of RunStart."""
    return bytes_field(14, name)


def terminal(streams: "tuple[bool, bool, bool]", columns: int, rows: int) -> bytes:
    """Encode a Terminal: which of stdin, stdout and stderr are terminals, and the size in characters."""
    flags = b"".join(number_field(index, int(is_terminal)) for index, is_terminal in enumerate(streams, 1))
    return flags + number_field(4, columns) + number_field(5, rows)


def standard_input(data: bytes) -> bytes:
    """Encode a RunRequest with bytes of standard input."""
    return bytes_field(2, data)


def end_of_input() -> bytes:
    """Encode a RunRequest for the end of standard input."""
    return bytes_field(3, b"")


def signal(signal_number: int) -> bytes:
    """Encode a RunRequest with a signal by its POSIX number."""
    return bytes_field(4, number_field(1, signal_number))


def resize(columns: int, rows: int) -> bytes:
    """Encode a RunRequest with the terminal's new size in characters."""
    return bytes_field(5, number_field(1, columns) + number_field(2, rows))


def answer(text: str, refused: bool) -> bytes:
    """Encode a RunRequest with the answer to a question."""
    encoded = bytes_field(1, text.encode("utf-8", "replace")) if text else b""
    return bytes_field(6, encoded + number_field(2, int(refused)))


def handoff_result(status: int) -> bytes:
    """Encode a RunRequest with the exit status of a handed-off program."""
    return bytes_field(7, number_field(1, status))
