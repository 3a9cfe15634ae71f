"""Slots by themselves; what they do to trials is in test_stack.py and test_training.py."""

import gc
import weakref

import pytest

from ablate.clock import Clock
from ablate.data.predictions import unpack
from ablate.study.trial import Label, TrialSpec
from ablate.training.run_range_test import RateFinder
from ablate.training.slots import Slots
from ablate.training.train import begin


@pytest.fixture
def trial(context, tiny_study):
    factors = {**tiny_study.baseline, "learning_rate": 0.003}
    spec = TrialSpec("a", Label("ablation", "reference"), 1, factors, test=True, frozen="f00")
    return begin(spec, context, RateFinder(context, cache=None), Clock())


def test_an_epoch_trains_validates_and_keeps_the_best_weights(context, trial):
    slots = Slots(context, size=1)
    assert slots.free() == [0]
    slots.put(trial, 0)
    assert slots.free() == []
    first, second = slots.run_epoch()[0], slots.run_epoch()[0]
    assert (first.epoch, second.epoch) == (1, 2)
    assert second.metrics["train_loss"] < first.metrics["train_loss"]
    assert trial.outcome.best_epoch == 1 + (second.metrics["val_accuracy"] > first.metrics["val_accuracy"])
    slots.test()
    assert trial.outcome.metrics["test_accuracy"] is None  # it is not over
    slots.run_epoch()
    slots.test()
    assert trial.outcome.metrics["test_accuracy"] > 0.5
    predicted = unpack(trial.outcome.test_predictions, context.data.y_test)
    assert (predicted == context.data.y_test).mean() == trial.outcome.metrics["test_accuracy"]


def test_what_is_cleared_lets_go_of_the_device(context, trial):
    slots = Slots(context, size=1)
    slots.put(trial, 0)
    slots.run_epoch()
    kept = weakref.ref(slots._state[0][0])
    trial.best = None
    assert slots.clear() == [trial]
    gc.collect()
    assert kept() is None
    assert slots.trials == {}
