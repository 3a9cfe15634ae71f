"""Read TensorBoard's event files: the last value of each scalar, and the sessions of the HParams plugin.

A file is a series of records, each framed by its length and checksums (TFRecord); a record is an `Event` as a protocol
buffer. The numbers of the fields are those of tensorboard/compat/proto and tensorboard/plugins/hparams.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ablate.analysis.sources.protobuf import fields, last_field, message_in, text, to_double, to_float, to_int
from ablate.errors import DataError
from ablate.text import printable

HEADER, FOOTER = 12, 4  # bytes before and after a record
LARGEST_CHECKED = 2**16  # of a record: a larger one holds pictures or a graph
SCALARS, HPARAMS = "scalars", "hparams"  # names of plugins
STATUSES = {1: "finished", 2: "failed", 3: "running"}  # of a session that ended
FLOATS = {1: "<f", 2: "<d", 19: "<e"}  # types of a tensor: float, double, half
INTEGERS = {3: "<i", 9: "<q"}
NUMBERS = {5: "<f", 6: "<d"}  # fields of a tensor's numbers
_POLYNOMIAL = 0x82F63B78  # of CRC-32C, reversed


@dataclass(frozen=True, slots=True)
class LoggedScalar:
    """The value of a scalar that was logged last."""

    value: float
    step: int
    wall_time: float


@dataclass(slots=True)
class EventLog:
    """What one or several event files of a folder hold."""

    scalars: dict[str, LoggedScalar] = field(default_factory=dict)
    hparams: dict[str, object] | None = None  # None without a session
    metrics: list[str] = field(default_factory=list)  # tags declared as metrics, "validation/epoch_accuracy"
    is_mixed: bool = False  # whether sessions with different hyperparameters wrote these files
    status: str = ""  # how the session ended; "" if its end is not recorded
    is_cut: bool = False  # whether a file ends within a record


def read_event_files(paths: list[Path]) -> EventLog:
    """The files of one folder together. Raises `DataError` if one is damaged; a file that ends early is cut."""
    log = EventLog()
    for path in paths:
        plugins: dict[str, str] = {}
        with path.open("rb") as file:
            for at, record in _records(file, path, log):
                try:
                    _read_event(record, log, plugins)
                except ValueError as err:
                    raise _damaged(path, at, str(err)) from err
    return log


def _records(file: BinaryIO, path: Path, log: EventLog) -> Iterator[tuple[int, bytes]]:
    end, after = path.stat().st_size, 0
    while header := file.read(HEADER):
        at, after = after, after + len(header)
        if len(header) == HEADER and masked_crc(header[:8]) != struct.unpack("<I", header[8:])[0]:
            raise _damaged(path, at, "the checksum of a length is wrong")
        size = struct.unpack("<Q", header[:8])[0] if len(header) == HEADER else 0
        if len(header) < HEADER or after + size + FOOTER > end:
            log.is_cut = True
            return
        after += size + FOOTER
        record, crc = file.read(size), struct.unpack("<I", file.read(FOOTER))[0]
        if size <= LARGEST_CHECKED and masked_crc(record) != crc:
            raise _damaged(path, at, "the checksum of a record is wrong")
        yield at, record


def _damaged(path: Path, at: int, why: str) -> DataError:
    return DataError(
        f"{printable(str(path), 300)}: is not an event file of TensorBoard, or it is damaged at byte {at:,}: "
        f"{printable(why)}\n  copy it again, or move the folder of this run away to leave the run out"
    )


def _read_event(record: bytes, log: EventLog, plugins: dict[str, str]) -> None:
    """Add an event to the log; `plugins`: the plugin of each tag of this file, which only its first event names."""
    wall_time, step, summaries = 0.0, 0, []
    for number, value in fields(record):
        if number == 1:
            wall_time = to_double(value)
        elif number == 2:
            step = to_int(value)
        elif number == 5:
            summaries.append(message_in(value))
    for summary in summaries:
        for number, value in fields(summary):
            if number == 1:
                _read_value(message_in(value), log, plugins, step=step, wall_time=wall_time)


def _read_value(value: bytes, log: EventLog, plugins: dict[str, str], *, step: int, wall_time: float) -> None:
    tag, number, tensor, content = "", None, None, b""
    for key, part in fields(value):
        if key == 1:
            tag = text(part)
        elif key == 2:
            number = to_float(part)
        elif key == 8:
            tensor = message_in(part)
        elif key == 9:
            plugin = last_field(message_in(part), 1)
            if name := last_field(plugin, 1):
                plugins[tag], content = text(name), last_field(plugin, 2)
    if plugins.get(tag) == HPARAMS:
        _read_session(content, log)
    elif tensor is not None and plugins.get(tag) == SCALARS:
        number = _scalar(tensor)
    known = log.scalars.get(tag)
    if number is not None and (known is None or wall_time >= known.wall_time):
        log.scalars[tag] = LoggedScalar(number, step, wall_time)


def _scalar(tensor: bytes) -> float | None:
    """The number that a tensor without dimensions holds."""
    kind, content, numbers = 0, b"", []
    for key, part in fields(tensor):
        if key == 1:
            kind = to_int(part)
        elif key == 2 and any(number == 2 for number, _ in fields(message_in(part))):
            return None
        elif key == 4:
            content = message_in(part)
        elif key in NUMBERS:
            numbers.append(struct.unpack_from(NUMBERS[key], message_in(part).ljust(8, b"\0"))[0])  # alone or packed
    form = (FLOATS | INTEGERS).get(kind)
    if form is None:
        return None
    if content:
        return float(struct.unpack(form, content)[0]) if len(content) == struct.calcsize(form) else None
    return float(numbers[0]) if numbers else 0.0  # a zero need not be written


def _read_session(content: bytes, log: EventLog) -> None:
    for number, part in fields(content):
        if number == 2:  # the experiment
            names = [last_field(message_in(metric), 1) for key, metric in fields(message_in(part)) if key == 5]
            log.metrics += ["/".join(filter(None, (text(last_field(name, at)) for at in (1, 2)))) for name in names]
        elif number == 3:  # the start, with the hyperparameters as a map
            entries = [message_in(entry) for key, entry in fields(message_in(part)) if key == 1]
            hparams = {text(last_field(entry, 1)): _plain(last_field(entry, 2)) for entry in entries}
            log.is_mixed |= log.hparams not in (None, hparams)
            log.hparams, log.status = dict(sorted(hparams.items())), ""  # the order in the file is arbitrary
        elif number == 4:  # the end
            statuses = [to_int(value) for key, value in fields(message_in(part)) if key == 1]
            log.status = STATUSES.get(statuses[-1], "") if statuses else ""


def _plain(value: bytes) -> Any:  # Any: JSON
    """A `google.protobuf.Value` as a plain value."""
    for key, part in fields(value):
        match key:
            case 2:
                number = to_double(part)
                return int(number) if number.is_integer() and abs(number) < 2**53 else number
            case 3:
                return text(part)
            case 4:
                return bool(to_int(part))
            case 5:
                return {
                    text(last_field(message_in(entry), 1)): _plain(last_field(message_in(entry), 2))
                    for _, entry in fields(message_in(part))
                }
            case 6:
                return [_plain(message_in(entry)) for _, entry in fields(message_in(part))]
    return None


def masked_crc(content: bytes) -> int:
    """The checksum of TFRecord files: CRC-32C, rotated, with a constant added."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _table() -> tuple[int, ...]:
    entries = []
    for entry in range(256):
        for _ in range(8):
            entry = (entry >> 1) ^ (_POLYNOMIAL if entry & 1 else 0)
        entries.append(entry)
    return tuple(entries)


_TABLE = _table()
