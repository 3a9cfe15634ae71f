"""What a configuration changes of its study's settings: when layers thaw, and what the optimizer is told."""

import pytest

from ablate.study.settings import Transfer
from ablate.training.engine.settings import (
    HEAD_ONLY,
    UnfreezeSchedule,
    hyperparameters_of,
    settings_of,
    unfreeze_schedule_of,
)


@pytest.fixture
def study(tiny_study):
    """Of 20 epochs, the first 4 frozen."""
    training = tiny_study.training.model_copy(update={"epochs": 20})
    return tiny_study.model_copy(update={"training": training, "transfer": Transfer(classes=(0, 1), unfrozen_rate=0.2)})


@pytest.mark.parametrize(("budget", "after"), [(1.0, 4), (0.5, 2), (0.3, 1), (0.1, 1), (0.05, 1)])
def test_layers_thaw_after_the_same_share_of_a_shorter_trial(study, budget, after):
    factors = {"transfer": "frozen_then_unfrozen", "budget": budget}
    assert unfreeze_schedule_of(study, factors) == UnfreezeSchedule(after, 0.2)


def test_some_epoch_is_left_for_all_layers_where_frozen_epochs_were_not_cut_with_the_others(study):
    long = study.model_copy(update={"transfer": Transfer(classes=(0, 1), frozen_epochs=50)})
    assert unfreeze_schedule_of(long, {"transfer": "frozen_then_unfrozen"}).after == 19


@pytest.mark.parametrize("factors", [{}, {"transfer": "none"}, {"transfer": "unfrozen"}])
def test_nothing_is_frozen_at_the_other_levels(study, factors):
    assert (
        unfreeze_schedule_of(study, factors)
        == UnfreezeSchedule()
        == unfreeze_schedule_of(study.model_copy(update={"transfer": None}), factors)
    )


def test_only_programs_of_studies_with_the_factor_know_of_heads():
    assert hyperparameters_of({"momentum": 0.5, "dropout": 0.1}) == ["momentum"]
    assert hyperparameters_of({"momentum": 0.5, "transfer": "none"}) == ["momentum", HEAD_ONLY]
    assert settings_of({"weight_decay": 0.1}, head_only=True) == {"weight_decay": 0.1}
    assert settings_of({"transfer": "none"}, head_only=False) == {HEAD_ONLY: 0.0}
    assert settings_of({"transfer": "unfrozen", "momentum": 1}, head_only=True) == {"momentum": 1.0, HEAD_ONLY: 1.0}
