"""The call over HTTP/2, byte by byte, without sockets."""

from __future__ import annotations

import pytest

from alienctl.grpc_call import Call, RpcProtocolError, decode_headers

DATA, HEADERS, RST, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, ACK, PADDED, PRIORITY = 1, 4, 1, 8, 0x20
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def literal(name: bytes, value: bytes, prefix: int = 0x40) -> bytes:
    def string(text: bytes) -> bytes:
        if len(text) < 127:
            return bytes([len(text)]) + text
        rest, encoded = len(text) - 127, b"\x7f"
        while rest > 127:
            encoded, rest = encoded + bytes([rest & 127 | 128]), rest >> 7
        return encoded + bytes([rest]) + text

    return bytes([prefix]) + string(name) + string(value)


def message(payload: bytes) -> bytes:
    return b"\0" + len(payload).to_bytes(4, "big") + payload


def frames(data: bytes) -> list[tuple[int, int, int, bytes]]:
    found = []
    while data:
        length = int.from_bytes(data[:3], "big")
        found.append((data[3], data[4], int.from_bytes(data[5:9], "big"), data[9 : 9 + length]))
        data = data[9 + length :]
    return found


GREETING = frame(SETTINGS)
RESPONSE = frame(HEADERS, END_HEADERS, 1, b"\x88" + literal(b"content-type", b"application/grpc"))
TRAILERS = frame(HEADERS, END_HEADERS | END_STREAM, 1, literal(b"grpc-status", b"0"))


def opened() -> Call:
    call = Call(b"/p.S/M")
    call.take_output()
    call.receive(GREETING)
    call.take_output()
    return call


def test_the_call_opens_with_preface_settings_credit_and_headers() -> None:
    output = Call(b"/p.S/M").take_output()
    assert output.startswith(PREFACE)
    settings, credit, headers = frames(output.removeprefix(PREFACE))
    pairs = [settings[3][i : i + 6] for i in range(0, len(settings[3]), 6)]
    values = {int.from_bytes(pair[:2], "big"): int.from_bytes(pair[2:], "big") for pair in pairs}
    assert values == {1: 0, 2: 0, 4: 2**31 - 1, 0xFE03: 1}
    assert credit == (WINDOW_UPDATE, 0, 0, (2**31 - 1 - 65535).to_bytes(4, "big"))
    assert headers[:3] == (HEADERS, END_HEADERS, 1)
    for part in (b"\x83", b"\x86", b"\x04\x06/p.S/M", b"application/grpc", b"\x02te\x08trailers"):
        assert part in headers[3]


def test_messages_arrive_whole_however_the_bytes_are_cut() -> None:
    body = message(b"first") + message(b"") + message(b"x" * 40000)
    pieces = [body[i : i + 16384] for i in range(0, len(body), 16384)]
    stream = GREETING + RESPONSE + b"".join(frame(DATA, 0, 1, piece) for piece in pieces) + TRAILERS
    for size in (1, 7, 9, 1000, len(stream)):
        call = Call(b"/p.S/M")
        received = [m for i in range(0, len(stream), size) for m in call.receive(stream[i : i + size])]
        assert received == [b"first", b"", b"x" * 40000]
        assert (call.status, call.lost) == (0, False)


def test_settings_and_pings_are_acknowledged() -> None:
    call = opened()
    call.receive(
        frame(SETTINGS) + frame(SETTINGS, ACK) + frame(PING, 0, 0, b"12345678") + frame(PING, ACK, 0, b"8" * 8)
    )
    assert frames(call.take_output()) == [(SETTINGS, ACK, 0, b""), (PING, ACK, 0, b"12345678")]


