"""Trials on the examples of their own data factors."""

from functools import partial

import pytest
from in_process import run_trial

from ablate.clock import Clock
from ablate.data.placement import SHARE, Room
from ablate.data.variants import check_levels, open_examples
from ablate.errors import DataError, StudyError
from ablate.study.load import load_study
from ablate.study.trial import Label, TrialSpec
from ablate.training.engine.context import TrainingContext
from ablate.training.engine.contexts import MOST_HELD, Contexts
from ablate.training.run_range_test import RateFinder

CODE = """
import numpy as np
def load(factors, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(160, 3)).astype("float32"), np.arange(160) % 2
    x[:, 0] += y
    x += np.float32(factors["noise"]) * rng.normal(size=x.shape).astype("float32")
    return {"x_train": x[:, 1:] if factors["kind"] == "left out" else x, "y_train": y}
"""
STUDY = """
[data]
name = "my.py:load"
validation = 32
[model]
name = "mlp"
depth = 1
width = 8
[training]
epochs = 2
batch_size = 32
patience = 0
[lr_test]
seeds = 1
share = 9.0
[baseline]
normalization = "none"
activation = "relu"
initializer = "he_normal"
dropout = 0.0
optimizer = "adam"
learning_rate = 0.01
kind = "whole"
noise = 0.0
[space]
kind = ["whole", "left out"]
noise = { low = 0.0, high = 9.0, ablate = [0.5] }
activation = ["relu", "elu"]
"""


SET_POLICY = """
def set_policy():
    import keras
    keras.config.set_floatx("float64")
"""


def opened(tmp_path, code=CODE, text=STUDY):
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "my.py").write_text(code)
    (tmp_path / "a.toml").write_text(text)
    study = load_study(tmp_path / "a.toml", overrides=[], quick=False)
    data = check_levels(study, open_examples(study, study.baseline))
    return study, data


def contexts_of(study, data, **more):
    return Contexts(study, data, partial(TrainingContext, study, stack=1), **more)


def trained(contexts, factors, *, rate_factors=None):
    context = contexts.of(factors)
    spec = TrialSpec("t", Label("ablation", "v"), seed=3, factors=factors, rate_factors=rate_factors)
    return run_trial(spec, context, RateFinder(context, cache=None))


def numbers(outcome):
    assert outcome.state == "finished", outcome.traceback
    return outcome.metrics, outcome.learning_rate, outcome.parameters, outcome.data


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"kind": "left out"}, marks=pytest.mark.slow),
        pytest.param({"noise": 0.5}, marks=pytest.mark.slow),
        {"kind": "left out", "noise": 0.7},
    ],
)
def test_a_trial_of_another_level_is_that_of_a_study_that_has_only_these_data(tmp_path, changed):
    study, data = opened(tmp_path / "a")
    factors = {**study.baseline, **changed}
    there = trained(contexts_of(study, data), factors)
    code = CODE
    for name, level in {**{"kind": "whole", "noise": 0.0}, **changed}.items():
        code = code.replace(f'factors["{name}"]', repr(level))
    text = STUDY.replace('kind = "whole"\nnoise = 0.0\n', "").replace('kind = ["whole", "left out"]\n', "")
    text = text.replace("noise = { low = 0.0, high = 9.0, ablate = [0.5] }\n", "")
    alone, only = opened(tmp_path / "b", code.replace("factors, seed", "seed"), text)
    assert numbers(there) == numbers(trained(contexts_of(alone, only), alone.baseline))
    assert there.data != trained(contexts_of(study, data), study.baseline).data


def test_configurations_with_the_same_data_factors_share_a_context_and_few_are_held(tmp_path):
    study, data = opened(tmp_path)
    contexts = contexts_of(study, data)
    first = contexts.of(study.baseline)
    assert first.data is data
    assert contexts.of({**study.baseline, "activation": "elu"}) is first
    made = [contexts.of({**study.baseline, "noise": level}) for level in (0.5, 1.0, 2.0)]
    assert contexts.of({**study.baseline, "noise": 2.0}) is made[-1]
    assert contexts.of({**study.baseline, "noise": 0.5}) is made[0]
    assert contexts.of(study.baseline) is not first  # it was dropped, and is made again from the same arrays
    assert contexts.of(study.baseline).data is data
    assert len(contexts._held) == MOST_HELD


