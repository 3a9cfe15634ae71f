from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.study.load import load_study
from ablate.study.names import find_study
from ablate.study.pruning import halving_of, pruning_said, rungs_of
from ablate.study.settings import Search


@pytest.mark.parametrize(
    ("settings", "epochs", "rungs"),
    [
        ({}, 20, [2, 8]),
        ({}, 64, [4, 16]),  # 64 would be the last epoch, after which nothing is left to save
        ({}, 100, [7, 28]),
        ({}, 5, [1, 4]),
        ({}, 1, []),
        ({"min_resource": 1}, 20, [1, 4, 16]),
        ({"min_resource": 1, "reduction_factor": 3}, 27, [1, 3, 9]),  # Li et al. 2020, fig. 1, without the last
        ({"reduction_factor": 2}, 20, [5, 10]),
    ],
)
def test_rungs_multiply_and_lie_below_the_last_epoch(settings, epochs, rungs):
    search = Search(pruner="asha", **settings)
    assert halving_of(search, epochs=epochs).rungs() == rungs_of(search, epochs=epochs) == rungs


def test_other_pruners_have_no_rungs():
    assert rungs_of(Search(), epochs=20) == []


def test_each_pruner_is_named():
    assert pruning_said("asha", rungs=[2, 8], reduction_factor=4) == (
        "asynchronous successive halving: only the best 1/4 of the trials so far go on after 2 and 8 epochs"
    )
    assert pruning_said("asha", rungs=[1]).endswith("after 1 epoch")
    assert pruning_said("median").startswith("the median rule: below the median")
    assert (pruning_said("hyperband"), pruning_said("none"), pruning_said("?")) == ("Hyperband", "", "")


def load(*overrides, quick=False):
    return load_study(find_study("digits_mlp", folder=Path.cwd()), overrides=overrides, quick=quick)


@pytest.mark.parametrize(
    ("overrides", "error"),
    [
        (["search.reduction_factor=3"],
         'search.reduction_factor: has no effect with search.pruner = "median"\n  remove it, or write pruner = "asha"'),
        (["search.min_resource=1", "search.pruner=none"],
         'search.min_resource: has no effect with search.pruner = "none"'),
        (["search.pruner=asha", "search.min_resource=20", "training.epochs=20"],
         "search.min_resource: must be below training.epochs = 20, got 20\n  a trial would end before it is compared"),
        (["search.pruner=asha", "search.reduction_factor=1"], "search.reduction_factor: must be at least 2, got 1"),
        (["search.pruner=asha", "search.min_resource=0"], "search.min_resource: must be at least 1, got 0"),
    ],
)  # fmt: skip
def test_settings_that_do_nothing_are_refused(overrides, error):
    with pytest.raises(StudyError) as caught:
        load(*overrides)
    assert error in str(caught.value)


def test_a_study_made_quick_may_have_its_first_rung_after_the_end():
    study = load("search.pruner=asha", "search.min_resource=3", quick=True)
    assert study.training.epochs <= 3
    assert rungs_of(study.search, epochs=study.training.epochs) == []
