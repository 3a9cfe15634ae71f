import random
import struct
from contextlib import suppress
from pathlib import Path

import pytest
from event_bytes import block, event, framed, simple, tensor, whole

from ablate.analysis.sources.event_file import LoggedScalar, masked_crc, read_event_files
from ablate.errors import DataError

LOGS = Path(__file__).parent / "logs"


def files(*names):
    return sorted(path for name in names for path in (LOGS / name).glob("*.tfevents.*"))


def read(tmp_path, *contents):
    paths = [tmp_path / f"events.out.tfevents.{number}.host" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return read_event_files(paths)


def values(log):
    return {tag: scalar.value for tag, scalar in log.scalars.items()}


def test_the_checksum_is_that_of_castagnoli_masked():
    crc = 0xE3069283  # of the nine digits, as RFC 3720 and its library name it
    assert masked_crc(b"123456789") == (((crc >> 15) | (crc << 17)) + 0xA282EAD8) % 2**32


def test_a_session_of_keras_and_of_pytorch_is_read():
    keras = read_event_files(files("tensorboard_keras/run-7"))
    assert keras.hparams == {"rate": 0.1, "activation": "relu", "seed": 1}
    assert (keras.status, keras.is_cut, keras.scalars) == ("finished", False, {})
    torch = read_event_files(files("tensorboard_torch/run02/1790000002.5"))
    assert torch.hparams == {"optimizer": "sgd", "dropout": 0.5, "seed": 0, "amp": True}
    assert torch.metrics == ["hparam/accuracy"]
    assert values(torch) == {"hparam/accuracy": pytest.approx(0.795418, abs=1e-6)}


def test_a_session_that_failed_and_one_without_an_end_are_told_apart():
    states = [read_event_files(files(f"tensorboard_sessions/{number:02}")).status for number in (0, 8, 17)]
    assert states == ["finished", "failed", ""]


def test_of_a_scalar_the_value_written_last_counts(tmp_path):
    first = event(simple("acc", 0.5), step=1, wall_time=10.0) + event(simple("acc", 0.75), step=2, wall_time=20.0)
    resumed = event(simple("acc", 0.625), step=1, wall_time=30.0)
    assert read(tmp_path, first).scalars == {"acc": LoggedScalar(0.75, 2, 20.0)}
    assert read(tmp_path, first, resumed).scalars == {"acc": LoggedScalar(0.625, 1, 30.0)}
    assert read(tmp_path, resumed, first).scalars == {"acc": LoggedScalar(0.625, 1, 30.0)}


@pytest.mark.parametrize(
    ("content", "number"),
    [
        (whole(1, 1) + block(4, struct.pack("<f", 0.5)), 0.5),
        (whole(1, 1) + b"\x2d" + struct.pack("<f", 0.5), 0.5),
        (whole(1, 1) + block(5, struct.pack("<f", 0.5)), 0.5),
        (whole(1, 2) + block(2, b"") + block(4, struct.pack("<d", 0.1)), 0.1),
        (whole(1, 2) + block(6, struct.pack("<d", 0.1)), 0.1),
        (whole(1, 19) + block(4, struct.pack("<e", 0.5)), 0.5),
        (whole(1, 9) + block(4, struct.pack("<q", -3)), -3),
        (whole(1, 1), 0.0),
        (whole(1, 1) + block(2, block(2, whole(1, 1))) + block(4, struct.pack("<f", 0.5)), None),
        (whole(1, 7) + block(8, "text"), None),
        (whole(1, 1) + block(4, b"12"), None),
    ],
)  # fmt: skip
def test_a_tensor_is_a_scalar_if_it_has_a_number_and_no_dimension(tmp_path, content, number):
    assert values(read(tmp_path, event(tensor("acc", content)))) == ({} if number is None else {"acc": number})


def test_a_tag_keeps_the_plugin_that_its_first_event_names(tmp_path):
    number = whole(1, 1) + block(4, struct.pack("<f", 0.5))
    bare = block(1, "acc") + block(8, number)
    assert values(read(tmp_path, event(tensor("acc", whole(1, 1))) + event(bare))) == {"acc": 0.5}
    assert values(read(tmp_path, event(bare))) == {}
    assert values(read(tmp_path, event(tensor("acc", number, plugin="images")))) == {}


def test_a_file_that_ends_within_a_record_is_cut_at_every_byte(tmp_path):
    one, two = event(simple("acc", 0.5), step=1), event(simple("acc", 0.75), step=2)
    for n in range(1, len(two)):
        log = read(tmp_path, one + two[:n])
        assert (log.is_cut, values(log)) == (True, {"acc": 0.5})
    assert not read(tmp_path, one + two).is_cut
    assert not read(tmp_path, b"").is_cut


def test_a_changed_byte_is_found_wherever_it_is(tmp_path):
    content = event(simple("acc", 0.5), step=1) + event(simple("acc", 0.75), step=2)
    for at in range(len(content)):
        broken = bytearray(content)
        broken[at] ^= 0x10
        with pytest.raises(DataError, match=r"is not an event file of TensorBoard, or it is damaged at byte \d+"):
            read(tmp_path, bytes(broken))


@pytest.mark.parametrize("content", [b"acc,seed\n0.5,1\n0.6,2\n", b"\0" * 64, b"PK\x03\x04 and the rest of an archive"])
def test_another_file_by_this_name_is_refused(tmp_path, content):
    with pytest.raises(DataError, match="is not an event file of TensorBoard, or it is damaged at byte 0"):
        read(tmp_path, content)


def test_a_record_that_is_no_event_is_refused_with_the_place(tmp_path):
    start = event(simple("acc", 0.5))
    with pytest.raises(DataError, match=f"damaged at byte {len(start)}: a field ends after its message"):
        read(tmp_path, start + framed(block(5, b"\x0a\x7f")))


def test_drawn_records_are_read_or_refused_in_words(tmp_path):
    rng = random.Random(0)
    whole_file = files("tensorboard_keras/run-7/validation")[0].read_bytes()
    for _ in range(300):
        start = rng.randrange(len(whole_file))
        record = bytearray(whole_file[start : start + rng.randrange(1, 200)])
        for _ in range(rng.randrange(4)):
            record[rng.randrange(len(record))] = rng.randrange(256)
        with suppress(DataError):
            read(tmp_path, framed(bytes(record)) + framed(block(5, block(1, bytes(record)))))


def test_two_sessions_with_other_hyperparameters_in_one_folder_are_noticed(tmp_path):
    one, two = (files(f"tensorboard_torch/run0{n}/179000000{n}.5")[0].read_bytes() for n in (1, 2))
    assert not read(tmp_path, one, one).is_mixed
    assert read(tmp_path, one, two).is_mixed
    assert read(tmp_path, one + two).is_mixed
