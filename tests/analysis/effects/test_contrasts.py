from dataclasses import replace

import pytest
from effect_rows import ACCURACY, BATCH, REFERENCE, rows, table

from ablate.analysis.effects.contrasts import columns_of_samples, contrasts_of, without_size
from ablate.analysis.effects.metric import confirmatory_runs
from ablate.analysis.effects.pairing import counted_pairs, declared_runs, pair_runs, unpaired_runs

APART = {100 + seed: value for seed, value in BATCH.items()}


def contrasts(*parts):
    runs = confirmatory_runs(table(*parts))
    counted = counted_pairs(runs, ACCURACY)
    scores = pair_runs(runs, replace(ACCURACY, column="score"))
    apart = unpaired_runs(runs, ACCURACY, counted)
    return contrasts_of(declared_runs(runs), pair_runs(runs, ACCURACY), scores, counted, apart)


def test_a_contrast_has_its_own_pairs_and_counts_its_lost_runs():
    lost = [row | {"state": "diverged"} for row in rows("b=1", {0: 0.1})]
    first, second = contrasts(rows("reference", REFERENCE), rows("a=1", BATCH), lost)
    assert (first.key, second.key) == (("a=1", ""), ("b=1", ""))
    assert first.identity == {"factor": "a", "level": "1", "variant": "a=1", "mode": "", "against": "reference"}
    assert first.pairs["difference"].tolist() == pytest.approx([0.02, 0.03, 0.04, 0.02, 0.03, 0.04])
    assert first.learning_rate == pytest.approx(0.0035)
    assert (first.diverged, second.diverged) == (0, 1)
    assert (first.samples(), columns_of_samples(first)) == (None, {})


def test_sides_without_a_shared_seed_have_samples_instead_of_pairs():
    (one,) = contrasts(rows("reference", REFERENCE), rows("a=1", APART, score_shift=0.01))
    mine, theirs = one.samples()
    assert (mine.tolist(), theirs.tolist()) == (list(APART.values()), list(REFERENCE.values()))
    assert columns_of_samples(one) == pytest.approx(
        {"test": "unpaired", "p_better": 1.0, "reference_mean": 0.5, "variant_mean": 0.53, "score_difference": 0.04}
    )


def test_without_a_size_a_contrast_keeps_its_runs_alone():
    (one,) = contrasts(rows("reference", REFERENCE), rows("a=1", BATCH))
    bare = without_size(one)
    assert (len(bare.pairs), len(bare.scores), len(bare.counted)) == (0, 0, 6)
    (apart,) = contrasts(rows("reference", REFERENCE), rows("a=1", APART))
    assert (without_size(apart).samples(), columns_of_samples(without_size(apart))) == (None, {"test": "unpaired"})
