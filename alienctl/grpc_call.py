"""The protocol of one gRPC call over HTTP/2, without I/O: converts received bytes to messages, and messages to bytes.

One connection carries exactly one call (stream 1), unary or streaming. Other modules handle sockets, time and the
meaning of messages. Supports only the HPACK encodings that a gRPC server uses after the settings HEADER_TABLE_SIZE = 0
and GRPC_ALLOW_TRUE_BINARY_METADATA = 1; any other encoding raises RpcProtocolError.
"""

_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE, _CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
_END_STREAM, _ACK, _END_HEADERS, _PADDED, _PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
_FRAME_LIMIT = 16384
_WINDOW = 65535
_WINDOW_LIMIT = 2**31 - 1
_CREDIT_STEP = 2**30
"""Received bytes after which credit is returned: half of the window that we grant."""

OK, CANCELLED, UNKNOWN, FAILED_PRECONDITION, UNIMPLEMENTED, INTERNAL, UNAVAILABLE = 0, 1, 2, 9, 12, 13, 14
_RESET_STATUS = {7: UNAVAILABLE, 8: CANCELLED, 11: 8, 12: 7}
"""gRPC status of an HTTP/2 error code (gRPC over HTTP/2, section Errors); INTERNAL for the others."""
_HTTP_STATUS = {b"400": INTERNAL, b"401": 16, b"403": 7, b"404": 12, b"429": 14, b"502": 14, b"503": 14, b"504": 14}
_STATIC_NAMES = dict.fromkeys(range(8, 15), b":status") | {31: b"content-type"}
_STATIC_STATUS = {8: b"200", 9: b"204", 10: b"206", 11: b"304", 12: b"400", 13: b"404", 14: b"500"}
_STATIC_ENTRIES = 61
_NEEDED = (b":status", b"grpc-status", b"grpc-message")


class RpcProtocolError(Exception):
    """The peer sent something that HTTP/2, gRPC or this small part of them does not allow."""


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return b"%b%c%c%b%b" % (len(payload).to_bytes(3, "big"), kind, flags, stream.to_bytes(4, "big"), payload)


def _setting(number: int, value: int) -> bytes:
    return number.to_bytes(2, "big") + value.to_bytes(4, "big")


def _literal(name_index: int, value: bytes) -> bytes:
    """Encode header without indexing: RFC 7541 section 6.2.2. Its name is in the static table, `value` < 127 bytes."""
    prefix = b"%c" % name_index if name_index < 15 else b"\x0f%c" % (name_index - 15)
    return b"%b%c%b" % (prefix, len(value), value)


def _opening(path: bytes) -> bytes:
    """Return a client's first bytes: preface, settings, connection credit and the request's headers."""
    settings = _setting(1, 0) + _setting(2, 0) + _setting(4, _WINDOW_LIMIT) + _setting(0xFE03, 1)
    headers = b"\x83\x86%b%b%b\x00\x02te\x08trailers%b" % (  # 0x83 is :method POST, 0x86 is :scheme http
        _literal(4, path),
        _literal(1, b"localhost"),
        _literal(31, b"application/grpc"),
        _literal(58, b"alienctl"),
    )
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n%b%b%b" % (
        _frame(_SETTINGS, 0, 0, settings),
        _frame(_WINDOW_UPDATE, 0, 0, (_WINDOW_LIMIT - _WINDOW).to_bytes(4, "big")),
        _frame(_HEADERS, _END_HEADERS, 1, headers),
    )