def test_a_request_stays_within_the_servers_windows() -> None:
    call = opened()
    call.send_message(b"y" * 200_000)
    sent = frames(call.take_output())
    assert [len(piece[3]) for piece in sent] == [16384, 16384, 16384, 16383]
    assert call.backlog == 200_005 - 65535
    call.receive(frame(WINDOW_UPDATE, 0, 0, (200_000).to_bytes(4, "big")))
    assert call.take_output() == b""
    call.receive(frame(SETTINGS, 0, 0, b"\0\x04" + (65535 + 10).to_bytes(4, "big")))
    assert [len(piece[3]) for piece in frames(call.take_output()) if piece[0] == DATA] == [10]
    call.receive(frame(WINDOW_UPDATE, 0, 1, (200_000).to_bytes(4, "big")))
    call.take_output()
    assert call.backlog == 0


def test_a_smaller_initial_window_can_make_the_window_negative() -> None:
    call = opened()
    call.send_message(b"y" * 65530)
    call.take_output()
    call.receive(frame(SETTINGS, 0, 0, b"\0\x04\0\0\0\0") + frame(WINDOW_UPDATE, 0, 0, b"\0\0\xff\xff"))
    call.send_message(b"z")
    assert [piece for piece in frames(call.take_output()) if piece[0] == DATA] == []
    call.receive(frame(WINDOW_UPDATE, 0, 1, (65535 + 6).to_bytes(4, "big")))
    assert frames(call.take_output()) == [(DATA, 0, 1, message(b"z"))]


def test_closing_rides_on_the_last_piece() -> None:
    call = opened()
    call.send_message(b"request")
    call.close_sending()
    assert frames(call.take_output()) == [(DATA, END_STREAM, 1, message(b"request"))]
    assert call.take_output() == b""


def test_closing_after_everything_was_sent_is_an_empty_frame() -> None:
    call = opened()
    call.send_message(b"request")
    call.take_output()
    call.close_sending()
    assert frames(call.take_output()) == [(DATA, END_STREAM, 1, b"")]


def test_credit_is_returned_once_per_gibibyte() -> None:
    call = opened()
    call._received = call._stream_received = 2**30 - 100
    call.receive(frame(DATA, 0, 1, message(b"a" * 95)))
    credit = (2**30).to_bytes(4, "big")
    assert frames(call.take_output()) == [(WINDOW_UPDATE, 0, 0, credit), (WINDOW_UPDATE, 0, 1, credit)]


