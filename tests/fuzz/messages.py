"""Changes fields of protobuf messages: what a random change of bytes reaches rarely."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

_DEPTH = 3
_WHOLE = (0, 1, 2, 100, 10_001, 1 << 20, (1 << 31) - 1, 1 << 31, 1 << 41, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
_LIMITS = {
    FieldDescriptor.CPPTYPE_INT32: (-(1 << 31), (1 << 31) - 1),
    FieldDescriptor.CPPTYPE_ENUM: (-(1 << 31), (1 << 31) - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, (1 << 32) - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(1 << 63), (1 << 63) - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, (1 << 64) - 1),
}
_REAL = (0.0, -1.0, 0.5, 1e308, float("inf"), float("nan"))
_TEXTS = (
    *("", "x", "-x", "-", "/", "/alice/d/f", "/alice/../..", "alien:x", "file:/nonexistent/x", "file:x", "a" * 5000),
    *("%", "*", "(", "[", "\\", "\n", "\0", "\x1b[31m", "\U0001d54f", "\ud7ff", "42", "-1", "9" * 5000, "1e999"),
    *("b3aa0ae0-0000-11e5-8feb-001e674a5b04", "A::B::C", "disk:2", "@disk:2", "root://h//f", "begin_x_ext_root"),
)


def change(message: Message, chance: random.Random) -> None:
    """Change one field of a message or of a message in it; a map or a list gets or loses entries."""
    fields: Any = message.DESCRIPTOR.fields  # two types in the stubs
    if not fields:
        return
    (field,) = chance.choices(fields, [_leaves(field, _DEPTH) for field in fields])
    if chance.random() < 0.1:
        message.ClearField(field.name)
    elif field.message_type is not None and field.message_type.GetOptions().map_entry:
        key, value = field.message_type.fields
        if value.message_type is None:
            getattr(message, field.name)[_value(key, chance)] = _value(value, chance)
    elif field.is_repeated:
        values = getattr(message, field.name)
        for _ in range(chance.choice((1, 1, 1, 2, 60, 1001))):
            if field.message_type is not None:
                change(values.add(), chance)
            else:
                values.append(_value(field, chance))
    elif field.message_type is not None:
        inner = getattr(message, field.name)
        inner.SetInParent()
        change(inner, chance)
    else:
        setattr(message, field.name, _value(field, chance))


@cache
def leaves(kind: Descriptor, depth: int = _DEPTH) -> int:
    """Return how many plain fields a message and the messages in it have, so that each is changed as often."""
    return sum(_leaves(field, depth) for field in kind.fields) or 1


def _leaves(field: FieldDescriptor, depth: int) -> int:
    return leaves(field.message_type, depth - 1) if field.message_type is not None and depth else 1


def changed(content: bytes, empty: Message, chance: random.Random) -> bytes:
    """Return a message of the type of `empty` with a few changed fields; bytes that are none are replaced by one."""
    try:
        empty.ParseFromString(content)
    except DecodeError:
        empty.Clear()
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        change(empty, chance)
    return empty.SerializeToString()


def _value(field: FieldDescriptor, chance: random.Random) -> Any:  # noqa: ANN401 - as the field wants it
    if field.cpp_type in _LIMITS:
        if field.enum_type is not None and chance.random() < 0.8:
            return chance.choice(field.enum_type.values).number
        least, most = _LIMITS[field.cpp_type]
        return max(least, min(most, chance.choice((1, 1, 1, -1)) * chance.choice(_WHOLE)))
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return chance.random() < 0.5
    if field.cpp_type != FieldDescriptor.CPPTYPE_STRING:
        return chance.choice(_REAL)
    text = chance.choice(_TEXTS)
    if field.type == FieldDescriptor.TYPE_STRING:
        return text
    return chance.choice((text.encode(), b"\xff\xfe", b"\xed\xa0\x80"))
