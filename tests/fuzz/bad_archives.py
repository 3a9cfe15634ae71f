"""Archives of arrays: of every kind and shape, with headers that lie, members twice, bytes changed."""

import io
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from doors import Defect, Door
from hypothesis import strategies as st

from ablate.data import split_dataset, to_dataset
from ablate.data.npz_source import read_npz_source
from ablate.study.settings import Data


@dataclass(frozen=True, slots=True)
class DataExample:
    """An archive's bytes, and what a study says of it."""

    content: bytes
    settings: Data


KINDS = (
    "u1", "i1", "<i4", ">i4", "<u8", ">u8", "<f2", "<f4", ">f4", "<f8", ">f8", "?", "<c8", "<U3", "|S3", "<M8[s]",
    "|V4", "<f4,<i4", "|O", "(2,)<f4", "|S0", "<U0", "|V0", "g",
)  # fmt: skip
SHAPES = st.sampled_from(
    ("(6, 4)", "(2, 4)", "(6,)", "(2,)", "(6, 1)", "()", "(0,)", "(0, 4)", "(1, 4)", "(6, 2, 2)", "(6, 2, 2, 1)",
     "(-6, 4)", "(6, 4, 1, 1, 1)", "(10000000000, 4)", "(9223372036854775807, 9223372036854775807)",
     "(0, 99999999999999999999)",
     "(True, 4)", "(6.0,)", "6", "('6',)")
)  # fmt: skip


@st.composite
def archives(draw: st.DrawFn) -> DataExample:
    """A good archive with arrays of other kinds and shapes, members more or less, bytes changed, or cut short."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    members = {
        "x_train": _npy(rng.integers(0, 255, (6, 4)).astype("u1")),
        "y_train": _npy(np.array([0, 1, 0, 1, 0, 1])),
    }
    members |= {"x_test": _npy(rng.integers(0, 255, (2, 4)).astype("u1")), "y_test": _npy(np.array([0, 1]))}
    for _ in range(draw(st.integers(0, 2))):
        members[draw(st.sampled_from(sorted(members)))] = draw(_arrays())
    out = io.BytesIO()
    packing = draw(st.sampled_from((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)))
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(out, "w", packing) as archive:
        for name, content in members.items():
            if draw(st.integers(0, 19)):
                archive.writestr(f"{name}.npy", content)
        for _ in range(draw(st.sampled_from((0, 0, 0, 1, 2)))):
            name = draw(
                st.sampled_from((
                    "x_train.npy", "x_train", "../x.npy", "stand_in.npy", "a/", "\x1b[2J.npy", "y", "who.npy", "w.npy",
                    "x_val.npy", "y_val.npy", "who_test.npy", "x_train/a.npy",
                ))
            )  # fmt: skip
            archive.writestr(name, draw(_arrays() | st.binary(max_size=40)))
    content = bytearray(out.getvalue())
    for _ in range(draw(st.sampled_from((0, 0, 1, 1, 2, 5)))):
        content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    return DataExample(
        bytes(content[: draw(st.integers(0, len(content)))] if draw(st.integers(0, 9)) == 0 else content),
        Data(name="set.npz", **draw(st.sampled_from(({}, {}, {"groups": "who"}, {"order": "w", "weights": "w"}))))
        if draw(st.booleans())
        else Data(name="set.npz", validation=draw(st.sampled_from((1, "given")))),
    )


@st.composite
def _arrays(draw: st.DrawFn) -> bytes:
    """A header that says anything over bytes that need not be there, or a plain array of any kind."""
    kind = draw(st.sampled_from(KINDS))
    if draw(st.booleans()):
        size = draw(st.sampled_from((0, 2, 6, 24, 100)))
        head = f"{{'descr': {kind!r}, 'fortran_order': {draw(st.booleans())}, 'shape': {draw(SHAPES)}, }}"
        return _with_header(draw(st.sampled_from((head, head, head, head[:-1], "(" * 200, "{}", "\xff"))), b"\1" * size)
    shape = draw(st.sampled_from(((6, 4), (2, 4), (6,), (2,), (1, 4), (6, 1), (0, 4))))
    fill = draw(st.sampled_from((0, 1, 7, -1, 0.5, float("nan"), float("inf"), 2**40)))
    with np.errstate(all="ignore"):
        try:
            array = np.full(shape, fill).astype(kind)
        except (TypeError, ValueError, OverflowError):
            array = np.zeros(shape, "f4")
    return _npy(np.asfortranarray(array) if draw(st.booleans()) else array)


def _npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, array, allow_pickle=True)
    return out.getvalue()


def _with_header(head: str, body: bytes) -> bytes:
    text = head.encode("latin-1") + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body


def enter_data(example: DataExample, folder: Path) -> None:
    """Read, check and split it."""
    path = folder / "set.npz"
    path.write_bytes(example.content)
    data = to_dataset("set", read_npz_source(path, example.settings, origin="set.npz"))
    if not (np.isfinite(data.x_train).all() and data.n_classes >= 2 and len(data.x_train) == len(data.y_train)):
        raise Defect("the arrays break the rules that they passed")
    for scaling in ("unit", "standardize"):
        split_dataset(data, Data(name="x.npz", validation=1), seed=0, replicate=0, scaling=scaling)


ARCHIVES = Door(archives(), enter_data, ("set.npz", "set:"))
