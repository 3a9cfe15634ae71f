"""Every metric that a study may name has a measure for every target that it fits."""

import numpy as np
import pytest

from ablate.study.metrics import METRICS, NamedMetric
from ablate.study.task import Target
from ablate.training.engine.measures import measure_of
from ablate.training.engine.views import view_of

N = 6
CLASSES = np.array([0, 1, 0, 1, 1, 0], np.int32)
TARGETS = {
    "binary": (Target("classes", n_classes=2), CLASSES, np.linspace(0.1, 0.9, N)[:, None]),
    "classes": (Target("classes", n_classes=6), CLASSES, np.full((N, 6), 1 / 6)),
    "one-hot": (Target("one-hot", (6,), 6), np.eye(6)[CLASSES], np.full((N, 6), 1 / 6)),
    "tags": (Target("tags", (2,), 2), np.eye(2)[CLASSES], np.full((N, 2), 0.7)),
    "number": (Target("numbers"), CLASSES.astype(np.float32), np.full((N, 1), 0.7)),
    "numbers": (Target("numbers", (4, 2)), np.ones((N, 4, 2)) + np.eye(2)[CLASSES][:, None], np.full((N, 4, 2), 0.7)),
}
FITTING = [
    (case, name)
    for case, (target, _, _) in TARGETS.items()
    for name, known in METRICS.items()
    if not NamedMetric(known, known.number).misfit(target)
]


@pytest.mark.parametrize(("case", "name"), FITTING)
@pytest.mark.filterwarnings("ignore:invalid value")  # the correlation with equal numbers is 0 / 0
def test_two_equal_batches_count_as_one(case, name):
    target, y, outputs = TARGETS[case]
    kind = "numbers" if target.kind == "numbers" else "probabilities"
    measure = measure_of(NamedMetric(METRICS[name], METRICS[name].number), target, kind)
    outputs = outputs.astype(np.float32)
    view = view_of(target, kind, y, outputs)
    once = measure.update(measure.start(), view)
    twice = measure.update(once, view)
    assert float(measure.value(twice)) == pytest.approx(float(measure.value(once)), nan_ok=True)
    assert np.shape(measure.value(once)) == ()
