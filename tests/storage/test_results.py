import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ablate.errors import DataError
from ablate.storage.layers import layers_table, read_layers, to_corner
from ablate.storage.rate_tests import read_rate_tests
from ablate.storage.results import (
    column_of,
    epochs_table,
    factor_columns,
    factor_name,
    read_epochs,
    read_results,
    results_table,
    trial_numbers,
    without_unscored,
    write_table,
)
from ablate.study.trial import ADDED, COLUMNS, TRAINED_ON, Label, LayerState, Outcome, TrialSpec

TEST = {
    "label": "a", "key": "k", "rates": [1e-6, 1e-5], "losses": [2.3, 1e300], "rules": {"valley": None}, "seconds": 1,
    "suggestion": 1e-3, "verdict": "determined", "reason": "", "seed": 0, "factors": {},
}  # fmt: skip
FACTORS = {"normalization": "none", "dropout": 0.1, "learning_rate": "find*0.3"}
SPEC = TrialSpec("a", Label("ablation", "dropout=0.1", "dropout", "0.1", "find"), 3, FACTORS, test=True)


def test_a_table_survives_its_file(tmp_path):
    done = Outcome(
        "a", "finished", score=1 / 3, metrics={"val_accuracy": 1 / 3}, learning_rate=1e-3, epochs=3, best_epoch=2
    )
    rows = [(SPEC, done, "run"), (SPEC, Outcome("a", "failed", reason='"x",\ny'), "")]
    write_table(results_table(rows), tmp_path / "results.csv")
    table = read_results(tmp_path / "results.csv")
    assert table["score"].tolist() == [1 / 3, pytest.approx(np.nan, nan_ok=True)]
    assert table["normalization"].tolist() == ["none", "none"]
    assert table["dropout"].dtype.kind == "f"
    assert table["reason"].tolist() == ["", '"x",\ny']
    assert table["run_id"].tolist() == ["run", ""]
    assert table["level"].tolist() == ["0.1", "0.1"]
    assert factor_columns(table) == ["normalization", "dropout", "learning_rate_setting"]


def test_machines_have_a_column_of_their_own_only_where_there_was_a_cluster(tmp_path):
    here, there = Outcome("a", "finished"), Outcome("a", "finished", trained_on="node-1")
    assert TRAINED_ON not in results_table([(SPEC, here, "")])
    write_table(results_table([(SPEC, there, "")]), tmp_path / "results.csv")
    table = read_results(tmp_path / "results.csv")
    assert table[TRAINED_ON].tolist() == ["node-1"]
    assert TRAINED_ON not in factor_columns(table)
    assert column_of(TRAINED_ON) == "trained_on_setting"


def test_a_column_that_is_all_empty_is_numbers_that_are_not_there(tmp_path):
    write_table(results_table([(SPEC, Outcome("a", "failed"), "")]), tmp_path / "results.csv")
    assert np.isnan(read_results(tmp_path / "results.csv")["test_accuracy"]).all()


def test_a_level_is_the_same_text_in_every_part_of_a_long_table(tmp_path):
    names = ["trial", "phase", "variant", "factor", "level", "seed", "state", "score", *(f"f{i}" for i in range(400))]
    rows = [["t", "ablation", "v", "a", level, 1, "finished", 0.5, *[0] * 400] for level in ("x", "0.10")]
    path = tmp_path / "results.csv"  # of so many columns, a part is about 2,000 rows
    path.write_text("\n".join(",".join(map(str, row)) for row in [names, *[rows[0]] * 2100, *[rows[1]] * 2100]))
    assert set(read_results(path)["level"]) == {"x", "0.10"}


def test_what_is_no_results_table_is_refused_by_name(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"x\.csv: columns trial, phase"):
        read_results(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"x\.csv: cannot be read"):
        read_results(path)
    with pytest.raises(DataError, match=r"no\.csv: cannot be read"):
        read_results(tmp_path / "no.csv")


def test_epochs_that_are_not_there_are_an_empty_table(tmp_path):
    assert read_epochs(tmp_path / "epochs.csv").empty
    write_table(epochs_table([]), tmp_path / "epochs.csv")
    assert read_epochs(tmp_path / "epochs.csv").columns.tolist()[:2] == ["trial", "epoch"]


def test_attempts_are_whole_numbers(tmp_path):
    rows = [(SPEC, Outcome("a", "failed", attempt=n), "") for n in (1, 2)]
    write_table(results_table(rows), tmp_path / "results.csv")
    table = read_results(tmp_path / "results.csv")
    assert (table["attempt"].tolist(), table["attempt"].dtype.kind) == ([1, 2], "i")