class Call:
    """One call. Feed `receive`, send what `take_output` gives, until `ended`.

    `status` is the gRPC status once ended (-1 before), `message` its text. `lost`: the connection or the server
    disappeared before the answer was complete. `not_received`: the server cannot have seen
    the request, so that it may be sent again.
    """

    def __init__(self, path: bytes) -> None:
        self.status = -1
        self.message = ""
        self.lost = False
        self.not_received = False
        self._output = bytearray(_opening(path))
        self._body = bytearray()
        self._closing = False
        self._closed = False
        self._connection_window = _WINDOW
        self._stream_window = _WINDOW
        self._initial_window = _WINDOW
        self._input = bytearray()
        self._messages = bytearray()
        self._block: bytearray | None = None
        self._block_ends_stream = False
        self._headers: dict[bytes, bytes] = {}
        self._has_settings = False
        self._going_away = False
        self._received = 0
        self._stream_received = 0

    @property
    def ended(self) -> bool:
        """Return whether the call has a status; no more messages arrive."""
        return self.status >= 0

    @property
    def backlog(self) -> int:
        """Return the number of bytes that the server's flow-control windows do not admit yet."""
        return len(self._body)

    def send_message(self, payload: bytes) -> None:
        """Queue one message."""
        self._body += b"\0%b%b" % (len(payload).to_bytes(4, "big"), payload)

    def close_sending(self) -> None:
        """End the request stream after the queued messages."""
        self._closing = True

    def cancel(self) -> None:
        """End the call immediately and send RST_STREAM(CANCEL)."""
        if not self.ended:
            self._output += _frame(_RST_STREAM, 0, 1, b"\0\0\0\x08")
            self._end(CANCELLED, "cancelled by the client")

    def take_output(self) -> bytes:
        """Return the bytes to send now, as far as the server's windows allow."""
        while not self._closed and not self.ended and (self._body or self._closing):
            size = min(len(self._body), _FRAME_LIMIT, self._connection_window, self._stream_window)
            last = self._closing and size == len(self._body)
            if size <= 0 and not last:
                break
            self._output += _frame(_DATA, _END_STREAM if last else 0, 1, bytes(self._body[:size]))
            del self._body[:size]
            self._connection_window -= size
            self._stream_window -= size
            self._closed = last
        output = bytes(self._output)
        self._output.clear()
        return output

    def connection_lost(self) -> None:
        """Record that the peer closed the connection, or that it broke.

        A gRPC server sends its SETTINGS before it reads anything (seen in its system calls): as long as they have not
        arrived, it cannot have seen the request.
        """
        if not self.ended:
            self._fail_lost(not self._has_settings, "the connection was closed")

    def receive(self, data: bytes) -> list[bytes]:
        """Process bytes from the socket; return the messages that are now complete. Raises RpcProtocolError."""
        self._input += data
        position, end = 0, len(self._input)
        while end - position >= 9:
            length = int.from_bytes(self._input[position : position + 3], "big")
            if length > _FRAME_LIMIT:
                raise RpcProtocolError(f"a frame of {length} bytes, more than the allowed {_FRAME_LIMIT}")
            if end - position - 9 < length:
                break
            kind, flags = self._input[position + 3], self._input[position + 4]
            stream = int.from_bytes(self._input[position + 5 : position + 9], "big") & _WINDOW_LIMIT
            position += 9 + length
            self._take_frame(kind, flags, stream, bytes(self._input[position - length : position]))
        del self._input[:position]
        return self._whole_messages()

    def _whole_messages(self) -> list[bytes]:
        messages, position, end = [], 0, len(self._messages)
        while end - position >= 5:
            if self._messages[position]:
                raise RpcProtocolError("a compressed message, though compression was not offered")
            length = int.from_bytes(self._messages[position + 1 : position + 5], "big")
            if end - position - 5 < length:
                break
            position += 5 + length
            messages.append(bytes(self._messages[position - length : position]))
        del self._messages[:position]
        return messages

    def _take_frame(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        self._check_order(kind, stream)
        if kind == _DATA:
            self._take_data(flags, payload)
        elif kind == _HEADERS:
            self._block, self._block_ends_stream = bytearray(), bool(flags & _END_STREAM)
            self._take_header_block(flags, _unpadded(flags, payload)[5 if flags & _PRIORITY else 0 :])
        elif kind == _CONTINUATION:
            self._take_header_block(flags, payload)
        elif kind == _SETTINGS:
            self._take_settings(flags, payload)
        elif kind == _WINDOW_UPDATE:
            self._take_credit(stream, int.from_bytes(payload, "big") & _WINDOW_LIMIT)
        elif kind == _PING:
            if not flags & _ACK:
                self._output += _frame(_PING, _ACK, 0, payload)
        elif kind == _RST_STREAM:
            self._take_reset(int.from_bytes(payload, "big"))
        elif kind == _GOAWAY:
            self._take_goaway(payload)

    def _check_order(self, kind: int, stream: int) -> None:
        if not self._has_settings and kind != _SETTINGS:
            raise RpcProtocolError("the peer does not speak HTTP/2")
        if self._block is not None and kind != _CONTINUATION:
            raise RpcProtocolError("a header block was interrupted by another frame")
        if kind in (_DATA, _HEADERS, _CONTINUATION, _RST_STREAM) and stream != 1:
            raise RpcProtocolError(f"a frame of type {kind} for stream {stream}, which does not exist")

    def _take_data(self, flags: int, payload: bytes) -> None:
        self._received += len(payload)
        self._stream_received += len(payload)
        if self._received >= _CREDIT_STEP:
            self._output += _frame(_WINDOW_UPDATE, 0, 0, self._received.to_bytes(4, "big"))
            self._received = 0
        if self._stream_received >= _CREDIT_STEP and not flags & _END_STREAM:
            self._output += _frame(_WINDOW_UPDATE, 0, 1, self._stream_received.to_bytes(4, "big"))
            self._stream_received = 0
        if self.ended:
            return
        self._messages += _unpadded(flags, payload)
        if flags & _END_STREAM:
            self._end_by_headers()

    def _take_header_block(self, flags: int, fragment: bytes) -> None:
        if self._block is None:
            raise RpcProtocolError("a CONTINUATION frame without a header block")
        self._block += fragment
        if flags & _END_HEADERS:
            self._headers.update(decode_headers(bytes(self._block)))
            self._block = None
            if self._block_ends_stream and not self.ended:
                self._end_by_headers()

    def _end_by_headers(self) -> None:
        """Record the end of the server's side, with the status from its headers and trailers."""
        status = self._headers.get(b"grpc-status", b"")
        if status.isdigit():
            self.lost = self._going_away and int(status) in (CANCELLED, UNAVAILABLE)
            self._end(int(status), _percent_decoded(self._headers.get(b"grpc-message", b"")))
            return
        http = self._headers.get(b":status", b"")
        text = http.decode("ascii", "replace")
        self._end(_HTTP_STATUS.get(http, UNKNOWN), f"the server ended the call without a status (HTTP {text})")

    def _take_settings(self, flags: int, payload: bytes) -> None:
        self._has_settings = True
        if flags & _ACK:
            return
        for start in range(0, len(payload) - 5, 6):
            if payload[start : start + 2] == b"\0\x04":
                value = int.from_bytes(payload[start + 2 : start + 6], "big")
                self._stream_window += value - self._initial_window
                self._initial_window = value
        self._output += _frame(_SETTINGS, _ACK, 0)

    def _take_credit(self, stream: int, credit: int) -> None:
        if stream:
            self._stream_window += credit
        else:
            self._connection_window += credit

    def _take_reset(self, code: int) -> None:
        if self.ended:
            return
        if code == 7:
            self._fail_lost(True, "the server refused the call")
        elif b"grpc-status" in self._headers:
            self._end_by_headers()
        else:
            self.lost = self._going_away
            self._end(_RESET_STATUS.get(code, INTERNAL), f"the server reset the call (HTTP/2 error {code})")

    def _take_goaway(self, payload: bytes) -> None:
        self._going_away = True
        if int.from_bytes(payload[:4], "big") & _WINDOW_LIMIT < 1 and not self.ended:
            self._fail_lost(True, "the server is ending and did not take the call")

    def _fail_lost(self, not_received: bool, message: str) -> None:
        self.lost, self.not_received = True, not_received
        self._end(UNAVAILABLE, message)

    def _end(self, status: int, message: str) -> None:
        self.status, self.message = status, message


def _unpadded(flags: int, payload: bytes) -> bytes:
    if not flags & _PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise RpcProtocolError("a frame's padding is longer than the frame")
    return payload[1 : len(payload) - payload[0]]


def decode_headers(block: bytes) -> dict[bytes, bytes]:
    """Decode one HPACK block (RFC 7541). Raises RpcProtocolError for unsupported encodings.

    Headers of the static table that are not needed here are omitted; of two with the same name, the last one counts.
    """
    headers: dict[bytes, bytes] = {}
    position = 0
    try:
        while position < len(block):
            first = block[position]
            if first & 0xE0 == 0x20:
                size, position = _integer(block, position, 5)
                if size:
                    raise RpcProtocolError(f"a header table of {size} bytes, though none was allowed")
                continue
            bits = 7 if first & 0x80 else 6 if first & 0x40 else 4
            index, position = _integer(block, position, bits)
            if index > _STATIC_ENTRIES or (not index and first & 0x80):
                raise RpcProtocolError(f"header {index} of a table that does not exist")
            if first & 0x80:
                name, value = _STATIC_NAMES.get(index, b""), _STATIC_STATUS.get(index, b"")
            else:
                name, position = (
                    _string(block, position, b":") if not index else (_STATIC_NAMES.get(index, b""), position)
                )
                value, position = _string(block, position, name)
            if name:
                headers[name] = value
    except IndexError:
        raise RpcProtocolError("a header block ends in the middle of a header") from None
    return headers


def _integer(block: bytes, position: int, bits: int) -> tuple[int, int]:
    """Return an integer with a prefix of `bits`, RFC 7541 section 5.1, and the position behind it."""
    limit = (1 << bits) - 1
    value, position = block[position] & limit, position + 1
    if value < limit:
        return value, position
    for shift in (0, 7, 14, 21):
        value += (block[position] & 0x7F) << shift
        position += 1
        if not block[position - 1] & 0x80:
            return value, position
    raise RpcProtocolError("a header's length does not fit in 28 bits")


def _string(block: bytes, position: int, name: bytes) -> tuple[bytes, int]:
    """Decode a string literal, RFC 7541 section 5.2. Reject Huffman code if the value is needed, else return b''."""
    huffman = block[position] & 0x80
    length, position = _integer(block, position, 7)
    if position + length > len(block):
        raise IndexError(position)
    if not huffman:
        return block[position : position + length], position + length
    if name == b":" or name in _NEEDED:
        raise RpcProtocolError("a Huffman-coded header, though the server was asked for plain ones")
    return b"", position + length


def _percent_decoded(text: bytes) -> str:
    """Decode percent-encoded UTF-8; invalid parts stay as they are (gRPC over HTTP/2, Status-Message)."""
    first, *parts = text.split(b"%")
    decoded = bytearray(first)
    for part in parts:
        try:
            decoded += bytes.fromhex(part[:2].decode("ascii") or "none") + part[2:]
        except ValueError:
            decoded += b"%" + part
    return decoded.decode("utf-8", "replace")
