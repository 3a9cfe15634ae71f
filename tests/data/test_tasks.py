import math

import numpy as np
import pytest

from ablate.data import Source, to_dataset
from ablate.data.tasks import data_task
from ablate.study.model_ref import ModelRef


def study_of(tiny_study, **metric):
    return tiny_study.model_copy(update={"metric": tiny_study.metric.model_copy(update=metric)})


def data_of(y):
    x = np.arange(2 * len(y), dtype=np.float32).reshape(-1, 2)
    return to_dataset("own", Source(x, y, x[:4], y[:4], origin="own"))


def test_the_score_of_guessing_is_made_from_the_training_targets(tiny_study):
    task = data_task(tiny_study, data_of(np.array([0, 0, 0, 1], np.int32)))
    assert task.names == ("accuracy", "loss")
    assert task.metric.guess == 0.75
    assert task.metric_of("loss").guess == pytest.approx(0.5623351)
    amounts = data_task(tiny_study, data_of(np.array([1.5, 2.5, 2.5, 7.5])))
    assert (amounts.decides, amounts.metric.goal, amounts.metric.guess) == ("mae", "minimize", 1.5)
    assert amounts.metric.guess_score == -1.5


@pytest.mark.parametrize(
    ("code", "is_known"),
    [
        ("def build(factors): return Model()", True),
        ("def build(factors):\n    model = Model()\n    model.compile(loss='mae')\n    return model", False),
        ("from keras.saving import load_model\ndef build(factors): return load_model('net.keras')", False),
        ("import beside\ndef build(factors): return beside.made()", False),
    ],
)
def test_of_a_model_that_may_compile_its_own_loss_nothing_is_guessed(tiny_study, tmp_path, code, is_known):
    (tmp_path / "mine.py").write_text(code)
    (tmp_path / "beside.py").write_text("def made():\n    return getattr(Model(), 'compile')(loss='mae')")
    study = tiny_study.model_copy(update={"model": ModelRef.of("mine.py:build"), "base": tmp_path})
    data = data_of(np.array([1.5, 2.5, 2.5, 7.5]))
    task = data_task(study, data)
    loss = task.metric_of("loss")
    assert loss.guess == pytest.approx(5.5) if is_known else math.isnan(loss.guess)
    assert (task.metric.name, task.metric.guess, task.losses) == ("mae", 1.5, {"": "mse"})
    classes = data_task(study, data_of(np.array([0, 0, 0, 1], np.int32)))
    assert classes.metric_of("loss").unit == ("nats" if is_known else "")
    stated = study.model_copy(update={"training": study.training.model_copy(update={"loss": "mse"})})
    assert data_task(stated, data).metric_of("loss").guess == pytest.approx(5.5)


def test_rare_positives_are_judged_as_the_study_says(tiny_study):
    task = data_task(study_of(tiny_study, name="pr_auc", also=("recall",)), data_of(np.array([0] * 9 + [1], np.int32)))
    assert task.names == ("pr_auc", "recall", "loss")
    assert task.metric.guess == pytest.approx(0.1)
