"""Archives of arrays: of every kind and shape, with headers that lie, members twice, bytes changed."""

import io
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from doors import Defect, Door
from hypothesis import strategies as st
from opened import open_source, settings_of

from ablate.data import Dataset
from ablate.data.npz_source import read_npz_source
from ablate.data.trees import leaves
from ablate.study.settings import Data


@dataclass(frozen=True, slots=True)
class DataExample:
    """An archive's bytes, and what a study says of it."""

    content: bytes
    settings: Data
    loss: str | None


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


INPUTS = st.sampled_from(((4,), (4,), (4,), (), (2, 2), (2, 2, 1), (2, 2, 2, 1)))
TARGETS = {
    "classes": lambda _: np.arange(8) % 2,
    "more classes": lambda _: np.arange(8) % 2,
    "one-hot": lambda _: np.eye(2)[np.arange(8) % 2],
    "tags": lambda rng: rng.integers(0, 2, (8, 3)),
    "numbers": lambda rng: rng.normal(size=8),
    "whole numbers": lambda rng: rng.integers(-9, 300, (8, 1)),
    "several numbers": lambda rng: rng.normal(size=(8, 2)),
    "masks": lambda rng: rng.integers(0, 3, (8, 2, 2)),
}
LOSSES = st.sampled_from((
    None, None, None, "mse", "poisson", "sparse_categorical_crossentropy", "categorical_crossentropy", "hinge", "dice",
    "binary_crossentropy", "my.py:f", "",
))  # fmt: skip


@st.composite
def archives(draw: st.DrawFn) -> DataExample:
    """A good archive with arrays of other kinds and shapes, members more or less, bytes changed, or cut short."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    x, y = rng.integers(0, 255, (8, *draw(INPUTS))).astype("u1"), TARGETS[draw(st.sampled_from(sorted(TARGETS)))](rng)
    members = {"x_train": _npy(x[:6]), "y_train": _npy(y[:6]), "x_test": _npy(x[6:]), "y_test": _npy(y[6:])}
    if draw(st.booleans()):  # of all that settings may name
        members = {"x_train": _npy(x), "y_train": _npy(y)} if draw(st.booleans()) else members
        n = len(x) if "x_test" not in members else 6
        members |= {"who": _npy(np.arange(n) // 2), "w": _npy(np.ones(n)), "when": _npy(np.arange(n) % 5)}
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 2)))):
        members[draw(st.sampled_from(sorted(members)))] = draw(_arrays())
    out = io.BytesIO()
    packing = draw(st.sampled_from((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)))
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(out, "w", packing) as archive:
        for name, content in members.items():
            if draw(st.integers(0, 29)):
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
    for _ in range(draw(st.sampled_from((0, 0, 0, 0, 1, 5)))):
        content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    return DataExample(
        bytes(content[: draw(st.integers(0, len(content)))] if draw(st.integers(0, 9)) == 0 else content),
        draw(settings_of("set.npz", groups=("who",), order=("w", "when"), weights=("w",)))
        if draw(st.booleans())
        else Data(name="set.npz", validation=draw(st.sampled_from((1, 1, 1, "given")))),
        draw(LOSSES),
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
    """Read, check, save and split it."""
    path = folder / "set.npz"
    path.write_bytes(example.content)
    source = read_npz_source(path, example.settings, origin="set.npz")
    _check(open_source(source, example.settings, folder, loss=example.loss))


def _check(data: Dataset) -> None:
    target, x, y = data.targets[""], leaves(data.x_train), data.y_train
    if not all(np.isfinite(array).all() and len(array) == len(y) for array in x.values()):
        raise Defect("the inputs break the rules that they passed")
    labels = y if target.kind == "classes" else np.zeros(1, int)
    if y.shape[1:] != target.shape or labels.min() < 0 or labels.max() >= max(1, target.n_classes):
        raise Defect("the targets break the rules that they passed")
    if y.dtype != (np.int32 if target.kind == "classes" else np.float32) or not np.isfinite(y).all():
        raise Defect("the targets are not of their type")


ARCHIVES = Door(archives(), enter_data, ("set.npz", "set:", "data."))
