"""A draft is shortened until its study ends soon."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from ablate.experiment.drafting.draft import Draft
from ablate.experiment.drafting.fitting_time import MOST_SECONDS, shortened
from ablate.experiment.preview.forecast import Forecast, Pace

DRAFT = Draft("mine", "Mine", {"data": {"name": "a.csv"}, "training": {"epochs": 20}})


@dataclass
class Planned:
    """A plan whose forecast is what its structures take to compile, and 100 epochs of each."""

    n_train: int
    n_classes: int = 0
    n_left: int = 24
    study: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(training=SimpleNamespace(epochs=20)))

    @property
    def facts(self):
        return SimpleNamespace(n_train=lambda: self.n_train, data=SimpleNamespace(n_classes=self.n_classes))

    def forecast(self, paces):
        return Forecast(sum(pace.compile + 100 * pace.epoch for pace in paces.values()), 20.0)


def fitted(epoch, *, compile_=10.0, n_train=10_000, n_classes=0):
    return shortened(DRAFT, Planned(n_train, n_classes), {(): Pace(compile_, epoch)})


def test_a_short_study_stays():
    found = fitted(0.5)
    assert (found.draft, found.seconds, found.trials, found.shortened) == (DRAFT, 60.0, 24, ())


def test_a_long_study_trains_on_fewer_examples():
    found = fitted(1.6)
    assert found.draft.tables["data"]["train"] == 5000  # 80 of 160 seconds beside compiling
    assert "epochs" not in dict(found.draft.comments)
    assert found.seconds == pytest.approx(MOST_SECONDS)
    assert found.shortened[0].startswith("trains on 5,000 of 10,000 examples")


def test_a_longer_one_for_fewer_epochs_too():
    found = fitted(32.0, n_train=1000)
    assert found.draft.tables["data"]["train"] == 500
    assert found.draft.tables["training"]["epochs"] == 3
    assert len(found.shortened) == 2
    assert found.seconds == pytest.approx(10 + 3200 * 0.5 * 3 / 20)


def test_each_class_keeps_some_examples():
    assert fitted(160.0, n_train=10_000, n_classes=100).draft.tables["data"]["train"] == 2000
