"""Files that are whole or not there: written aside, then put in place; what a disk refuses into an error."""

import errno
import json
import os
import platform
import secrets
import shutil
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter

from ablate.errors import AblateError, DataError, StorageError
from ablate.text import printable

ASIDE = ".aside-"  # what a file is called while it is written, then its writer's machine and process number
_IN_THE_WAY = (errno.EEXIST, errno.ENOTDIR)
Record = TypeVar("Record")
MOST_BYTES = 2**28  # 30,000 range tests
_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
T = TypeVar("T")
MAX_BYTES = 4 * 2**20  # of one file: some 20,000 epochs; larger ones are neither written nor read


def write_aside(path: Path, content: str | bytes) -> None:
    """Write `content` to a file beside `path`, then rename it over `path`; makes the folder if need be.

    Both are on disk when this returns, as far as the system promises it. What is no text in a string, such as the
    undecodable bytes of an argument, is written as question marks.
    """
    aside = _written(path.parent, content)
    try:
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def write_once(path: Path, content: str) -> str:
    """Write `content` unless the file is there already; what it holds afterwards, whoever wrote it."""
    with suppress(FileExistsError):
        write_new(path, content)
    return path.read_text(encoding="utf-8", errors="replace")


def write_new(path: Path, content: str) -> None:
    """Write `content` to a file that is not there yet. Raises `FileExistsError` where one is, or a link."""
    aside = _written(path.parent, content)
    try:
        name_new(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    _sync_folder(path.parent)


def name_new(aside: Path, path: Path) -> None:
    """Have the content of `aside` at `path` too. Raises `FileExistsError` where something is there: it stays."""
    try:
        os.link(aside, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        _copy_new(aside, path)


def name_aside(folder: Path, name: str) -> Path:
    """A file in `folder` that `sweep` removes once this process is gone."""
    return folder / f"{ASIDE}{_machine()}-{os.getpid()}-{name}"


def sweep(folder: Path) -> None:
    """Remove what processes of this machine that died while they wrote have left in a folder and below it."""
    remove_abandoned(folder.rglob(f"{ASIDE}*"))


def remove_abandoned(files: Iterable[Path]) -> None:
    """Remove those that processes of this machine wrote aside, and left when they died."""
    of_this_machine = f"{ASIDE}{_machine()}-"
    for litter in files:
        if not litter.name.startswith(of_this_machine):
            continue
        writer = litter.name.removeprefix(of_this_machine).partition("-")[0]
        if writer.isdecimal() and not _lives(int(writer)):
            with suppress(OSError):  # it is another user's
                litter.unlink()


@contextmanager
def opening(folder: Path) -> Iterator[None]:
    """Turn what a disk refuses inside the block into an `AblateError`: no study can be kept in this folder."""
    try:
        yield
    except OSError as err:
        reason = "a file is where a folder should be" if err.errno in _IN_THE_WAY else err.strerror or err
        raise AblateError(f"{folder}: cannot be written: {reason}\n  name another folder with --out") from err


@contextmanager
def saving(path: Path, what: str) -> Iterator[None]:
    """Turn what a disk refuses inside the block into a `StorageError`: where, why, what is not saved, the way out."""
    try:
        yield
    except OSError as err:
        raise StorageError(
            f"{path}: cannot be written: {err.strerror or err}; {what} is not saved\n"
            "  free space or make it writable: the same command goes on from what is saved"
        ) from err


def _written(folder: Path, content: str | bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    aside = name_aside(folder, secrets.token_hex(6))
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode(errors="replace") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    return aside


def _copy_new(aside: Path, path: Path) -> None:
    with aside.open("rb") as source, path.open("xb") as target:
        try:
            shutil.copyfileobj(source, target)
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _sync_folder(folder: Path) -> None:
    """Have the new name on disk, too, where the system lets a folder be asked for that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _machine() -> str:
    """Eight hexadecimal digits that tell machines apart; their names may hold anything."""
    return f"{zlib.crc32(platform.node().encode(errors='replace')):08x}"


def _lives(process: int) -> bool:
    """Whether a process of this machine has that number; true where there is no harmless way to ask."""
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it is another user's
        return True
    return True


@dataclass(frozen=True, slots=True)
class Within:
    """The numbers that a field of a record takes, as `Annotated[int, Within(0, 10)]`."""

    least: float
    most: float
    is_open: bool = False  # `least` itself is none of them

    def __contains__(self, number: float) -> bool:
        return self.least <= number <= self.most and not (self.is_open and number == self.least)

    def __str__(self) -> str:
        return f"{'above' if self.is_open else 'at least'} {self.least:g} and at most {self.most:g}"


Count: TypeAlias = Annotated[int, Within(0, 2**63 - 1)]
Size: TypeAlias = Annotated[float, Within(0, 1e100)]  # squares of larger numbers are infinite
Scale: TypeAlias = Annotated[float, Within(0, 1e100, is_open=True)]


def read_json(path: Path, *, otherwise: Any) -> Any:  # Any: JSON
    """What the file says; `otherwise` where it is not there. Raises `DataError` where it cannot be read.

    Its text can be written again.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
        value = json.loads(content)
        json.dumps(value, ensure_ascii=False).encode()  # half a character (a lone surrogate) can be read, not written
    except FileNotFoundError:
        return otherwise
    except OSError as err:
        raise DataError(f"{path}: cannot be read: {err.strerror}") from err
    except (ValueError, RecursionError) as err:
        reason = printable(str(err), 200)
        raise DataError(f"{path}: is no JSON: {reason}\n  delete it to leave its sections out") from err
    return value


def to_record(value: Any, kind: type[Record], *, place: Path) -> Record:  # Any: JSON
    """A table of the file at `place` as a record; keys that the record has no field for are passed over.

    A field that may be None is so for null and for an empty table. Raises `DataError`: key, rule, value.
    """
    record: Record = _read(value, kind, place)
    return record


def to_records(value: Any, kind: type[Record], *, place: Path) -> Sequence[Record]:  # Any: JSON
    """The same of a list of tables."""
    records: Sequence[Record] = _read(value, Sequence[kind], place)  # type: ignore[valid-type]  # a type at run time
    return records


def to_plain(record: Any) -> dict[str, Any]:  # Any: of records, JSON
    """A record as a table of JSON: its fields in their order, without those that are None."""
    named = {field.name.removesuffix("_"): getattr(record, field.name) for field in fields(record)}
    return {name: to_plain(v) if is_dataclass(v) else v for name, v in named.items() if v is not None}


def _read(value: Any, kind: Any, place: Path) -> Any:  # Any: JSON, and types of every form
    try:
        return _typed(value, kind, "")
    except ValueError as err:
        raise DataError(f"{place}: {err}\n  delete the file to leave its sections out") from err


def _typed(value: Any, kind: Any, key: str) -> Any:
    """`value` as a `kind`. Raises `ValueError` with the key at fault, the rule and the value."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        if _typed(value, inner[0], key) not in inner[1]:
            raise _refused(key, str(inner[1]), value)
        return value
    if origin in (Union, UnionType):
        return _first_of(value, inner, key)
    if origin is Sequence and isinstance(value, list):
        return [_typed(one, inner[0], f"{key}[{number}]") for number, one in enumerate(value)]
    if origin is Mapping and isinstance(value, dict):
        return {_typed(name, inner[0], key): _typed(one, inner[1], f"{key}.{name}") for name, one in value.items()}
    if is_dataclass(kind) and isinstance(value, dict):
        return _record(value, kind, key)
    fits = value in inner if origin is Literal else type(value) is kind or (kind is float and type(value) is int)
    if not fits and kind is not Any:
        raise _refused(key, _in_words(kind), value)
    return value


def _record(value: Mapping[str, Any], kind: Any, key: str) -> Any:
    hints, found = _hints(kind), {}
    for field in fields(kind):
        name = field.name.removesuffix("_")  # "from_": "from" is a word of Python's
        if name in value:
            found[field.name] = _typed(value[name], hints[field.name], f"{key}.{name}" if key else name)
        elif field.default is MISSING:
            raise ValueError(f"{_at(key)}{name} is missing")
    return kind(**found)


def _first_of(value: Any, kinds: Sequence[Any], key: str) -> Any:
    """`value` as the first of `kinds` that it is."""
    if NoneType in kinds and (value is None or value == {}):
        return None
    kinds = [kind for kind in kinds if kind is not NoneType]
    if len(kinds) == 1:
        return _typed(value, kinds[0], key)
    for kind in kinds:
        with suppress(ValueError):
            return _typed(value, kind, key)
    words = [_in_words(kind) for kind in kinds if not (kind is int and float in kinds)]
    raise _refused(key, " or ".join(words), value)


def _refused(key: str, rule: str, value: Any) -> ValueError:
    return ValueError(f"{_at(key)}must be {rule}, got {printable(json.dumps(value), 60)}")


def _at(key: str) -> str:
    return f"{printable(key)}: " if key else ""


def _in_words(kind: Any) -> str:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _in_words(inner[0])
    if origin is Literal:
        return f"one of {', '.join(map(json.dumps, inner))}"
    return "a list" if origin is Sequence else _WORDS.get(kind, "a table")


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind, include_extras=True)


def load_kept(path: Path, kind: TypeAdapter[T]) -> T | None:
    """What the JSON at `path` holds; None where that is not of the `kind`, or cannot be read."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        return kind.validate_json(path.read_bytes(), strict=True)
    except (OSError, ValueError):
        return None


def keep(path: Path, text: str) -> None:
    """Write `text` to `path` if the disk takes it: without it there is more to do later, but nothing wrong now."""
    if len(text) <= MAX_BYTES:
        with suppress(OSError):
            write_aside(path, text)
