"""Refuses unknown enumeration values, which a newer client may send: protobuf would read them as the default."""

from __future__ import annotations

from functools import cache

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from aliend.errors import UsageError


def require_known_values(message: Message, path: str = "") -> None:
    """Raise UsageError if a field of `message`, or of a message in it, has an unknown value of an enumeration."""
    for field in _fields(message.DESCRIPTOR):
        value = getattr(message, field.name)
        values = value if field.is_repeated else [value]
        if field.enum_type is not None:
            for number in values:
                if number not in field.enum_type.values_by_number:
                    raise UsageError(f"{path}{field.name}: {number} is not a value of {field.enum_type.name}")
        elif field.is_repeated or message.HasField(field.name):
            for part in values:
                require_known_values(part, f"{path}{field.name}.")


@cache
def _fields(kind: Descriptor) -> tuple[FieldDescriptor, ...]:
    """Return the fields that are enumerations or have some; most requests have none. Requests contain no cycles."""
    return tuple(
        field
        for field in kind.fields
        if field.enum_type is not None or (field.message_type is not None and _fields(field.message_type))
    )
