import math

import pandas as pd
from made_effects import COUNTED, TITLE, broken, effect, runs, told

from ablate.analysis import effects
from ablate.report import wording
from ablate.report.wording.lost_runs import ended_in_words


def test_what_broke_is_told_by_state_and_seed():
    results = runs(
        *broken("reference", "", ["finished", "failed"]),
        *broken("optimizer=sgd", "find", ["diverged"] * 4 + ["finished"] * 2),
    )
    lines = told(effect("optimizer=sgd", -0.05, 0.01, "hurts"), results=results)
    assert lines[-1] == (
        f"The reference failed in 1 of 2 seeds; optimizer sgd diverged in 4 of 6 seeds (scored {COUNTED})."
    )
    assert ended_in_words(results, n_modes=1, lost_count=COUNTED) == lines[-1:]


def test_without_a_score_of_guessing_no_size_is_claimed_and_the_way_out_is_said():
    table = pd.DataFrame(
        [
            effect("a=1", math.nan, math.nan, "lost runs", n_runs=8, n_lost=3, reference_runs=8, reference_lost=0,
                   p_failure_adjusted=0.25, failures=""),
            effect("b=1", 0.03, 0.01, "helps"),
        ],
        columns=list(effects.EFFECT_COLUMNS),
    )  # fmt: skip
    lines = wording.headline(table, runs(*broken("a=1", "", ["failed"])), title=TITLE, way_out="Say it with --chance.")
    lines = [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]
    assert (
        "Runs were lost, so no size is claimed: a 1 (3 of 8 runs, the reference 0 of 8; p = .25). Say it with --chance."
        in lines
    )
    assert "A 1 failed in 1 of 1 seeds." in lines
    alone = wording.headline(table.head(1), runs(), title=TITLE)
    assert len(alone) == 1
    assert alone[0].startswith("Runs were lost, so no size is claimed: a 1 (3 of 8 runs")


def test_failures_are_an_outcome_of_their_own():
    failing = {"n_runs": 8, "reference_runs": 8, "p_failure_adjusted": 0.0078125}
    lines = told(
        effect(
            "optimizer=sgd", math.nan, math.nan, "lost runs", n_lost=8, reference_lost=0, failures="more", **failing
        ),
        effect("a=1", 0.03, 0.01, "helps", n_lost=0, reference_lost=8, failures="fewer", **failing),
    )
    assert (
        "Optimizer sgd fails more often: 8 of 8 runs, the reference 0 of 8, p = .008; "
        "a 1 fails less often: 0 of 8 runs, the reference 8 of 8, p = .008."
    ) in lines
    assert "Runs were lost, so no size is claimed: optimizer sgd." in lines
