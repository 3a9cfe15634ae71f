from pathlib import Path

import pandas as pd
import pytest
from synthetic import write_study

from ablate.report.inputs import Inputs, read_inputs
from ablate.report.learning_curves import curve_contrasts, learning_curve_blocks, what_is_plain
from ablate.report.page import Folded
from ablate.storage.results import write_table


def inputs(folder: Path, *, monitor: str = "val_accuracy", n_seeds: int = 7) -> Inputs:
    return read_inputs(write_study(folder, n_seeds=n_seeds, facts={"monitor": monitor}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("speed")


def test_each_variant_has_a_row_below_the_curves_and_the_planted_one_is_earlier(folder: Path) -> None:
    (block,) = learning_curve_blocks(inputs(folder / "a"))
    assert isinstance(block, Folded)
    assert len(block.table.rows) == 12
    batch = dict(zip(block.table.head, block.table.rows[0], strict=True))
    assert (batch["Factor"], batch["Level"]) == ("normalization", "batch")
    assert batch["Reaches its reference's best"] == "7 of 7"
    assert str(batch["Epochs later"]).startswith("−")
    assert str(batch["Mean accuracy, gain in points"]).startswith("+3.")
    assert "Exploratory" in block.sentence
    assert not any(word in block.sentence for word in ("helps", "hurts", "significant"))


def test_lost_runs_never_arrive_and_the_mean_of_the_others_says_so(folder: Path) -> None:
    (block,) = learning_curve_blocks(inputs(folder / "b"))
    assert isinstance(block, Folded)
    (sgd,) = (dict(zip(block.table.head, row, strict=True)) for row in block.table.rows if row[1] == "sgd")
    assert (sgd["Reaches its reference's best"], sgd["in epoch (median)"]) == ("0 of 7", "never")
    assert "never]" in str(sgd["Epochs later"])
    assert str(sgd["Mean accuracy, gain in points"]).endswith("(4 of 7 seeds)")


def test_of_a_loss_lower_is_better_and_above_zero_still_means_better(folder: Path) -> None:
    table = curve_contrasts(inputs(folder / "c", monitor="val_loss"))
    gains = table.set_index("level")["gain"]
    assert gains["batch"] == pytest.approx(1.5 * 0.036, abs=0.01)  # nats: the synthetic loss is 2.3 − 1.5 · accuracy
    assert gains["0.3"] < 0
    assert table.set_index("level")["reached"]["batch"] == 7


def test_below_six_seeds_there_are_no_intervals(folder: Path) -> None:
    (block,) = learning_curve_blocks(inputs(folder / "d", n_seeds=3))
    assert isinstance(block, Folded)
    assert not any("[" in str(cell) for row in block.table.rows for cell in row)


def test_without_epochs_there_is_nothing(folder: Path) -> None:
    found = inputs(folder / "e", n_seeds=2)
    write_table(pd.DataFrame(columns=["trial", "epoch"]), found.folder / "epochs.csv")
    assert learning_curve_blocks(read_inputs(found.folder)) == []


def test_what_is_plain_names_who_always_and_who_never_gets_there() -> None:
    table = pd.DataFrame(
        {"factor": ["norm", "norm", "rate"], "level": ["batch", "layer", "high"], "against": "reference",
         "n": [8, 8, 8], "reached": [8, 3, 0], "reference_epochs": [12.0, 12.0, 12.0]}
    )  # fmt: skip
    assert what_is_plain(table, "accuracy") == (
        "The reference needs 12 epochs to its best validation accuracy (median over the seeds). Variants that reach "
        "that score in every seed: norm batch; in no seed: rate high."
    )
    assert what_is_plain(table[1:2], "loss").endswith("in every seed: none; in no seed: none.")
