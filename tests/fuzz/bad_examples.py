"""Tables, folders and functions that hold examples, as nobody should write them."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from doors import NASTY, TEXTS, Defect, Door
from hypothesis import strategies as st
from opened import open_source, settings_of
from PIL import Image

from ablate.data import Dataset, split_dataset
from ablate.data.comparable import incomparable
from ablate.data.load import load_source
from ablate.data.source import Source
from ablate.data.trees import leaves, n_examples
from ablate.study.data_factors import DataFactors, data_factors
from ablate.study.settings import Data
from ablate.study.trial import Factors

NAMES = ("a", "b", "who", "when", "w", "y", "z")
CELLS = st.one_of(
    st.integers(-3, 12).map(str), st.floats().map(str), st.sampled_from(("", "", "cat", "dog", "u|v", "true", "1,5")),
    st.sampled_from(("2024-01-02", "2024-02-31", "03.04.2024", "?", "NA", "1e39", "16777217", "inf", " x ")), TEXTS,
)  # fmt: skip
DAYS = st.shared(st.sampled_from(("1", "2024-01-")), key="days")
COLUMNS = st.sampled_from((*NAMES, *NAMES, "", "patient", *NASTY[:20]))


@dataclass(frozen=True, slots=True)
class TableExample:
    """A file's bytes, and what a study says of it."""

    content: bytes
    settings: Data
    loss: str | None


@st.composite
def tables(draw: st.DrawFn) -> TableExample:
    """A table of plain columns, of which some cells, names, rows or bytes are changed."""
    n = draw(st.sampled_from((24, 24, 24, 24, 12, 7, 1, 0)))
    names = [*NAMES[: draw(st.sampled_from((7, 7, 7, 7, 6, 1)))]]
    names = names if draw(st.integers(0, 9)) < 9 else draw(st.lists(COLUMNS, max_size=5))
    plain = {
        "a": [str(k * 0.5) for k in range(n)], "b": ["uv"[k % 2] for k in range(n)],
        "who": [f"p{k // 3}" for k in range(n)],
        "when": [f"{draw(DAYS)}{k // 2 + 1:02}" for k in range(n)], "w": ["12"[k % 2] for k in range(n)],
        "y": ["no" if k % 3 else "yes" for k in range(n)],
        "z": [str(k / 4) for k in range(n)],
    }  # fmt: skip
    columns = [list(plain.get(name, plain["a"])) for name in names]
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 4))) if columns and n else 0):
        draw(st.sampled_from(columns))[draw(st.integers(0, n - 1))] = draw(CELLS)
    separator = draw(st.sampled_from(",,;\t|"))
    rows = [separator.join(names), *(separator.join(column[k] for column in columns) for k in range(n))]
    content = draw(st.sampled_from(("\n", "\r\n"))).join(rows).encode(errors="replace")
    if draw(st.integers(0, 9)) == 9 and content:
        place = draw(st.integers(0, len(content) - 1))
        content = content[:place] + draw(st.binary(max_size=3)) + content[place + draw(st.integers(0, 3)) :]
    column = st.sampled_from((*NAMES, "none"))
    target = draw(st.sampled_from((("y",), ("y",), ("z",), ("b",), ("b",), ("y", "z"), ("a",), ("when",))))
    features = column.filter(lambda name: name not in target)  # the study file is checked for that
    named = {"groups": ("who", "who", "a"), "order": ("when", "when", "b"), "weights": ("w", "w", "b")}
    settings = draw(
        settings_of(
            "a.csv",
            **{key: tuple(name for name in names if name not in target) for key, names in named.items()},
            may_give=False,
            target=target,
            features=draw(st.none() | st.none() | st.lists(features, min_size=1, max_size=3, unique=True).map(tuple)),
            columns=draw(
                st.just({}) | st.just({}) | st.dictionaries(column, st.sampled_from(("number", "category")), max_size=1)
            ),
        )
    )
    losses = (None, None, None, "mse", "sparse_categorical_crossentropy", "x.py:f")
    return TableExample(content, settings, draw(st.sampled_from(losses)))