def test_an_abort_before_data_is_reported_by_trailers_only() -> None:
    call = opened()
    text = literal(b"grpc-message", b"gr%C3%B6%C3%9Fer als 100%25 %zz %")
    call.receive(frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x88" + literal(b"grpc-status", b"9") + text))
    assert (call.status, call.message, call.lost) == (9, "größer als 100% %zz %", False)


def test_a_reset_after_the_trailers_changes_nothing() -> None:
    call = opened()
    call.receive(RESPONSE + TRAILERS + frame(RST, 0, 1, b"\0\0\0\0"))
    assert call.status == 0


def test_headers_are_put_together_from_continuations() -> None:
    call = opened()
    block = literal(b"grpc-status", b"5") + literal(b"grpc-message", b"m" * 20000)
    call.receive(frame(HEADERS, END_STREAM, 1, block[:10]) + frame(CONTINUATION, 0, 1, block[10:9000]))
    assert not call.ended
    call.receive(frame(CONTINUATION, END_HEADERS, 1, block[9000:]))
    assert (call.status, len(call.message)) == (5, 20000)


def test_padding_and_priority_are_taken_off() -> None:
    call = opened()
    headers = b"\x03" + b"\0\0\0\0\x10" + b"\x88" + b"\0\0\0"
    data = b"\x02" + message(b"padded") + b"\0\0"
    received = call.receive(
        frame(HEADERS, END_HEADERS | PADDED | PRIORITY, 1, headers) + frame(DATA, PADDED, 1, data) + TRAILERS
    )
    assert (received, call.status) == ([b"padded"], 0)


@pytest.mark.parametrize(
    ("code", "status", "lost", "not_received"),
    [(7, 14, True, True), (8, 1, False, False), (2, 13, False, False), (11, 8, False, False)],
)
def test_a_reset_is_a_status(code: int, status: int, lost: bool, not_received: bool) -> None:
    call = opened()
    call.receive(frame(RST, 0, 1, code.to_bytes(4, "big")))
    assert (call.status, call.lost, call.not_received) == (status, lost, not_received)


def test_a_goaway_below_our_stream_means_that_the_request_was_not_seen() -> None:
    call = opened()
    call.receive(frame(GOAWAY, 0, 0, (2**31 - 1).to_bytes(4, "big") + bytes(4)))
    assert not call.ended
    call.receive(frame(GOAWAY, 0, 0, bytes(8)))
    assert (call.status, call.lost, call.not_received) == (14, True, True)


def test_a_call_continues_after_a_goaway_that_includes_it() -> None:
    call = opened()
    going = frame(GOAWAY, 0, 0, b"\0\0\0\x01" + bytes(4))
    assert call.receive(going + RESPONSE + frame(DATA, 0, 1, message(b"late")) + TRAILERS) == [b"late"]
    assert (call.status, call.lost) == (0, False)


def test_unavailable_after_a_goaway_is_a_lost_daemon() -> None:
    call = opened()
    going = frame(GOAWAY, 0, 0, b"\0\0\0\x01" + bytes(4))
    call.receive(going + frame(HEADERS, 5, 1, literal(b":status", b"200", 0) + literal(b"grpc-status", b"14", 0x10)))
    assert (call.status, call.lost, call.not_received) == (14, True, False)


def test_an_end_before_the_servers_first_byte_means_that_the_request_was_not_seen() -> None:
    early, late = Call(b"/p.S/M"), opened()
    early.connection_lost()
    late.connection_lost()
    assert (early.lost, early.not_received) == (True, True)
    assert (late.lost, late.not_received) == (True, False)


def test_cancelling_resets_the_stream_once() -> None:
    call = opened()
    call.send_message(b"never sent")
    call.cancel()
    call.cancel()
    assert frames(call.take_output()) == [(RST, 0, 1, b"\0\0\0\x08")]
    assert call.status == 1


def test_an_end_without_a_status_is_an_error() -> None:
    call = opened()
    call.receive(frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x8d"))
    assert (call.status, call.message) == (12, "the server ended the call without a status (HTTP 404)")


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "frame of"),
        (frame(PING, 0, 0, bytes(8)), "does not speak HTTP/2"),
        (GREETING + frame(DATA, 0, 3, b""), "stream 3"),
        (GREETING + frame(CONTINUATION, 0, 1, b""), "without a header block"),
        (GREETING + frame(HEADERS, 0, 1, b"") + frame(PING), "interrupted"),
        (GREETING + frame(DATA, PADDED, 1, b"\x05abc"), "padding"),
        (GREETING + frame(DATA, 0, 1, b"\x01\0\0\0\0"), "compressed"),
        (GREETING + frame(HEADERS, END_HEADERS, 1, b"\xbe"), "table"),
        (GREETING + frame(HEADERS, END_HEADERS, 1, b"\x3f\xe1\x1f"), "header table"),
        (GREETING + frame(HEADERS, END_HEADERS, 1, b"\x00\x0bgrpc-status\x81\x07"), "Huffman"),
        (GREETING + frame(HEADERS, END_HEADERS, 1, b"\x40\x0bgrpc"), "middle"),
    ],
)
def test_an_unsupported_encoding_is_a_clear_error(data: bytes, complaint: str) -> None:
    with pytest.raises(RpcProtocolError, match=complaint):
        Call(b"/p.S/M").receive(data)


def test_header_shapes_of_the_server_are_understood() -> None:
    block = b"\x20\x88" + literal(b"grpc-status", b"0", 0x00) + literal(b"a", b"b", 0x10) + b"\x5f\x04text"
    block += b"\x00\x0aerror--bin\x82\xff\xff"
    assert decode_headers(block) == {
        b":status": b"200",
        b"grpc-status": b"0",
        b"a": b"b",
        b"content-type": b"text",
        b"error--bin": b"",
    }
