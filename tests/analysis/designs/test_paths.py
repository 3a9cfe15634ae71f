import fcnet
import numpy as np
import pandas as pd
import pytest
from design_tables import METRIC, crossed_rows, factorial, walk

from ablate.analysis.designs import crossed_paths, factorials, paths

START, END = {"a": 0, "b": 0, "c": "x"}, {"a": 1, "b": 1, "c": "y"}


def score(levels, seed):
    """b is best first (+3), a gains only after it (+2), c always costs 1; a shift of a point a seed."""
    b = levels["b"]
    return (50 + 3 * b + 2 * levels["a"] * b - (levels["c"] == "y") + seed) / 100


def walked(direction, n_seeds=6, **options):
    return walk(direction, START, END, score, n_seeds=n_seeds, **options)


def test_the_steps_gains_and_what_else_was_tried() -> None:
    table = paths(walked("forward"), METRIC)
    chosen = table[table["chosen"]]
    assert chosen["factor"].tolist() == ["", "b", "a", "c"]
    assert chosen["level"].tolist() == ["", "1", "1", "y"]
    assert chosen["gain"].tolist()[1:] == pytest.approx([0.03, 0.02, -0.01])
    assert chosen["score"].tolist() == pytest.approx([0.525, 0.555, 0.575, 0.565])
    assert chosen["n"].tolist() == [6] * 4
    first = table[table["step"] == 1].set_index("factor")["gain"]
    assert first.to_dict() == pytest.approx({"a": 0.0, "b": 0.03, "c": -0.01}, abs=1e-12)
    assert table.groupby("step").size().tolist() == [1, 3, 2, 1]


def test_the_way_back_is_told_by_itself() -> None:
    table = paths(pd.concat([walked("forward"), walked("backward")]), METRIC)
    back = table[table["chosen"] & (table["direction"] == "backward")]
    assert back["factor"].tolist() == ["", "c", "a", "b"]
    assert back["gain"].tolist()[1:] == pytest.approx([0.01, -0.02, -0.03])


def test_a_gain_is_paired_by_seed() -> None:
    rows = walked("forward", 3)
    rows.loc[(rows["factor"] == "b") & (rows["seed"] == 2), "score"] += 0.03
    step = paths(rows, METRIC).query("step == 1 and factor == 'b'").iloc[0]
    assert step["gain"] == pytest.approx(0.04)
    assert step["sd"] == pytest.approx(0.03 / np.sqrt(3))
    assert step["low"] == pytest.approx(0.04 - 4.30265 * 0.01, abs=1e-6)


def test_an_interrupted_walk_is_told_up_to_where_it_got() -> None:
    rows = walked("forward")
    rows.loc[rows["trial"].str.startswith("path-forward-2"), "state"] = "killed"
    assert paths(rows, METRIC)["step"].max() == 1


def test_a_diverged_candidate_counts_at_chance() -> None:
    rows = walked("forward", 2)
    rows.loc[rows["trial"].str.startswith("path-forward-1-b"), ["state", "score"]] = ["diverged", np.nan]
    first = paths(rows, METRIC).query("step == 1").set_index("factor")
    assert first.loc["b", "score"] == pytest.approx(METRIC.chance)
    assert first["chosen"].idxmax() == "a"


def test_names_of_trials_that_say_no_step_are_not_needed() -> None:
    pd.testing.assert_frame_equal(paths(walked("forward", named=False), METRIC), paths(walked("forward"), METRIC))


def test_without_rows_of_a_path_there_is_none() -> None:
    assert paths(walked("forward").assign(design="factorial"), METRIC).empty
    assert crossed_paths([]).empty


def test_a_factorial_holds_the_paths_too() -> None:
    levels = {"a": [0, 1], "b": [0, 1], "c": ["x", "y"]}
    crossed = factorial(levels, score, seeds=range(6))
    other = ["source", "level", "target", "target_cells"]
    read = crossed_paths(factorials(crossed, METRIC), target=END).drop(columns=other)
    trained = paths(pd.concat([walked("forward"), walked("backward")]), METRIC).drop(columns=other)
    pd.testing.assert_frame_equal(read, trained, check_dtype=False)


def test_enough_seeds_choose_the_steps_on_one_half_and_measure_on_the_other() -> None:
    """In even seeds b gains most, and they choose; in odd seeds a does, and they measure."""
    gains = {0: {"a": 0.01, "b": 0.03}, 1: {"a": 0.04, "b": -0.02}}

    def halved(cell, seed):
        return 0.5 + sum(gain for name, gain in gains[seed % 2].items() if cell[name]) + 0.001 * seed

    crossed = factorial({"a": [0, 1], "b": [0, 1]}, halved, seeds=range(12))
    table = crossed_paths(factorials(crossed, METRIC), target={"a": 1, "b": 1})
    chosen = table[table["chosen"] & (table["direction"] == "forward")]
    assert chosen["factor"].tolist() == ["", "b", "a"]
    assert chosen["gain"].tolist()[1:] == pytest.approx([-0.02, 0.04])
    assert set(table["steps"]) == {"other seeds"}
    assert set(table["n"]) == {6}
    few = crossed_paths(factorials(crossed[crossed["seed"] < 11], METRIC), target={"a": 1, "b": 1})
    assert set(few["steps"]) == {"same scores"}


def test_fcnet_protein_takes_the_published_steps() -> None:
    found = factorials(crossed_rows(fcnet.protein()), METRIC, factors=fcnet.FACTORS, reference=fcnet.REFERENCE)
    table = crossed_paths(found)
    forward = table[table["chosen"] & (table["direction"] == "forward")].set_index("factor")
    for name, golden in fcnet.GOLDEN.items():
        assert forward.loc[name, "step"] == golden[4]
        assert forward.loc[name, "gain"] == pytest.approx(-golden[3], abs=1e-5)
    assert forward["score"].iloc[[0, -1]].tolist() == pytest.approx([0.28612, 0.65487], abs=1e-5)
