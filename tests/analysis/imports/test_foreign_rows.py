import math

import pandas as pd
import pytest
from tables import crossed, runs

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.columns import find_roles
from ablate.analysis.imports.configurations import find_configurations
from ablate.analysis.imports.rows import (
    cells_of,
    end_words,
    factorial_rows,
    measured_runs,
    one_factor_rows,
    search_rows,
)
from ablate.errors import DataError
from ablate.study.trial import COLUMNS


def made(table, **asked):
    """Measured runs, configurations and cells of a table."""
    source = runs(table)
    roles = find_roles(source, ImportOptions(**asked))
    found = find_configurations(source, roles.factors)
    measured = measured_runs(source, roles)
    return measured, found, cells_of(measured, found, seeded=bool(roles.seed))


def test_lower_is_better_becomes_higher_is_better_and_no_score_a_state():
    measured, _, _ = made({"a": [1, 2, 1, 2], "loss": ["0.5", "nan", "", "inf"]})
    assert measured["score"].tolist()[0] == -0.5
    assert measured["score"].isna().tolist() == [False, True, True, True]
    assert measured["state"].tolist() == ["finished", "diverged", "failed", "diverged"]
    assert measured["reason"].tolist() == [
        "",
        "the score is not finite",
        "no score is recorded",
        "the score is not finite",
    ]
    assert measured["trial"].tolist() == ["row-1", "row-2", "row-3", "row-4"]


def test_the_words_of_other_tools_become_our_states():
    measured, _, _ = made({"a": [1, 2, 1], "acc": ["0.5", "0.4", ""], "status": ["COMPLETE", "PRUNED", "FAILED"]})
    assert measured["state"].tolist() == ["finished", "pruned", "failed"]
    assert measured["score"].tolist()[1] == 0.4


def test_variants_differ_from_the_reference_in_one_factor_and_keep_their_seeds():
    _, found, cells = made(crossed())
    rows = one_factor_rows(cells, found, 1)  # norm=none, drop=0.1
    assert list(rows.columns) == [*COLUMNS, "norm", "drop"]
    told = rows[rows["seed"] == 1].set_index("variant")
    assert told["score"].to_dict() == {"reference": 0.41, "drop=0.0": 0.51, "drop=0.3": 0.21, "norm=batch": 0.51}
    assert told["against"].to_dict() == {
        "reference": "",
        **dict.fromkeys(["drop=0.0", "drop=0.3", "norm=batch"], "reference"),
    }
    assert told.loc["norm=batch", ["factor", "level", "mode", "design", "phase", "drop"]].tolist() == [
        "norm", "batch", "", "one-factor", "ablation", 0.1,
    ]  # fmt: skip
    assert told.loc["norm=batch", "same_as"] == "row-10"
    assert rows["trial"].is_unique


def test_every_cell_of_a_factorial_and_every_run_as_a_search_trial():
    measured, found, cells = made(crossed())
    rows = factorial_rows(cells, found)
    assert len(rows) == 12
    assert rows["variant"].iloc[-1] == "norm=batch, drop=0.3"
    assert set(rows["design"]) == {"factorial"}
    searched = search_rows(measured, found)
    assert (searched["phase"] == "search").all()
    assert searched["score"].tolist() == crossed()["acc"].tolist()


def test_runs_without_seeds_are_averaged_and_never_paired_by_their_order():
    table = pd.concat([crossed(), crossed()]).drop(columns="seed")
    _, found, cells = made(table)
    assert cells.n_repeated == 18
    assert set(cells.rows["seed"]) == {0}
    rows = one_factor_rows(cells, found, 0).set_index("variant")
    assert len(rows) == 4
    assert math.isclose(rows.loc["drop=0.1", "score"], 0.405)
    assert rows.loc["drop=0.1", "same_as"] == ""


def test_a_lost_run_makes_its_cell_a_lost_run_while_the_score_of_guessing_is_unknown():
    table = {"a": ["x"] * 3 + ["y"] * 2, "acc": ["0.6", "nan", "0.4", "0.2", "0.3"]}
    measured, found, cells = made(table)
    assert cells.rows["score"].isna().tolist() == [True, False]
    assert cells.rows["state"].tolist() == ["diverged", "finished"]
    assert (cells.n_lost_beside, cells.n_repeated) == (1, 1)  # the mean of y; the lost run decides for x
    known = cells_of(measured, found, seeded=False, chance=0.1)
    assert known.rows["score"].round(6).tolist() == [0.366667, 0.25]  # (0.6 + 0.1 + 0.4) / 3
    assert known.rows["state"].tolist() == ["finished", "finished"]
    # Guessing is better than the worst finished run, 0.2, as which the lost run then counts.
    above = cells_of(measured, found, seeded=False, chance=0.25)
    assert above.rows["score"].round(6).tolist() == [0.4, 0.25]
    _, _, lost = made({"a": ["x", "x", "y"], "acc": ["nan", "nan", "0.3"]})
    assert lost.rows["state"].tolist() == ["diverged", "finished"]
    assert lost.n_lost_beside == 0


