"""Write the bytes of an event file by hand, for files that no tool writes."""

import struct

from ablate.analysis.sources.event_file import masked_crc


def framed(record):
    """A record with its length and checksums."""
    size = struct.pack("<Q", len(record))
    return size + struct.pack("<I", masked_crc(size)) + record + struct.pack("<I", masked_crc(record))


def block(number, content):
    """A field of bytes."""
    content = content.encode() if isinstance(content, str) else content
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def whole(number, value):
    """A field of a whole number."""
    return bytes([number << 3]) + _varint(value)


def event(*values, step=0, wall_time=1.0):
    """An event with a summary of the given values."""
    return framed(
        b"\x09" + struct.pack("<d", wall_time) + whole(2, step) + block(5, b"".join(block(1, v) for v in values))
    )


def simple(tag, number):
    """A scalar as TensorFlow 1 and PyTorch write it."""
    return block(1, tag) + b"\x15" + struct.pack("<f", number)


def tensor(tag, content, *, plugin="scalars"):
    """A value that is a tensor, of a plugin."""
    return block(1, tag) + block(9, block(1, block(1, plugin))) + block(8, content)


def _varint(value):
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])