def test_the_table_of_layers_comes_back_as_it_was_written(tmp_path):
    start = LayerState("start", 1, "Dense", 0.5, None, 1e-30, 16, 1)
    end = replace(start, when="end", number=2, corner=((0.1, -2.5e-7), (3.0, 4.0)))
    outcomes = [Outcome("a", "finished", layers=(start, end)), Outcome("b", "finished")]
    write_table(layers_table(outcomes), tmp_path / "layers.csv")
    first, second = read_layers(tmp_path / "layers.csv").to_dict("records")
    assert (first["trial"], first["when"], first["mean"], first["gradient_norm"]) == ("a", "start", 0.5, 1e-30)
    assert math.isnan(first["sd"])
    assert [to_corner(row["corner"]) for row in (first, second)] == [[], [[0.1, -2.5e-7], [3.0, 4.0]]]
    write_table(layers_table([replace(outcomes[0], layers=(start,))]), tmp_path / "layers.csv")
    assert read_layers(tmp_path / "layers.csv")["corner"].tolist() == [""]
    assert read_layers(tmp_path / "none.csv").empty


@pytest.mark.parametrize("corner", ["1 2;3", "a", "1 nan", " ".join(["1"] * 17)])
def test_a_corner_that_is_none_is_refused_with_its_place(tmp_path, corner):
    table = layers_table([Outcome("a", "finished", layers=(LayerState("end", 1, "Dense", 0, 1, 1, 2, 2, ((1.0,),)),))])
    write_table(table.assign(corner=corner), tmp_path / "layers.csv")
    with pytest.raises(DataError, match=r"layers\.csv: corner: must be rows of equal length"):
        read_layers(tmp_path / "layers.csv")


def test_the_numbers_of_trials_are_those_in_their_names_and_nan_where_there_is_none():
    searched = pd.Series(["search-0003", "x"], index=[5, 7])
    pd.testing.assert_series_equal(trial_numbers(searched, "search"), pd.Series([3, np.nan], index=[5, 7]))
    assert trial_numbers(pd.Series(["path-forward-1-a=2-s3"]), "ablation").tolist() == [1]
    assert trial_numbers(pd.Series([], dtype=object), "search").empty


def test_a_factor_is_called_by_its_own_name_whatever_its_column_is_called():
    assert [factor_name(column) for column in ("epochs_setting", "data_setting", "epochs", "my_setting", "norm")] == [
        "epochs", "data", "epochs", "my_setting", "norm",
    ]  # fmt: skip
    for factor in (*COLUMNS, *ADDED, "norm", "my_setting", "epochs_setting", "data_setting_setting"):
        assert factor_name(column_of(factor)) == factor
        assert column_of(factor) not in (*COLUMNS, *ADDED)


def test_range_tests_are_read_and_losses_beyond_any_picture_are_none(tmp_path):
    path = tmp_path / "lr_tests.json"
    path.write_text(json.dumps([TEST]))
    ((label, test),) = read_rate_tests(path)
    assert (label, test.rates, test.losses[0], test.rules) == ("a", (1e-6, 1e-5), 2.3, {"valley": None})
    assert test.losses[1] != test.losses[1]
    assert read_rate_tests(tmp_path / "none.json") == []


@pytest.mark.parametrize(
    "change",
    [
     {"rates": [0, 1]}, {"rates": [1e-6]}, {"losses": "x"}, {"verdict": "yes"}, {"suggestion": -1},
     {"rules": {"a": "b"}}, {"label": None}, {"suggestion": float("inf")}],
)  # fmt: skip
def test_what_is_no_range_test_is_refused(tmp_path, change):
    path = tmp_path / "lr_tests.json"
    for found in ([{**TEST, **change}], {"a": TEST}, [3], TEST):
        path.write_text(json.dumps(found))
        with pytest.raises(DataError, match=r"lr_tests\.json: "):
            read_rate_tests(path)


def test_a_finished_run_without_a_score_diverged(tmp_path):
    path = tmp_path / "results.csv"
    rows = ["trial,phase,variant,factor,level,seed,state,score", "a,ablation,reference,,,1,finished,0.5"]
    rows += ["b,ablation,x=1,x,1,1,finished,", "c,ablation,x=1,x,1,2,finished,nan", "d,ablation,x=1,x,1,3,killed,"]
    path.write_text("\n".join(rows))
    assert without_unscored(read_results(path))["state"].tolist() == ["finished", "diverged", "diverged", "killed"]
