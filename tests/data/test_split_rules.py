"""What is refused before any split is drawn, and what is said of splits."""

import numpy as np
import pytest
from splits import amounts, asked, of_classes

from ablate.data import check_split, split_notes
from ablate.errors import DataError

GROUPS = np.repeat(np.arange(6, dtype=np.int32), 5)


def test_groups_and_times_that_the_source_does_not_have_are_refused():
    for key in ("groups", "order"):
        with pytest.raises(DataError, match=rf'data\.{key}: the source of small has no column or array "when"\n  name'):
            check_split(amounts(30), asked(validation=5, **{key: "when"}))


def test_missing_times_are_refused():
    with pytest.raises(DataError, match=r"data\.order: 2 training examples of small have no time\n"):
        check_split(amounts(4, time_of=np.array([1, np.nan, 2, np.inf])), asked(validation=1, order="when"))


@pytest.mark.parametrize(
    ("settings", "why"),
    [(asked(validation="folds", folds=3), "later than those held out"),
     (asked(validation="given"), "need not be the latest")],
)  # fmt: skip
def test_an_order_that_no_setting_names_is_not_ignored(settings, why):
    with pytest.raises(DataError, match=rf"does not fit small, whose examples have an order: .*{why}\n  hold out"):
        check_split(amounts(30, n_given=5, time_of=np.arange(30.0)), settings)


def test_a_class_that_one_fold_would_hold_alone_is_refused():
    labels = np.array([0] * 20 + [1] * 9 + [2])
    with pytest.raises(DataError, match=r"class 2 has only one training example, so the seed that holds out its fold"):
        check_split(of_classes(labels), asked(validation="folds", folds=3))
    by_group = of_classes(np.array([0] * 25 + [1] * 5), group_of=GROUPS)
    with pytest.raises(DataError, match="class 1 has only examples of one group"):
        check_split(by_group, asked(validation="folds", folds=3, groups="patient"))
    check_split(by_group, asked(validation=5, groups="patient"))


def test_splits_at_random_need_no_words():
    assert split_notes(of_classes(np.arange(30) % 2), asked(validation=5)) == ()


def test_it_is_said_that_all_seeds_have_the_same_split():
    said = "all seeds have the same split, and differ in initial weights and the order of batches only"
    (by_time,) = split_notes(amounts(30, time_of=np.arange(30.0)), asked(validation=5, order="day"))
    (given,) = split_notes(amounts(30, n_given=4), asked(validation="given"))
    assert by_time == f"the latest training examples are for validation: {said}"
    assert given == f"the source's own validation part is used: {said}"


def test_it_is_said_what_groups_cost():
    data = amounts(30, group_of=GROUPS)
    assert split_notes(data, asked(validation=5)) == ("6 groups: no group is in both training and validation",)
    (said,) = split_notes(data, asked(validation=7))
    assert said.endswith("so that all splits have equal sizes, 3 examples of 30 are left out of each")


def test_folds_are_said_to_be_allowed_for():
    (said,) = split_notes(amounts(30), asked(validation="folds", folds=5))
    assert "each seed holds out another of 5 folds" in said
    assert "Nadeau & Bengio" in said
