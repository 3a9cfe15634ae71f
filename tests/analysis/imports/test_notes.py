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
    assert "3 of 24 runs did not finish: 3 killed." in said
    assert "3 runs without a score are left out, as you said (--missing drop)." in said
    assert "--chance" not in said


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
