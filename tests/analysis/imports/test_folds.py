import numpy as np
import pandas as pd
import pytest

from ablate.analysis.imports.folds import differ, is_fold, n_folds, overlap, split_note


@pytest.mark.parametrize("name", ["fold", "cv_fold", "k_fold", "fold_id", "outer_fold", "split", "data_split", "cv"])
def test_a_fold_is_known_by_its_name(name):
    assert is_fold(name)


@pytest.mark.parametrize("name", ["n_folds", "folds", "split_seed", "fold_change", "split_ratio", "unfold", "seed"])
def test_what_counts_or_describes_folds_is_none(name):
    assert not is_fold(name)


def test_the_number_of_folds_is_the_least_that_fits_so_that_the_correction_is_not_too_small():
    for name, values, k in (
        ("fold", ["0", "1", "2"], 3), ("fold", ["1", "2", "3"], 3), ("fold", ["0", "9"], 10), ("fold", ["5", "7"], 2),
        ("fold", ["fold 1", "fold 4"], 4), ("fold", ["x", "y", ""], 2), ("split", ["0", "9"], 0), ("split", ["a"], 0),
    ):  # fmt: skip
        assert n_folds(pd.Series(values), name) == k
    assert overlap(5) == 0.25


def test_folds_differ_where_their_mean_scores_vary_more_than_those_of_their_seeds():
    fold, seed = np.repeat(range(3), 4), np.tile(range(4), 3)
    replicates, noise = fold * 4 + seed, np.tile([0.0, 0.1, 0.2, 0.3], 3)
    assert differ(fold, replicates, fold + noise)
    assert not differ(fold, replicates, noise)
    assert differ(fold, replicates, fold.astype(float))  # every seed gave the same
    assert not differ(fold, fold, fold.astype(float))  # one run a fold: nothing to compare with


def test_scores_of_splits_side_by_side_are_said_to_be_left_out_and_how_to_compare_them():
    assert split_note(["split0_test_score", "mean_test_score", "param_C"]) == []
    assert split_note(["split0_train_score", "split1_train_score"]) == []
    names = [f"split{k}_test_{score}" for score in ("accuracy", "f1") for k in range(5)]
    [said] = split_note(names)
    assert said.startswith("The scores of the 5 splits (split0_test_accuracy …) are not compared")
