"""Which examples may be compared; each refusal with its level is in test_variants.py."""

from dataclasses import replace

import numpy as np

from ablate.data import Source, set_aside_test, to_dataset
from ablate.data.comparable import incomparable
from ablate.study.settings import Data

SETTINGS = Data(name="my.py:load", validation=5)
X, Y = np.arange(60.0).reshape(20, 3), np.array([0, 1] * 10)


def opened(x=X, y=Y, **more):
    return set_aside_test(to_dataset("my", Source(x, y, **more)), SETTINGS, seed=0)


def test_other_inputs_of_the_same_examples_may_be_compared():
    for x in (X, X + 0.5, X[:, :1], {"a": X, "b": X}, X.astype(np.uint8)):
        assert incomparable(SETTINGS, opened(), opened(x)) == ""


def test_what_each_example_counts_must_stay():
    weighted, heavier = opened(weights=np.ones(20)), opened(weights=np.full(20, 2.0))
    assert incomparable(SETTINGS, weighted, heavier).startswith("y_train or its weights differ from the baseline's, so")
    tested = opened(x_test=X[:4], y_test=Y[:4])
    heavy = replace(tested, weights_test=np.ones(4, np.float32))
    assert incomparable(SETTINGS, tested, heavy).startswith("y_test or its weights differ from the baseline's\n")


def test_times_and_groups_that_decide_splits_must_stay():
    times = np.arange(20.0)
    assert incomparable(SETTINGS, opened(order=times), opened(order=times[::-1])) != ""
    tested = {"x_test": X[:4], "y_test": Y[:4]}
    later = incomparable(SETTINGS, opened(order=times, **tested), opened(order=times + 1, **tested))
    assert later == "times differ from the baseline's\n  return the same for all levels"
