import pytest
from effect_rows import BATCH, REFERENCE, rows, table

from ablate.effects import identical_contrasts

LOSSES = {"val_loss": 0.7, "val_accuracy": 0.5, "test_loss": 0.8, "best_epoch": 2, "epochs": 3}
VARIED = {0: 0.50, 1: 0.52, 2: 0.51, 3: 0.55, 4: 0.50, 5: 0.53}


def test_runs_with_losses_are_identical_where_all_that_is_recorded_is_equal():
    reference = rows("reference", REFERENCE, **LOSSES)
    assert identical_contrasts(table(reference, rows("a=1", REFERENCE, **LOSSES))) == {("a=1", "")}
    for name in ("val_loss", "test_loss", "best_epoch"):
        other = rows("a=1", REFERENCE, **LOSSES | {name: 1})
        assert identical_contrasts(table(reference, other)) == frozenset()


def test_one_seed_that_differs_or_was_lost_is_enough():
    reference, same = rows("reference", REFERENCE, **LOSSES), rows("a=1", REFERENCE, **LOSSES)
    assert identical_contrasts(table(reference, rows("a=1", REFERENCE | {3: 0.51}, **LOSSES))) == frozenset()
    same[3] |= {"state": "diverged", "score": None}
    assert identical_contrasts(table(reference, same)) == frozenset()


def test_a_run_that_took_the_result_of_its_partner_is_no_comparison():
    reference, same = rows("reference", REFERENCE, **LOSSES), rows("a=1", REFERENCE, **LOSSES)
    for mine, theirs in zip(same, reference, strict=True):
        mine["same_as"] = theirs["trial"]
    assert identical_contrasts(table(reference, same)) == frozenset()


def test_with_scores_alone_they_must_be_many_and_not_saturated():
    other = rows("b=1", BATCH)
    assert identical_contrasts(table(rows("reference", VARIED), rows("a=1", VARIED), other)) == {("a=1", "")}
    saturated = table(rows("reference", REFERENCE), rows("a=1", REFERENCE), other, rows("c=1", VARIED))
    assert identical_contrasts(saturated) == frozenset()
    two = {seed: VARIED[seed] for seed in (0, 1)}
    assert identical_contrasts(table(rows("reference", two), rows("a=1", two), other)) == frozenset()


@pytest.mark.parametrize("mode", ["find", "carry"])
def test_a_contrast_is_told_by_its_mode(mode):
    results = table(rows("reference", VARIED), rows("a=1", VARIED, mode=mode), rows("b=1", BATCH, mode=mode))
    assert identical_contrasts(results) == {("a=1", mode)}
