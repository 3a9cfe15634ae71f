from dataclasses import replace

import pytest
from effect_rows import ACCURACY, BATCH, REFERENCE, SEEDS, rows, table

from ablate.analysis.effects import confirmatory_runs, effects_table, undecided
from ablate.analysis.effects.pairing import identical_comparisons
from ablate.analysis.statistics import spend

LOSSES = {"val_loss": 0.7, "val_accuracy": 0.5, "test_loss": 0.8, "best_epoch": 2, "epochs": 3}
VARIED = {0: 0.50, 1: 0.52, 2: 0.51, 3: 0.55, 4: 0.50, 5: 0.53}


def found(results):
    return identical_comparisons(confirmatory_runs(results))


def test_runs_with_losses_are_identical_where_all_that_is_recorded_is_equal():
    reference = rows("reference", REFERENCE, **LOSSES)
    assert found(table(reference, rows("a=1", REFERENCE, **LOSSES))) == {("a=1", "")}
    for name in ("val_loss", "test_loss", "best_epoch"):
        other = rows("a=1", REFERENCE, **LOSSES | {name: 1})
        assert found(table(reference, other)) == frozenset()


def test_one_seed_that_differs_or_was_lost_is_enough():
    reference, same = rows("reference", REFERENCE, **LOSSES), rows("a=1", REFERENCE, **LOSSES)
    assert found(table(reference, rows("a=1", REFERENCE | {3: 0.51}, **LOSSES))) == frozenset()
    same[3] |= {"state": "diverged", "score": None}
    assert found(table(reference, same)) == frozenset()


def test_a_run_that_took_the_result_of_its_partner_is_no_comparison():
    reference, same = rows("reference", REFERENCE, **LOSSES), rows("a=1", REFERENCE, **LOSSES)
    for mine, theirs in zip(same, reference, strict=True):
        mine["same_as"] = theirs["trial"]
    assert found(table(reference, same)) == frozenset()


def test_with_scores_alone_they_must_be_many_and_not_saturated():
    other = rows("b=1", BATCH)
    assert found(table(rows("reference", VARIED), rows("a=1", VARIED), other)) == {("a=1", "")}
    saturated = table(rows("reference", REFERENCE), rows("a=1", REFERENCE), other, rows("c=1", VARIED))
    assert found(saturated) == frozenset()
    two = {seed: VARIED[seed] for seed in (0, 1)}
    assert found(table(rows("reference", two), rows("a=1", two), other)) == frozenset()


@pytest.mark.parametrize("mode", ["find", "carry"])
def test_a_contrast_is_told_by_its_mode(mode):
    results = table(rows("reference", VARIED), rows("a=1", VARIED, mode=mode), rows("b=1", BATCH, mode=mode))
    assert found(results) == {("a=1", mode)}


def test_the_table_of_effects_calls_it_by_its_name_and_asks_for_no_more_seeds():
    results = table(rows("reference", VARIED), rows("a=1", VARIED), rows("b=1", BATCH))
    verdicts = effects_table(results, ACCURACY).set_index("variant")["verdict"]
    assert verdicts["a=1"] == "identical runs"
    assert verdicts["b=1"] != "identical runs"
    few = table(
        *(rows(name, dict(list(values.items())[:4])) for name, values in (("reference", VARIED), ("a=1", VARIED)))
    )
    few = table(few.to_dict("records"), rows("b=1", BATCH))
    assert effects_table(few, ACCURACY).set_index("variant")["verdict"]["a=1"] == "identical runs"
    assert ("a=1", "") not in undecided(results, ACCURACY, looks=spend((6, 12)), look=1)


def lost(variant, values, *, seeds, state="diverged"):
    """Rows of which those of `seeds` did not finish."""
    none = {"state": state, "score": None, "test_accuracy": None}
    return [row | none if row["seed"] in seeds else row for row in rows(variant, values)]


def verdicts(*parts):
    return effects_table(table(*parts), ACCURACY).set_index("variant")["verdict"]


@pytest.mark.parametrize("state", ["diverged", "failed", "out_of_memory"])
def test_a_contrast_of_which_no_run_finished_is_never_equivalent(state):
    found = verdicts(
        lost("reference", REFERENCE, seeds=SEEDS, state=state),
        lost("a=1", REFERENCE, seeds=SEEDS, state=state),
        rows("b=1", BATCH),
    )
    assert found["a=1"] == "no run finished"
    assert found["b=1"] == "helps"  # against chance level


def test_where_both_sides_lost_the_same_seeds_only_equivalence_is_in_doubt():
    same = {seed: value + 0.0001 * seed for seed, value in REFERENCE.items()}
    whole = verdicts(rows("reference", REFERENCE), rows("a=1", same))
    assert whole["a=1"] == "equivalent"
    holed = verdicts(lost("reference", REFERENCE, seeds=[3]), lost("a=1", same, seeds=[3]))
    assert holed["a=1"] == "inconclusive"


def test_a_lost_run_that_counts_as_an_ordinary_score_makes_nothing_equivalent():
    metric = replace(ACCURACY, chance=0.4999)  # the worst run that finished, in a table of somebody's
    results = table(rows("reference", REFERENCE), lost("a=1", REFERENCE, seeds=[0, 1, 2]))
    assert effects_table(results, metric)["verdict"].tolist() == ["inconclusive"]


@pytest.mark.parametrize("state", ["killed", "pruned"])
@pytest.mark.parametrize("side", ["reference", "a=1"])
def test_a_run_that_was_cut_short_and_is_left_out_makes_nothing_equivalent(state, side):
    seeds = range(9)
    values = {seed: 0.5 + 0.0001 * seed for seed in seeds}
    assert verdicts(rows("reference", values), rows("a=1", values | {0: 0.5001}))["a=1"] == "equivalent"
    cells = {name: lost(name, values, seeds=[8] * (name == side), state=state) for name in ("reference", "a=1")}
    cells["a=1"][0] |= {"score": 0.5001, "test_accuracy": 0.5001}
    assert verdicts(*cells.values())["a=1"] == "inconclusive"


def test_a_clear_effect_stays_one_where_runs_were_lost():
    high = {seed: 0.9 + 0.01 * seed for seed in SEEDS}
    assert verdicts(lost("reference", REFERENCE, seeds=[0]), rows("a=1", high))["a=1"] == "helps"