def enter_table(example: TableExample, folder: Path) -> None:
    """Read it, and check what a table of numbers and flags promises."""
    (folder / "a.csv").write_bytes(example.content)
    source = _loaded(example.settings, folder, loss=example.loss)
    inputs = source.x_train
    if len(source.columns) != inputs.shape[1] or inputs.dtype != np.float32 or np.isinf(inputs).any():
        raise Defect("the inputs are not those of the columns")
    for k, column in enumerate(source.columns):
        if column.kind == "flag" and not np.isin(inputs[:, k], (0, 1)).all():
            raise Defect(f"{column.name} is no flag")
        if column.feature in (example.settings.target or ()):
            raise Defect("the target is among the inputs")
    if not np.isfinite(source.y_train).all():
        raise Defect("a target is missing")
    for array in (source.groups, source.order, source.weights, source.y_train):
        if array is not None and len(array) != len(inputs):
            raise Defect("something is not said of every example")
    open_source(source, example.settings, folder, loss=example.loss)


def _loaded(settings: Data, folder: Path, *, loss: str | None = None, factors: DataFactors | None = None) -> Source:
    return load_source(settings, data_dir=None, explicit=False, base=folder, loss=loss, factors=factors)


VALUES = st.sampled_from((
    "x", "x[:2]", "x[0, 0]", "y", "y[:2]", "None", "[x, x]", "(x, x[:1])", "{'a': x}", "{}", "{'a': x, 'b': y[:1]}",
    "[]",
    "'text'", "3", "iter(x)", "(row for row in x)", "object()", "load", "x.tolist()", "list('ab' * 6)", "[[1], [1, 2]]",
    "np.array([None] * 12)", "np.full(12, np.nan)", "-y", "pandas.DataFrame(x)",
    "pandas.DataFrame({'a': list('uv' * 6)})",
    "pandas.Series(y)", "np.arange(12)", "Ugly()", "float('nan')", "np.zeros((0, 2))",
))  # fmt: skip
LEVELS = st.one_of(st.integers(-3, 12), st.floats(-1, 5), st.booleans(), TEXTS)
READS = (
    "x = x * factors['k']", "x = x[:, :factors.get('part', 2)]", "y = y + factors['k']", "factors['dropout']",
    "factors.get('dropout')", "x = x[:int(factors['part'])]", "x, y = x[:factors['k']], y[:factors['k']]",
    "factors.clear()", "del factors['k']", "y = {**factors}", "factors.update(k=1)", "factors['new'] = factors",
    "x = x + len(factors)", "factors()",
)  # fmt: skip
KEYS = ("x_train", "y_train", "x_test", "y_test", "x_val", "y_validation", "groups", "weights", "order", "groups_test")
CODE = """
import numpy as np, pandas
x, y = np.arange(24.0).reshape(12, 2), np.array([0, 1] * 6)
class Ugly:
    def __array__(self, *args, **more):
        raise KeyError("\\x1b[2J")
"""


@dataclass(frozen=True, slots=True)
class FunctionExample:
    """A function that returns something, and what a study says of it."""

    code: str
    settings: Data
    factors: Factors


@st.composite
def functions(draw: st.DrawFn) -> FunctionExample:
    """A function that returns a dict of arrays with some changed, or anything else."""
    given = {"x_train": "x", "y_train": draw(st.sampled_from(("y", "y", "x", "x[:, 0] / 3")))}
    if draw(st.booleans()):
        given |= {"groups": "np.arange(12) // 2", "order": "np.arange(12) % 5", "weights": "y + 1"}
    given |= draw(st.just({}) | st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3))
    items = ", ".join(f"{name!r}: {value}" for name, value in given.items())
    returned = draw(VALUES) if draw(st.integers(0, 9)) == 9 else f"{{{items}}}"
    strange = ("*args, **more", "seed, /", "sead=3", "*, seed", "factors, /", "*factors")
    lists = draw(st.sampled_from((*[""] * 15, *["seed"] * 5, *["factors", "seed, *, factors"] * 4, *strange)))
    first = draw(st.sampled_from(READS)) if "factors" in lists else ""
    factors = draw(st.dictionaries(st.sampled_from(("k", "part", "dropout", *NASTY[:5])), LEVELS, max_size=4))
    target = draw(st.sampled_from((*[None] * 9, ("a",))))
    plain = {"groups": ("groups", "groups", "who"), "order": ("order", "order", "who"), "weights": ("weights",)}
    named = plain if "groups" in given else {}
    settings = draw(settings_of("my.py:load", **named, target=target))
    code = f"{CODE}\ndef load({lists}):\n    global x, y\n    {first or 'pass'}\n    return {returned}\n"
    return FunctionExample(code, settings, factors)


