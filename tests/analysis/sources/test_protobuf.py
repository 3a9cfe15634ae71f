import struct

import pytest

from ablate.analysis.sources.protobuf import fields, last_field, message_in, text, to_double, to_float, to_int


def test_the_fields_of_a_message_come_in_order_with_their_numbers():
    message = b"\x08\x96\x01" + b"\x12\x02hi" + b"\x19" + struct.pack("<d", 0.5) + b"\x25" + struct.pack("<f", 2.0)
    (one, varint), (two, word), (three, double), (four, single) = fields(message)
    assert (one, two, three, four) == (1, 2, 3, 4)
    assert (to_int(varint), text(word), to_double(double), to_float(single)) == (150, "hi", 0.5, 2.0)
    assert last_field(message + b"\x12\x01x", 2) == b"x"
    assert last_field(message, 9) == b""


def test_a_negative_number_has_ten_bytes():
    [(_, value)] = fields(b"\x08" + b"\xff" * 9 + b"\x01")
    assert to_int(value) == -1


@pytest.mark.parametrize(
    "message",
    [b"\x08", b"\x08\x80", b"\x12\x05hi", b"\x19\x00", b"\x0b", b"\x00\x01", b"\x08" + b"\xff" * 11, b"\x0f"],
)
def test_malformed_bytes_are_a_value_error(message):
    with pytest.raises(ValueError, match=r"field|number|type"):
        list(fields(message))


@pytest.mark.parametrize(
    ("read", "value"), [(text, 1), (text, b"\xff"), (message_in, 1), (to_int, b"a"), (to_double, b"a"), (to_float, b"")]
)
def test_a_value_of_another_kind_is_a_value_error(read, value):
    with pytest.raises(ValueError, match=r"field|utf-8"):
        read(value)
