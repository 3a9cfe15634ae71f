"""`load_dataset`: where a set is looked for, in which order, and when nothing may take its place."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ablate.data import default_data_dir, load_dataset
from ablate.data import load as load_module
from ablate.data.fetch import FetchError
from ablate.data.load import load_source
from ablate.data.npz import read_npz, write_npz
from ablate.data.stand_in import draw_stand_in
from ablate.errors import AblateError, DataError
from ablate.study.names import is_path
from ablate.study.settings import Data

X = np.arange(6 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(6, 28, 28)
Y = np.array([0, 1, 2, 0, 1, 2])
ARRAYS = {"x_train": X, "y_train": Y, "x_test": X[:3], "y_test": Y[:3]}


def no_network(name: str, _path: Path) -> None:
    raise FetchError(f"no network for {name}")


def never(name: str, path: Path) -> None:
    raise AssertionError(f"{name} was fetched to {path}")


def works(_name: str, path: Path) -> None:
    write_npz(path, ARRAYS)


def load(name, data_dir, *, explicit=False, fetch=never, **more):
    return load_dataset(name, data_dir=data_dir, explicit=explicit, base=more.pop("base", Path()), fetch=fetch, **more)


@pytest.fixture
def small_stand_in(monkeypatch):
    """The drawing itself, but few images; gives the list of the names drawn."""
    drawn = []

    def draw(name):
        drawn.append(name)
        return draw_stand_in(name, n_train=40, n_test=20)

    monkeypatch.setattr(load_module, "draw_stand_in", draw)
    return drawn


def test_importing_needs_neither_keras_nor_scikit_learn():
    code = "import sys, ablate.data; print({'keras', 'tensorflow', 'sklearn', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("explicit", [False, True])
def test_a_file_in_the_data_folder_comes_first(tmp_path, explicit):
    write_npz(tmp_path / "mnist.npz", ARRAYS)
    data = load("mnist", tmp_path, explicit=explicit)
    assert (data.name, data.n_classes, data.stand_in) == ("mnist", 3, False)
    assert data.x_train.shape == (6, 28, 28, 1)
    assert data.source == str(tmp_path / "mnist.npz")


def test_what_is_fetched_is_kept_and_not_fetched_again(tmp_path):
    said = []
    folder = tmp_path / "new"
    fetched = load("mnist", folder, fetch=works, announce=said.append)
    again = load("mnist", folder, fetch=never)
    assert (fetched.source, fetched.stand_in) == ("keras.datasets", False)
    assert fetched.digest == again.digest
    assert [path.name for path in folder.iterdir()] == ["mnist.npz"]
    assert len(said) == 1
    assert "downloading it once with keras.datasets" in said[0]


def test_a_link_that_leads_to_no_file_yet_stays_and_its_target_is_fetched(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "mnist.npz").symlink_to("disk/mnist.npz")
    assert not load("mnist", tmp_path, fetch=works).stand_in
    assert (tmp_path / "mnist.npz").is_symlink()
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["mnist.npz"]


def test_without_network_a_stand_in_is_drawn_labelled_and_kept_under_another_name(tmp_path, small_stand_in):
    data = load("mnist", tmp_path, fetch=no_network)
    assert data.stand_in
    assert data.name == "mnist"
    assert data.source == "built-in synthetic data (downloading mnist failed: no network for mnist)"
    assert [path.name for path in tmp_path.iterdir()] == ["mnist@stand-in.npz"]
    assert load("mnist", tmp_path, fetch=no_network).digest == data.digest
    assert small_stand_in == ["mnist"]


@pytest.mark.usefixtures("small_stand_in")
def test_with_the_network_back_the_stand_in_is_left_alone(tmp_path):
    load("mnist", tmp_path, fetch=no_network)
    assert not load("mnist", tmp_path, fetch=works).stand_in


@pytest.mark.usefixtures("small_stand_in")
def test_a_renamed_stand_in_is_still_known_as_one(tmp_path):
    load("mnist", tmp_path, fetch=no_network)
    (tmp_path / "mnist@stand-in.npz").rename(tmp_path / "mnist.npz")
    assert load("mnist", tmp_path).stand_in


@pytest.mark.parametrize("broken", ["damaged", "older"])
def test_a_stand_in_that_is_damaged_or_of_another_version_is_drawn_again(tmp_path, small_stand_in, broken):
    data = load("mnist", tmp_path, fetch=no_network)
    path = tmp_path / "mnist@stand-in.npz"
    if broken == "damaged":
        path.write_bytes(path.read_bytes()[:-100])
    else:
        write_npz(path, read_npz(path) | {"x_train": np.zeros_like(data.x_train), "stand_in": np.array(0)})
    assert load("mnist", tmp_path, fetch=no_network).digest == data.digest
    assert small_stand_in == ["mnist", "mnist"]


def test_a_named_folder_without_the_file_is_an_error_and_nothing_is_fetched(tmp_path):
    with pytest.raises(DataError, match=r"mnist\.npz: no such file; with --data-dir, .*\n  put the file there"):
        load("mnist", tmp_path, explicit=True, fetch=never)
    assert list(tmp_path.iterdir()) == []


def test_a_broken_file_in_the_data_folder_is_an_error_and_no_reason_for_a_stand_in(tmp_path):
    (tmp_path / "mnist.npz").write_bytes(b"half a download")
    with pytest.raises(DataError, match=r"mnist\.npz: is not a complete \.npz file"):
        load("mnist", tmp_path, fetch=never)


def test_a_fetched_file_that_breaks_a_rule_is_not_kept(tmp_path):
    def wrong(_name, path):
        write_npz(path, ARRAYS | {"y_train": Y[:2]})

    with pytest.raises(DataError, match="must have the same length"):
        load("mnist", tmp_path, fetch=wrong)
    assert list(tmp_path.iterdir()) == []


def test_a_data_folder_that_is_a_file_is_an_error_with_a_way_out(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"mnist\.npz: cannot be written.*\n  choose another folder with --data-dir"):
        load("mnist", tmp_path / "file", fetch=works)


def test_a_path_is_taken_from_the_folder_of_the_study(tmp_path):
    write_npz(tmp_path / "sets" / "own.npz", ARRAYS)
    data = load("sets/own.npz", None, base=tmp_path)
    assert (data.name, data.stand_in) == ("own", False)
    assert data.source == str(tmp_path / "sets" / "own.npz")


def test_a_path_never_falls_back(tmp_path):
    with pytest.raises(DataError, match=r"sets/mnist\.npz: no such file or folder\n  give its path relative to"):
        load("sets/mnist.npz", tmp_path, base=tmp_path)


def test_a_source_in_the_working_folder_is_shown_from_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_npz(tmp_path / "own.npz", ARRAYS)
    assert load("own.npz", None, base=tmp_path).source == "own.npz"


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path):
    words = r'unknown data set "cifar01".*\n  known: cifar10, cifar100, digits, fashion_mnist, mnist .*mean "cifar10"'
    with pytest.raises(DataError, match=words):
        load("cifar01", tmp_path)


def test_digits_need_neither_file_nor_network(tmp_path):
    data = load("digits", tmp_path / "none", explicit=True)
    assert data.x_train.shape == (1438, 8, 8, 1)
    assert data.x_test.shape == (359, 8, 8, 1)
    assert data.x_train.dtype == np.uint8
    assert (data.x_train.max(), data.n_classes, data.source) == (16, 10, "scikit-learn")
    assert np.ptp(np.bincount(data.y_test)) <= 2
    assert data.digest[:16] == "5b435467156f8e52"
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("name", "answer"), [("cifar10", False), ("own.npz", True), ("a/b", True), ("a\\b", True), ("digits", False)]
)
def test_a_path_is_told_from_a_name(name, answer):
    assert is_path(name) is answer


def test_the_data_folder_is_the_variable_then_data_then_the_cache(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ABLATE_DATA_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert default_data_dir() == tmp_path / "cache" / "ablate"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_data_dir() == tmp_path / "home" / ".cache" / "ablate"
    (tmp_path / "data").mkdir()
    assert default_data_dir() == Path("data")
    monkeypatch.setenv("ABLATE_DATA_DIR", str(tmp_path / "mine"))
    assert default_data_dir() == tmp_path / "mine"


def test_no_folder_given_means_the_default_one(tmp_path, monkeypatch):
    write_npz(tmp_path / "mnist.npz", ARRAYS)
    monkeypatch.setenv("ABLATE_DATA_DIR", str(tmp_path))
    assert load("mnist", None).n_classes == 3


def test_a_place_that_cannot_be_looked_at_is_an_error_that_names_it(monkeypatch):
    monkeypatch.setenv("ABLATE_DATA_DIR", "~nobody-of-this-name/data")
    for name, message in (
        ("x" * 300 + ".npz", "cannot be read: File name too long"),
        (
            "~nobody-of-this-name/x.npz",
            "~nobody-of-this-name/x.npz: no such home folder\n  write the full path",
        ),
        ("mnist", "~nobody-of-this-name/data: no such home folder"),
    ):
        with pytest.raises(DataError, match=message):
            load(name, None)


REAL = Path(os.environ.get("ABLATE_DATA_DIR") or "none") / "cifar10.npz"


@pytest.mark.skipif(not REAL.exists(), reason="ABLATE_DATA_DIR with a cifar10.npz is not set")
def test_real_cifar10_is_read_whole():
    data = load("cifar10", REAL.parent, explicit=True)
    assert data.x_train.shape == (50_000, 32, 32, 3)
    assert data.x_test.shape == (10_000, 32, 32, 3)
    assert np.bincount(data.y_train).tolist() == [5000] * 10
    assert not data.stand_in


def test_arrays_that_are_not_used_are_said(tmp_path):
    said = []
    write_npz(tmp_path / "own.npz", ARRAYS | {"x_val": X[:2], "y_val": Y[:2], "batch_size": np.array(32)})
    data = load("own.npz", None, base=tmp_path, announce=said.append)
    (line,) = said
    assert line.startswith(f"{tmp_path / 'own.npz'}: not used: x_val, y_val, batch_size; validation examples are drawn")
    assert data.groups == ()


def test_groups_in_a_file_come_with_the_data_and_are_not_called_unused(tmp_path):
    said = []
    write_npz(
        tmp_path / "own.npz", ARRAYS | {"patient": np.array([1, 1, 2, 2, 3, 3]), "patient_test": np.array([3, 4, 4])}
    )
    data = load("own.npz", None, base=tmp_path, announce=said.append)
    assert said == []
    assert data.groups[0].startswith("patient names 3 groups of training examples, and a random split")
    assert data.groups[1:] == ("1 of 2 groups in patient_test is in patient too",)


def test_weights_in_a_file_are_refused(tmp_path):
    write_npz(tmp_path / "own.npz", ARRAYS | {"sample_weight": np.ones(6)})
    with pytest.raises(DataError, match=r"own\.npz: holds sample_weight, but no setting uses it"):
        load("own.npz", None, base=tmp_path)


@pytest.mark.parametrize(("name", "what"), [("train.npy", "a single array"), ("a.PKL", "a Python pickle")])
def test_a_name_of_another_kind_of_file_is_named(name, what):
    with pytest.raises(DataError, match=rf'data\.name: "{name}" is {what}.*\n  convert it to \.npz in Python: '):
        load(name, None)


def source(folder, name, *, loss=None, seed=0, **more):
    return load_source(Data(name=name, **more), data_dir=None, explicit=False, base=folder, loss=loss, seed=seed)


def test_each_kind_of_source_has_its_reader(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,0.5\n2,1.5\n")
    (tmp_path / "mine.py").write_text(
        "import numpy\ndef load(seed):\n    return {'x_train': numpy.full((2, 1), seed)}\n"
    )
    for kind in ("cat", "dog"):
        (tmp_path / "photos" / kind).mkdir(parents=True)
        Image.new("L", (3, 2), 7).save(tmp_path / "photos" / kind / "1.png")
    write_npz(tmp_path / "own.npz", {name: array for name, array in ARRAYS.items() if "train" in name})
    assert source(tmp_path, "a.csv", target=("y",)).y_train.tolist() == [0.5, 1.5]
    assert source(tmp_path, "mine.py:load", seed=7).x_train.tolist() == [[7], [7]]
    assert source(tmp_path, "photos/").class_names == source(tmp_path, "./photos").class_names == ("cat", "dog")
    assert source(tmp_path, "own.npz").x_test is None


def test_the_loss_of_the_study_tells_amounts_from_classes(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n" + "".join(f"{n},{n % 3}\n" for n in range(12)))
    assert source(tmp_path, "a.csv", target=("y",)).y_train.dtype == np.int32
    assert source(tmp_path, "a.csv", target=("y",), loss="mae").y_train.dtype == np.float32


@pytest.mark.parametrize(
    ("name", "more", "message"),
    [
        ("file/", {}, r"file: is a file, not a folder of images\n  remove the slash"),
        ("./file", {"image_size": (2, 2)}, r"file: is a file, not a folder of images\n"),
        ("folder.npz", {}, r"folder\.npz: is a folder, not an \.npz file\n  name a folder of images with a slash"),
        ("folder.csv", {"target": ("y",)}, r"folder\.csv: is a folder, not a table"),
        ("none/", {}, r"none: no such file or folder\n"),
        ("none.py:load", {}, r"data\.name: no such file: .*none\.py\n"),
    ],
)
def test_what_is_not_there_or_something_else_is_said(tmp_path, name, more, message):
    (tmp_path / "file").write_text("x")
    for folder in ("folder.npz", "folder.csv"):
        (tmp_path / folder).mkdir()
    with pytest.raises(AblateError, match=message):
        source(tmp_path, name, **more)
