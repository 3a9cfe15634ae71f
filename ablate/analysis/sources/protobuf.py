"""Read the wire format of protocol buffers, as far as TensorBoard's event files need it.

https://protobuf.dev/programming-guides/encoding. Malformed bytes raise `ValueError`.
"""

import struct
from collections.abc import Iterator
from typing import TypeAlias

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MOST_BITS = 64

WireValue: TypeAlias = int | bytes  # a varint as an unsigned number, everything else as its bytes


def fields(message: bytes) -> Iterator[tuple[int, WireValue]]:
    """The number and the value of each field of a message, in order; a repeated field comes several times."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise ValueError("field number 0")
        if kind == VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        size, at = _varint(message, at) if kind == BYTES else (_size(kind), at)
        if at + size > len(message):
            raise ValueError("a field ends after its message")
        yield number, message[at : at + size]
        at += size


def last_field(message: bytes, number: int) -> bytes:
    """The last value of a field of bytes; empty if the message does not have it."""
    return b"".join([_bytes(value) for found, value in fields(message) if found == number][-1:])


def text(value: WireValue) -> str:
    """A field's text."""
    return _bytes(value).decode("utf-8")  # UnicodeDecodeError is a ValueError


def message_in(value: WireValue) -> bytes:
    """A field's message, as its bytes."""
    return _bytes(value)


def to_double(value: WireValue) -> float:
    """A field of type double."""
    return float(_unpacked("<d", value))


def to_float(value: WireValue) -> float:
    """A field of type float."""
    return float(_unpacked("<f", value))


def to_int(value: WireValue) -> int:
    """A field of type int64, int32, bool or an enumeration."""
    if not isinstance(value, int):
        raise ValueError("a field of bytes for a number")
    return value - 2**64 if value >= 2**63 else value


def _unpacked(form: str, value: WireValue) -> float:
    content = _bytes(value)
    if len(content) != struct.calcsize(form):
        raise ValueError("a field of another size")
    number: float = struct.unpack(form, content)[0]
    return number


def _bytes(value: WireValue) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a number for a field of bytes")
    return value


def _size(kind: int) -> int:
    if kind not in (FIXED64, FIXED32):
        raise ValueError(f"wire type {kind}")
    return 8 if kind == FIXED64 else 4


def _varint(message: bytes, at: int) -> tuple[int, int]:
    if at < len(message) and message[at] < 0x80:  # most numbers have one byte
        return message[at], at + 1
    value = 0
    for shift in range(0, MOST_BITS + 6, 7):
        if at >= len(message):
            raise ValueError("a number ends after its message")
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value & (2**MOST_BITS - 1), at
    raise ValueError("a number of more than 64 bits")
