import pandas as pd
import pytest
from tables import crossed, runs

from ablate.analysis.imports import ImportOptions, read_imported


def notes(frame, **asked):
    return " ".join(read_imported(runs(frame), ImportOptions(**asked)).notes)


def lossy(word="", n=3):
    """norm × drop with the first scores gone."""
    table = crossed(seeds=range(4)).astype({"acc": object})
    table.loc[: n - 1, "acc"] = word
    return table


def test_runs_without_a_score_count_as_lost_and_the_way_out_is_named():
    said = notes(lossy())
    assert "3 of 24 runs did not finish: 3 failed." in said
    assert "3 runs without a score count as lost (failed); to leave such runs out, add --missing drop." in said
    assert "no size is given for comparisons with lost runs; give the score of guessing with --chance." in said
    assert "1 run without a score counts as lost" in notes(lossy(n=1))


def test_runs_that_the_user_drops_are_said_to_be_left_out():
    said = notes(lossy(), missing="drop")
    assert "3 runs without a score are left out, as you said (--missing drop)." in said
    assert not any(word in said for word in ("--chance", "killed", "did not finish"))
    failed = notes(lossy().assign(state=["failed"] + [""] * 2 + ["finished"] * 21), missing="drop")
    assert "1 of 24 runs did not finish: 1 failed." in failed
    assert "2 runs without a state are left out, as you said (--missing drop)." in failed


def test_options_on_lost_runs_that_have_nothing_to_do_say_so():
    crashed = crossed(seeds=range(4)).assign(state=["crashed"] + ["finished"] * 23)  # with its last score
    said = notes(crashed, missing="drop")
    assert "--missing drop leaves out no run, as each has a score or says how it ended; 1 run that did not " in said
    assert "1 run that did not finish has a score, which does not count." in said
    assert "leaves out no run" in notes(crossed(), missing="drop")
    assert "lost all the same" not in notes(crossed(), missing="drop")
    assert "leaves out no run" not in notes(lossy(), missing="drop")
    assert "--chance changes nothing, as no run was lost." in notes(crossed(), chance=0.1)
    assert "changes nothing" not in notes(crashed, chance=0.1)


def test_without_seeds_no_note_speaks_of_a_seed_that_rows_share():
    said = notes(lossy(n=1).drop(columns="seed"), chance=0.1)
    assert "1 lost run beside a finished run with the same configuration: the mean counts both." in said
    assert "runs with the same factors as another run" in said


def test_a_run_that_is_left_out_is_no_part_of_a_mean():
    table = crossed(seeds=range(4)).astype({"acc": object})
    again = table.iloc[:2].assign(acc="")
    said = notes(pd.concat([table, again]), missing="drop")
    assert "2 runs without a score are left out" in said
    assert "uses their mean" not in said


@pytest.mark.parametrize("word", ["nan", "inf", "-inf", "NaN"])
def test_a_score_that_is_not_finite_is_that_of_a_diverged_run_whatever_its_state_says(word):
    said = notes(lossy(word).assign(state="finished"))
    assert "3 of 24 runs did not finish: 3 diverged." in said
    assert "killed" not in said


def test_a_stated_score_of_guessing_is_said():
    said = notes(lossy(), chance=0.1)
    assert "A lost run counts as guessing (0.1, --chance), or as the worst finished run if that is worse." in said
    assert "unknown" not in said


def test_nothing_is_said_of_lost_runs_where_all_finished():
    assert "lost" not in notes(crossed())
