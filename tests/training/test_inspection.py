"""What a trial says of its layers, and that its numbers are those of a trial that says nothing."""

import json
from dataclasses import replace

import numpy as np
import pytest
from in_process import run_trial

from ablate.clock import Clock
from ablate.study.trial import Label, Outcome, TrialSpec
from ablate.training import inspection
from ablate.training.engine.context import TrainingContext
from ablate.training.inspection import inspect_layers
from ablate.training.run_range_test import RateFinder
from ablate.training.train import begin


@pytest.fixture(scope="module")
def curious(tiny_study, digits):
    inspect = tiny_study.inspect.model_copy(update={"layers": True, "examples": 100})
    return TrainingContext(tiny_study.model_copy(update={"inspect": inspect}), digits)


def a_spec(study, **changes) -> TrialSpec:
    factors = {**study.baseline, "learning_rate": 0.003, **changes.pop("factors", {})}
    spec = TrialSpec("t", Label("ablation", "reference"), 1, factors)
    return replace(spec, **changes)


def trained(spec, context):
    return run_trial(spec, context, RateFinder(context, cache=None))


def plain(outcome):
    return replace(outcome, layers=(), seconds=0.0, timings={})


def test_an_ablation_trial_says_what_its_layers_were_like_and_is_the_same_trial(curious, context, tiny_study):
    spec = a_spec(tiny_study)
    outcome = trained(spec, curious)
    assert [(layer.when, layer.number, layer.layer, layer.units) for layer in outcome.layers] == [
        (when, number, "Dense", 16) for when in ("start", "end") for number in (1, 2)
    ]
    assert all(layer.sd > 0 and layer.gradient_norm > 0 and layer.distinct == 16 for layer in outcome.layers)
    assert outcome.layers[0].sd != outcome.layers[2].sd
    corners = [np.shape(layer.corner) for layer in outcome.layers]
    assert corners == [(0,), (0,), (0,), (16, 16)]
    assert outcome.timings["inspect"] > 0
    assert trained(spec, curious).layers == outcome.layers
    assert plain(outcome) == plain(trained(spec, context))
    assert Outcome.from_json(json.loads(json.dumps(outcome.to_json()))) == outcome


def test_what_is_not_asked_for_is_not_measured(curious, context, tiny_study):
    assert trained(a_spec(tiny_study), context).layers == ()
    search = trained(a_spec(tiny_study, label=Label("search")), curious)
    assert search.layers == ()
    assert "inspect" not in search.timings


def test_a_trial_that_diverges_has_its_start_alone(curious, tiny_study):
    outcome = trained(a_spec(tiny_study, factors={"optimizer": "sgd", "learning_rate": 1e6}), curious)
    assert outcome.state == "diverged"
    assert {layer.when for layer in outcome.layers} == {"start"}


def test_equal_initial_weights_stay_equal(curious, tiny_study):
    outcome = trained(a_spec(tiny_study, factors={"initializer": "ones*0.05"}), curious)
    assert [layer.distinct for layer in outcome.layers] == [1, 1, 1, 1]
    corner = np.array(outcome.layers[-1].corner)
    assert (corner == corner[:, :1]).all()
    assert outcome.layers[-1].corner != ((0.05,) * 16,) * 16  # they were trained


def test_what_cannot_be_looked_into_costs_a_note_and_not_the_trial(curious, tiny_study, monkeypatch):
    def fail(*_):
        raise MemoryError("no room")

    monkeypatch.setattr(inspection, "_states", fail)
    trial = begin(a_spec(tiny_study), curious, RateFinder(curious, cache=None), Clock())
    for when in ("start", "start"):
        inspect_layers(trial, curious, when)
    assert trial.ended().notes == ("its layers could not be inspected: MemoryError: no room",)
    assert trial.ended().layers == ()