def enter_function(example: FunctionExample, folder: Path) -> None:
    """Call it, and check that all arrays of a part have the same length."""
    (folder / "my.py").write_text(example.code)
    factors = data_factors(example.factors, model="mlp")
    source = _loaded(example.settings, folder, factors=factors)
    if not set(factors.read()) <= set(example.factors) - {"dropout"}:
        raise Defect("data depend on a factor of the model")
    for part in ("train", "test", "validation"):
        trees = [tree for tree in (getattr(source, f"x_{part}"), getattr(source, f"y_{part}")) if tree is not None]
        if len({len(array) for tree in trees for array in leaves(tree).values()}) > 1:
            raise Defect("arrays of a part differ in length")
    data = open_source(source, example.settings, folder, loss=None)
    if "factors" in example.code:
        _check_variant(example, data, folder)


def _check_variant(example: FunctionExample, data: Dataset, folder: Path) -> None:
    """What may be compared with `data` holds out the same examples."""
    factors = data_factors({**example.factors, "k": 3, "part": 1}, model="mlp")
    other = open_source(_loaded(example.settings, folder, factors=factors), example.settings, folder, loss=None)
    if incomparable(example.settings, data, other):
        return
    ours, theirs = (
        split_dataset(one, example.settings, seed=0, replicate=1, scaling="none").validation for one in (data, other)
    )
    for name, y in leaves(data.y_train).items():
        there = leaves(other.y_train)[name]
        if not np.array_equal(y[ours], there[theirs]):
            raise Defect("other examples are held out")
    if len(ours) != len(theirs) or n_examples(data.y_test) != n_examples(other.y_test):
        raise Defect("not as many examples are held out")


@dataclass(frozen=True, slots=True)
class FolderExample:
    """Files by their places, and what a study says of them."""

    files: dict[str, bytes]
    settings: Data


def _image(size: tuple[int, int], mode: str, kind: str) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, 1).save(out, kind)
    return out.getvalue()


IMAGES = (
    _image((3, 2), "RGB", "PNG"), _image((3, 2), "L", "PNG"), _image((2, 2), "RGB", "BMP"),
    _image((3, 2), "RGB", "JPEG"),
    _image((3, 2), "1", "PNG"), _image((3, 2), "I;16", "PNG"), _image((3, 2), "P", "GIF"),
    b"", b"GIF89a", b"\x89PNG\r\n",
)  # fmt: skip


@st.composite
def image_folders(draw: st.DrawFn) -> FolderExample:
    """Two classes with two images each, with more files, damaged ones or other places."""
    good = IMAGES[0]
    files = {f"{kind}/{k}.png": good for kind in ("cat", "dog") for k in range(draw(st.sampled_from((2, 2, 5))))}
    if draw(st.booleans()):
        files = {f"{part}/{name}": content for part in ("train", "test") for name, content in files.items()}
    places = (
        "cat/3.png",
        "dog/3.jpg",
        "bird/1.png",
        "1.png",
        "train/1.png",
        "val/cat/1.png",
        ".x/1.png",
        "cat/a/b.gif",
    )
    for _ in range(draw(st.integers(0, 2))):
        content = bytearray(draw(st.sampled_from(IMAGES)))
        if content and draw(st.booleans()):
            content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
        files[draw(st.sampled_from((*places, "cat/notes.txt")))] = bytes(content)
    size = draw(st.sampled_from((None, None, (2, 2), (1, 5))))
    return FolderExample(files, draw(settings_of("photos/", image_size=size)))


def enter_folder(example: FolderExample, folder: Path) -> None:
    """Read it, and check that pixels and classes belong together."""
    for name, content in example.files.items():
        path = folder / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    source = _loaded(example.settings, folder)
    if source.x_train.dtype != np.uint8 or source.x_train.ndim != 4 or len(source.x_train) != len(source.y_train):
        raise Defect("pixels and classes do not belong together")
    open_source(source, example.settings, folder, loss=None)


EXAMPLE_TABLES = Door(tables(), enter_table, ("a.csv", "a:", "data."))
FUNCTIONS = Door(functions(), enter_function, ("my.py", "my:", "data."))
IMAGE_FOLDERS = Door(image_folders(), enter_folder, ("photos", "data."))