def test_contexts_are_dropped_before_their_examples_fill_the_memory(tmp_path):
    study, data = opened(tmp_path)
    size = contexts_of(study, data).of(study.baseline).placement.total
    contexts = contexts_of(study, data, room=Room(int(1.5 * size / SHARE)))
    first = contexts.of(study.baseline)
    contexts.of({**study.baseline, "noise": 0.5})
    assert contexts.of(study.baseline) is not first


def test_examples_of_another_level_are_streamed_where_they_do_not_fit(tmp_path):
    study, data = opened(tmp_path)
    factors = {**study.baseline, "noise": 0.5}
    make = partial(TrainingContext, study, stack=1, room=Room(data.x_train.nbytes))
    streamed = Contexts(study, data, make)
    assert streamed.of(factors).placement.is_streamed
    assert numbers(trained(streamed, factors)) == numbers(trained(contexts_of(study, data), factors))


def test_a_level_may_have_fewer_training_examples_beside_a_validation_part(tmp_path):
    returned = 'return {"x_train": x[:n], "y_train": y[:n], "x_val": x[90:], "y_val": y[90:], "x_test": x, "y_test": y}'
    code = f"{CODE[: CODE.index('    return')]}    n = 90 if factors['kind'] == 'whole' else 40\n    {returned}\n"
    text = STUDY.replace("validation = 32", 'validation = "given"')
    study, data = opened(tmp_path / "a", code, text)
    fewer = trained(contexts_of(study, data), {**study.baseline, "kind": "left out"})
    alone, only = opened(tmp_path / "b", code.replace("factors['kind'] == 'whole'", "False"), text)
    assert numbers(fewer) == numbers(trained(contexts_of(alone, only), alone.baseline))


def test_a_carried_rate_is_found_on_the_examples_of_the_configuration_that_it_is_found_for(tmp_path):
    study, data = opened(tmp_path)
    contexts = contexts_of(study, data)
    whose = {**study.baseline, "learning_rate": "find"}
    left_out = {**whose, "kind": "left out"}
    carried = trained(contexts, left_out, rate_factors=whose)
    context = contexts.of(study.baseline)
    asked = RateFinder(context, cache=None).find(whose, Clock(), replicate=3)
    assert carried.rate_test.losses == asked.losses
    assert carried.rate_test.key == asked.key
    own = trained(contexts, left_out)
    assert own.rate_test.losses != asked.losses


def test_a_level_that_was_not_checked_before_is_refused_when_it_comes_up(tmp_path):
    study, data = opened(tmp_path, CODE.replace("% 2", "% (2 + (factors['noise'] > 3))"))
    with pytest.raises(DataError, match=r"data.name: my.py:load with kind=whole and noise=5.0: y holds other targets"):
        contexts_of(study, data).of({**study.baseline, "noise": 5.0})


def test_loading_another_level_may_not_change_keras(tmp_path):
    study, data = opened(
        tmp_path, CODE.replace("    rng =", "    if factors['noise'] == 7:\n        set_policy()\n    rng =", 1)
    )
    (tmp_path / "my.py").write_text((tmp_path / "my.py").read_text() + SET_POLICY)
    with pytest.raises(StudyError, match=r"data.name: my.py:load sets Keras' floatx to float64"):
        contexts_of(study, data).of({**study.baseline, "noise": 7.0})


BUILD = """
import keras
def build(factors, input_shape, n_classes):
    assert input_shape == ((2,) if factors["kind"] == "left out" else (3,))
    return keras.Sequential([keras.layers.Input(input_shape), keras.layers.Dense(n_classes)])
"""


def test_models_are_checked_on_the_examples_of_their_level_and_data_factors_are_not_missed(tmp_path):
    text = STUDY.replace('"mlp"\ndepth = 1\nwidth = 8', '"my.py:build"')
    study, data = opened(tmp_path, CODE + BUILD, text)
    contexts = contexts_of(study, data)
    (said,) = contexts.of(study.baseline).check()
    assert said.startswith("build never reads the factor activation (")
