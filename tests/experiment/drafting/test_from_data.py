"""A study is drafted on data of each kind."""

import tomllib

import numpy as np
import pandas as pd
import pytest

from ablate.errors import AblateError
from ablate.experiment.drafting.draft import text_of
from ablate.experiment.drafting.from_data import draft_of_data
from ablate.study.load import load_study


@pytest.fixture
def drafted(tmp_path):
    def of(source, *target):
        return draft_of_data(
            source, name="mine", target=target, folder=tmp_path, data_dir=None, announce=lambda _: None
        )

    return of


def loaded(draft, tmp_path):
    """The draft as a study file is read."""
    (tmp_path / "studies").mkdir(exist_ok=True)
    (tmp_path / "studies" / "mine.toml").write_text(text_of(draft))
    return load_study(tmp_path / "studies" / "mine.toml", overrides=[], quick=False)


@pytest.fixture
def houses(tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"rooms": rng.integers(1, 6, 200), "town": rng.choice(["A", "B"], 200), "price": rng.normal(size=200)}
    )
    table.to_csv(tmp_path / "houses.csv", index=False)


@pytest.mark.usefixtures("houses")
def test_a_table_with_amounts(drafted, tmp_path):
    draft = drafted("houses.csv", "price")
    study = loaded(draft, tmp_path)
    assert (study.data.name, study.data.target, study.data.test) == ("../houses.csv", ("price",), 0.2)
    assert study.model.name == "mlp"
    assert draft.found[:2] == ("houses.csv: 200 examples, 3 columns of numbers", "predicts price: 1 amount")


@pytest.mark.usefixtures("houses")
def test_a_table_says_its_columns_where_the_target_is_missing_or_misspelt(drafted):
    with pytest.raises(AblateError, match=r"--target COLUMN\n  columns: rooms, town and price"):
        drafted("houses.csv")
    with pytest.raises(AblateError, match='did you mean "price"'):
        drafted("houses.csv", "pric")
    with pytest.raises(AblateError, match="digits is no table"):
        drafted("digits", "price")


def npz(tmp_path, **arrays):
    np.savez(tmp_path / "mine.npz", **arrays)
    return "mine.npz"


def test_images_with_parts_of_their_own(drafted, tmp_path):
    rng = np.random.default_rng(0)
    parts = {
        f"x_{part}": rng.integers(0, 255, (60, 16, 16, 3)).astype(np.uint8) for part in ("train", "validation", "test")
    }
    labels = {f"y_{part}": np.arange(60) % 3 for part in ("train", "validation", "test")}
    draft = drafted(npz(tmp_path, **parts, **labels))
    study = loaded(draft, tmp_path)
    assert (study.model.name, study.data.validation, study.data.test) == ("cnn", "given", None)
    assert "images of 16 × 16 pixels in 3 channels" in draft.found[0]
    assert draft.found[1] == "predicts one of 3 classes"


def test_masks_and_ids_of_words_and_series(drafted, tmp_path):
    rng = np.random.default_rng(0)
    images = rng.normal(size=(60, 16, 16, 1)).astype(np.float32)
    for x, y, model in (
        (images, (images[..., 0] > 0).astype(np.int32), "unet"),
        (rng.integers(0, 1000, (60, 12)), np.arange(60) % 2, "text"),
        (rng.normal(size=(60, 12)), np.arange(60) % 2, "mlp"),
    ):
        assert loaded(drafted(npz(tmp_path, x_train=x, y_train=y)), tmp_path).model.name == model


def test_a_name_keeps_it(drafted):
    study = tomllib.loads(text_of(drafted("digits")))
    assert study["data"]["name"] == "digits"
    assert study["model"]["name"] == "cnn"


def test_what_is_not_there_is_said(drafted):
    with pytest.raises(AblateError, match=r"nothing\.npz"):
        drafted("nothing.npz")
