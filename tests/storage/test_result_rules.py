import numpy as np
import pytest

from ablate.errors import DataError
from ablate.storage.results import read_epochs, read_results

HEAD = "trial,phase,design,variant,factor,level,mode,seed,state,score,epochs,width"
ROW = "t,ablation,one-factor,a=1,a,1,find,3,finished,0.5,7,1"


def read(tmp_path, *rows, head=HEAD):
    path = tmp_path / "results.csv"
    path.write_text("\n".join([head, *rows]) + "\n")
    return read_results(path)


def test_numbers_are_finite_and_words_are_as_they_stand(tmp_path):
    rows = [
        ROW.replace("0.5", score).replace("a=1,a,1", "a=0.10,a,0.10") for score in ("0.25", "", "nan", "inf", "1e308")
    ]
    table = read(tmp_path, *rows)
    assert table["score"].tolist() == pytest.approx([0.25, *[np.nan] * 4], nan_ok=True)
    assert table["level"].tolist() == ["0.10"] * 5
    assert table["seed"].tolist() == [3] * 5


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ablation", "javascript:alert(1)", 'phase: must be one of search, tune, ablation, got "javascript:alert(1)"'),
        ("finished", "done", "state: must be one of finished, pruned, diverged"),
        ("find", "../../x", 'mode: must be one of nothing, carry, find, tune, got "../../x" in row 3'),
        ("one-factor", "x", "design: must be one of nothing, one-factor, factorial, path"),
        (",3,", ",3.5,", 'seed: must be a whole number, or nothing, got "3.5" in row 3'),
        (",3,", ",1e300,", "seed: must be a whole number"),
        (",3,", ",three,", 'seed: must be a number, or nothing, got "three" in row 3'),
        ("0.5", "=1+1", 'score: must be a number, or nothing, got "=1+1" in row 3'),
        ("0.5", "True", 'score: must be a number, or nothing, got "True" in row 3'),
        (",7,", ",\x1b[2J,", r'epochs: must be a number, or nothing, got "\x1b[2J" in row 3'),
    ],
)
def test_a_cell_that_cannot_be_is_named_with_its_row(tmp_path, old, new, message):
    with pytest.raises(DataError) as caught:
        read(tmp_path, ROW, ROW.replace(old, new, 1))
    assert message in str(caught.value)


def test_columns_have_names_of_their_own_and_rows_one_length(tmp_path):
    with pytest.raises(DataError, match='two columns are called "width"'):
        read(tmp_path, f"{ROW},1", head=f"{HEAD},width")
    with pytest.raises(DataError, match="row 2 has 13 fields, but the header has 12"):
        read(tmp_path, f"{ROW},1")


def test_epochs_are_numbers_and_one_without_a_number_is_left_out(tmp_path):
    path = tmp_path / "epochs.csv"
    path.write_text("trial,epoch,val_loss\n007,1,inf\n007,,2\n007,3,0.5\n")
    table = read_epochs(path)
    assert table["trial"].tolist() == ["007"] * 2
    assert table["val_loss"].tolist() == pytest.approx([np.nan, 0.5], nan_ok=True)
    path.write_text("trial,epoch\nt,first\n")
    with pytest.raises(DataError, match='epoch: must be a number, or nothing, got "first" in row 2'):
        read_epochs(path)


def test_a_whole_number_of_hundreds_of_digits_is_no_number_and_no_end(tmp_path):
    digits = "9" * 400
    with pytest.raises(DataError, match='score: must be a number, or nothing, got "9999'):
        read(tmp_path, ROW.replace("0.5", digits))
    assert read(tmp_path, ROW, ROW.removesuffix("1") + digits)["width"].astype(str).tolist() == ["1", digits]