def test_a_run_without_a_score_is_lost_until_the_user_drops_it():
    source = runs({"a": ["x", "x", "y", "y"], "acc": ["0.6", "", "0.4", "0.2"]})
    roles = find_roles(source, ImportOptions())
    found = find_configurations(source, roles.factors)
    states = {drop: measured_runs(source, roles, counts_missing=not drop) for drop in (False, True)}
    assert [table["state"].tolist()[1] for table in states.values()] == ["failed", "killed"]
    assert cells_of(states[False], found, seeded=False).rows["state"].tolist() == ["failed", "finished"]
    assert cells_of(states[True], found, seeded=False).rows["score"].round(6).tolist() == [0.6, 0.3]


def test_runs_without_a_seed_are_counted():
    table = {"a": [1, 2, 1, 2, 1], "acc": [1, 2, 3, 4, 5], "seed": [0, 0, 1, 1, ""]}
    _, _, cells = made(table)
    assert (len(cells.rows), cells.n_unseeded) == (4, 1)


def test_words_are_seeds_too_and_a_run_without_one_is_not_compared():
    table = {"a": [1, 2, 1, 2, 1], "acc": [1, 2, 3, 4, 5], "fold": ["two", "two", "one", "one", ""]}
    _, _, cells = made(table)
    assert cells.rows["seed"].tolist() == [1, 1, 0, 0]


def test_a_factor_that_has_the_name_of_a_column_of_ours_gets_another():
    table = {"learning_rate": [0.1, 0.2, 0.1], "epochs": [5, 5, 9], "acc": [1, 2, 3]}
    _, found, cells = made(table)
    rows = one_factor_rows(cells, found, 0).set_index("variant")
    assert rows["epochs_setting"].to_dict() == {"reference": 5, "learning_rate=0.2": 5, "epochs=9": 9}
    assert rows["learning_rate_setting"].to_dict() == rows["learning_rate"].to_dict()
    assert rows["epochs"].isna().all()


def test_a_score_beyond_all_bounds_is_none_and_seeds_beyond_all_whole_numbers_are_words():
    table = {"a": ["x", "y", "x", "y"], "acc": ["0.5", "1e308", "-1e101", "1e99"], "seed": ["1e300", "1e300", "7", "7"]}
    measured, _, cells = made(table)
    assert measured["state"].tolist() == ["finished", "diverged", "diverged", "finished"]
    assert measured["score"].isna().tolist() == [False, True, True, False]
    assert sorted(set(cells.rows["seed"])) == [0, 1]


def test_cells_whose_names_read_alike_are_refused():
    table = {"a": ["1, b=2", "1", "1, b=2", "1"], "b": ["3", "3", "2, b=3", "2, b=3"], "acc": [1, 2, 3, 4]}
    _, found, cells = made(table)
    with pytest.raises(DataError, match='two configurations have the same name: "a=1, b=2, b=3"\n  rename the level'):
        factorial_rows(cells, found)


def test_a_score_that_is_a_dash_or_none_is_not_recorded():
    for word in ("None", "-", "N/A", "#N/A"):
        measured, _, _ = made({"a": ["x", "y", "x", "y"], "acc": ["0.5", word, "0.6", "nan"]})
        assert measured["state"].tolist() == ["finished", "failed", "finished", "diverged"]


def test_a_lost_run_that_was_tried_again_does_not_count_and_one_that_diverged_does():
    table = {"a": ["x", "x", "x", "y"], "seed": [0, 0, 0, 0], "acc": ["", "0.6", "0.4", "0.2"],
             "state": ["crashed", "ok", "ok", "ok"]}  # fmt: skip
    _, _, cells = made(table)
    assert cells.rows["score"].tolist() == [0.5, 0.2]
    assert (cells.n_retried, cells.n_repeated) == (1, 1)
    measured, found, cells = made({**table, "acc": ["nan", "0.6", "0.4", "0.2"], "state": ["ok"] * 4})
    assert cells.rows["state"].tolist() == ["diverged", "finished"]
    assert (cells.n_retried, cells.n_lost_beside) == (0, 1)
    known = cells_of(measured, found, seeded=True, chance=0.1)
    assert known.rows["score"].round(6).tolist() == [0.366667, 0.2]  # (0.1 + 0.6 + 0.4) / 3


def test_a_run_that_the_user_drops_is_left_out_and_one_that_was_killed_is_killed():
    source = runs({"a": [1, 2, 1, 2], "acc": ["0.5", "", "", ""], "status": ["finished", "finished", "", "killed"]})
    roles = find_roles(source, ImportOptions(missing="drop"))
    measured = measured_runs(source, roles, counts_missing=False)
    assert measured["state"].tolist() == ["finished", "killed", "killed", "killed"]
    assert measured["reason"].tolist() == ["", "no score is recorded", "no state is recorded", ""]
    assert end_words(measured).tolist() == ["finished", "left out", "left out", "killed"]
