"""Metrics of a compiled loop against Keras' `evaluate` and answers by hand: batches, weights, XLA, stacks."""

import keras
import numpy as np
import pytest
from backends import narrowed, tensorflow_only

from ablate.errors import StudyError
from ablate.study.metrics import find_metric
from ablate.study.task import Target, Task, TaskMetric
from ablate.training.engine import backend
from ablate.training.engine.compiled_metrics import compiled_metrics
from ablate.training.engine.metrics import adds_up, metrics_of

N, CHUNK = 52, 20  # the last chunk has 12 rows
RNG = np.random.default_rng(0)
BINARY, DIGITS = Target("classes", n_classes=2), Target("classes", n_classes=4)
ONE_HOT, TAGS = Target("one-hot", (4,), 4), Target("tags", (3,), 3)
PRICE, PAIR = Target("numbers"), Target("numbers", (2,))
MASK = Target("classes", (3, 5), n_classes=2)
WEIGHTS = RNG.uniform(0.2, 3.0, N).astype(np.float32)
BINARY_Y = RNG.integers(0, 2, N).astype(np.int32)
DIGITS_Y = RNG.integers(0, 4, N).astype(np.int32)
TAGS_Y = RNG.integers(0, 2, (N, 3)).astype(np.float32)
PRICE_Y = RNG.uniform(1, 5, N).astype(np.float32)
PAIR_Y = RNG.uniform(1, 5, (N, 2)).astype(np.float32)
MASK_Y = RNG.integers(0, 2, (N, 3, 5)).astype(np.int32)


def normal(*shape):
    return RNG.normal(size=(N, *shape)).astype(np.float32)


def task_of(targets, *specs):
    metrics = [TaskMetric(name_of(spec), "maximize", spec=spec) for spec in specs]
    return Task(targets, (*metrics, TaskMetric("loss", "minimize")), "loss")


def name_of(spec):
    found = find_metric(spec)
    return found.name if found else spec.rpartition(":")[2]


def load(spec):
    raise AssertionError(spec)


def run(streamed, y, outputs, weights=None, *, chunk=CHUNK):
    """The values after an evaluation in chunks, the last one shorter."""
    given = (y, outputs) if weights is None else (y, outputs, weights)
    state = streamed.start()
    for first in range(0, len(keras.tree.flatten(y)[0]), chunk):
        rows = slice(first, first + chunk)
        state = streamed.update(state, *keras.tree.map_structure(lambda a, rows=rows: backend.resident(a[rows]), given))
    return dict(zip(streamed.names, streamed.values(state), strict=True))


def evaluated(y, outputs, metrics, weights=None, *, are_weighted=False):
    """What a model that returns these outputs evaluates to, in batches that do not divide the rows."""
    model = keras.Sequential([keras.Input(np.shape(outputs)[1:]), keras.layers.Activation("linear")])
    names = list(metrics)
    for name in names:
        metrics[name].name = name
    model.compile(
        loss="mse" if np.shape(y) == np.shape(outputs) else mean_output,
        **{"weighted_metrics" if are_weighted else "metrics": [metrics[name] for name in names]},
    )
    return model.evaluate(outputs, y, batch_size=15, sample_weight=weights, verbose=0, return_dict=True)


def mean_output(_, outputs):
    return keras.ops.mean(outputs)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)


K = keras.metrics
ONE_LOGIT, LOGITS, TAG_LOGITS = normal(1), normal(4), normal(3)
CASES = {
    "binary": (BINARY, "logits", BINARY_Y, ONE_LOGIT, sigmoid(ONE_LOGIT), {
        "accuracy": K.BinaryAccuracy, "auc": K.AUC, "pr_auc": lambda: K.AUC(curve="PR"), "precision": K.Precision,
        "recall": K.Recall, "f1": lambda: K.F1Score(threshold=0.5, average="micro"),
        "mean_iou": lambda: K.BinaryIoU((0, 1), dtype="float32"),
        "recall_at_precision(0.6)": lambda: K.RecallAtPrecision(0.6),
        "precision_at_recall(0.6)": lambda: K.PrecisionAtRecall(0.6),
        "sensitivity_at_specificity(0.7)": lambda: K.SensitivityAtSpecificity(0.7),
        "specificity_at_sensitivity(0.7)": lambda: K.SpecificityAtSensitivity(0.7), "bce": K.BinaryCrossentropy}),
    "classes": (DIGITS, "logits", DIGITS_Y, LOGITS, softmax(LOGITS), {
        "accuracy": K.SparseCategoricalAccuracy, "top_2_accuracy": lambda: K.SparseTopKCategoricalAccuracy(2),
        "mean_iou": lambda: K.MeanIoU(4, sparse_y_pred=False, dtype="float32"),
        "crossentropy": K.SparseCategoricalCrossentropy}),
    "one-hot": (ONE_HOT, "probabilities", np.eye(4, dtype=np.float32)[DIGITS_Y], softmax(LOGITS), softmax(LOGITS), {
        "accuracy": K.CategoricalAccuracy, "top_2_accuracy": lambda: K.TopKCategoricalAccuracy(2),
        "auc": lambda: K.AUC(multi_label=True, num_labels=4), "crossentropy": K.CategoricalCrossentropy,
        "kl_divergence": K.KLDivergence}),
    "tags": (TAGS, "logits", TAGS_Y, TAG_LOGITS, sigmoid(TAG_LOGITS), {
        "accuracy": K.BinaryAccuracy, "auc": lambda: K.AUC(multi_label=True, num_labels=3),
        "pr_auc": lambda: K.AUC(curve="PR", multi_label=True, num_labels=3), "bce": K.BinaryCrossentropy,
        "f1": lambda: K.F1Score(threshold=0.5, average="macro")}),
    "number": (PRICE, "numbers", PRICE_Y, normal(1) ** 2, None, {
        "mae": K.MeanAbsoluteError, "mse": K.MeanSquaredError, "rmse": K.RootMeanSquaredError, "r2": K.R2Score,
        "mape": K.MeanAbsolutePercentageError, "msle": K.MeanSquaredLogarithmicError, "log_cosh": K.LogCoshError,
        "poisson": K.Poisson}),
    "numbers": (PAIR, "numbers", PAIR_Y, normal(2), None, {
        "mae": K.MeanAbsoluteError, "rmse": K.RootMeanSquaredError, "r2": K.R2Score,
        "cosine_similarity": K.CosineSimilarity, "pearson_correlation": K.PearsonCorrelation}),
}  # fmt: skip


@narrowed
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["equal", "weighted"])
@pytest.mark.parametrize("case", CASES)
def test_metrics_equal_those_of_evaluate(case, weights):
    target, kind, y, outputs, returned, known = CASES[case]
    found = metrics_of(task_of({"": target}, *known), {"": kind}, load=load)
    column = {name: name_of(name) for name in known}
    expected = evaluated(
        y[:, None] if case in ("binary", "number") else y,
        outputs if returned is None else returned,
        {column[name]: make() for name, make in known.items()},
        weights,
    )
    values = run(found.streamed, y, outputs, weights)
    assert values == {name: pytest.approx(expected[name], abs=1e-5, rel=1e-5) for name in values}


@pytest.mark.parametrize("xla", [pytest.param(False, marks=tensorflow_only), True], ids=["graph", "xla"])
@pytest.mark.parametrize("case", ["binary", "tags", "one-hot", "number"])
def test_metrics_run_in_compiled_loops(case, xla):
    target, kind, y, outputs, _, known = CASES[case]
    streamed = metrics_of(task_of({"": target}, *known), {"": kind}, load=load).streamed
    shaped = tuple(backend.resident(array[:40].reshape(2, 20, *array.shape[1:])) for array in (y, outputs))

    def loop(state, y, outputs):
        def body(i, state):
            return i + 1, streamed.update(state, y[i], outputs[i])

        return backend.loop(lambda i, _: i < 2, body, (keras.ops.zeros((), "int32"), state))[1]

    given = streamed.start(), *shaped
    looped = backend.compiled(loop, given, loose={}, xla=xla)(*given)
    alone = streamed.update(streamed.start(), backend.resident(y[:40]), backend.resident(outputs[:40]))
    np.testing.assert_allclose(streamed.values(looped), streamed.values(alone), rtol=1e-5, atol=1e-6)


def test_several_trials_are_measured_in_one_program():
    names = ("accuracy", "auc", "f1", "recall_at_precision(0.6)")
    streamed = metrics_of(task_of({"": TAGS}, *names), {"": "logits"}, load=load).streamed
    outputs = backend.resident(np.stack([TAG_LOGITS, -TAG_LOGITS]))
    both = backend.stack([streamed.start(), streamed.start()])

    def update(state, outputs):
        return backend.map_trials(lambda state, one: streamed.update(state, TAGS_Y, one), (state, outputs))

    stacked = backend.compiled(update, (both, outputs), loose={}, xla=False)(both, outputs)
    for slot in range(2):
        state = streamed.update(streamed.start(), TAGS_Y, outputs[slot])
        np.testing.assert_allclose([t[slot] for t in stacked][-1], state[-1], rtol=1e-6)
        np.testing.assert_allclose(streamed.values([t[slot] for t in stacked]), streamed.values(state), rtol=1e-6)


def test_two_outputs_of_two_classes_measure_as_one_does():
    two = np.concatenate([np.zeros_like(ONE_LOGIT), ONE_LOGIT], axis=1)
    names = ("accuracy", "auc", "pr_auc", "precision", "f1", "bce", "balanced_accuracy", "specificity", "dice")
    streamed = metrics_of(task_of({"": BINARY}, *names), {"": "logits"}, load=load).streamed
    one = run(streamed, BINARY_Y, ONE_LOGIT)
    assert run(streamed, BINARY_Y, two) == pytest.approx(one, abs=1e-6)
    assert run(streamed, BINARY_Y[:, None], ONE_LOGIT[:, 0]) == pytest.approx(one, abs=1e-6)


def test_macro_averages_and_absent_classes_by_hand():
    y = np.array([0, 0, 0, 1, 1, 0], np.int32)  # class 2 is predicted once, class 3 never occurs
    outputs = np.eye(4, dtype=np.float32)[[0, 0, 1, 1, 2, 0]]
    names = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "mean_iou", "specificity")
    streamed = metrics_of(task_of({"": DIGITS}, *names), {"": "probabilities"}, load=load).streamed
    values = streamed.values(streamed.update(streamed.start(), y, outputs))
    assert dict(zip(names, map(float, values), strict=True)) == pytest.approx({
        "accuracy": 4 / 6, "balanced_accuracy": (3 / 4 + 1 / 2) / 2, "precision": (1 + 1 / 2) / 4,
        "recall": (3 / 4 + 1 / 2) / 4, "f1": (6 / 7 + 1 / 2) / 4, "mean_iou": (3 / 4 + 1 / 3 + 0) / 3,
        "specificity": (1 + 3 / 4 + 5 / 6 + 1) / 4,
    })  # fmt: skip


def test_the_accuracy_is_the_exact_fraction():
    streamed = metrics_of(task_of({"": DIGITS}, "accuracy"), {"": "logits"}, load=load).streamed
    hits = int((LOGITS.argmax(axis=1) == DIGITS_Y).sum())
    assert run(streamed, DIGITS_Y, LOGITS) == {"accuracy": hits / N}


def test_every_pixel_of_a_mask_counts():
    outputs = normal(3, 5, 2)
    streamed = metrics_of(task_of({"": MASK}, "accuracy", "mean_iou", "dice"), {"": "logits"}, load=load).streamed
    chosen = outputs.argmax(axis=-1)

    def overlap(c, both):
        hits = ((chosen == c) & (c == MASK_Y)).sum()
        sizes = (chosen == c).sum() + (c == MASK_Y).sum()
        return 2 * hits / sizes if both else hits / (sizes - hits)

    assert run(streamed, MASK_Y, outputs, WEIGHTS) == pytest.approx({
        "accuracy": np.mean(chosen == MASK_Y),
        "mean_iou": (overlap(0, both=False) + overlap(1, both=False)) / 2, "dice": overlap(1, both=True),
    }, rel=1e-5)  # fmt: skip


def test_r2_of_years_does_not_cancel():
    years = (2000 + 10 * PRICE_Y).astype(np.float32)
    streamed = metrics_of(task_of({"": PRICE}, "r2"), {"": "numbers"}, load=load).streamed
    guesses = years + 3 * normal()
    exact = (
        1 - ((years - guesses).astype(float) ** 2).sum() / ((years - years.mean(dtype=float)).astype(float) ** 2).sum()
    )
    assert run(streamed, years, guesses[:, None])["r2"] == pytest.approx(exact, rel=1e-7)


def test_r2_of_many_years_in_small_batches_keeps_its_digits():
    draw = np.random.default_rng(1)
    years = (2000 + draw.uniform(10, 50, 20_000)).astype(np.float32)
    guesses = (years + 3 * draw.normal(size=len(years))).astype(np.float32)
    streamed = metrics_of(task_of({"": PRICE}, "r2"), {"": "numbers"}, load=load).streamed
    update = backend.compiled(streamed.update, (streamed.start(), years[:32], guesses[:32, None]), loose={}, xla=True)
    state = streamed.start()
    for first in range(0, len(years), 32):
        rows = slice(first, first + 32)
        state = update(state, backend.resident(years[rows]), backend.resident(guesses[rows, None]))
    errors, around = years.astype(float) - guesses, years - years.mean(dtype=float)
    assert streamed.values(state) == [pytest.approx(1 - (errors**2).sum() / (around**2).sum(), rel=1e-6)]


@pytest.mark.parametrize("constant", [2019.3, 0.1, 0.0])
def test_r2_of_a_constant_is_0_whatever_rounding_says(constant):
    target = np.full(N, constant, np.float32)
    streamed = metrics_of(task_of({"": PRICE}, "r2"), {"": "numbers"}, load=load).streamed
    assert run(streamed, target, target[:, None] + normal(1), chunk=7) == {"r2": 0.0}


def test_several_outputs_have_metrics_of_their_own():
    targets = {"kind": DIGITS, "price": PRICE}
    found = metrics_of(
        task_of(targets, "kind_accuracy", "price_mae"), {"kind": "logits", "price": "numbers"}, load=load
    )
    values = run(found.streamed, {"kind": DIGITS_Y, "price": PRICE_Y}, {"kind": LOGITS, "price": normal(1) * 0})
    assert values == pytest.approx({
        "kind_accuracy": (LOGITS.argmax(axis=1) == DIGITS_Y).mean(), "price_mae": PRICE_Y.mean(),
    })  # fmt: skip


class Ratio(keras.metrics.Metric):
    """The mean over batches of a ratio, which depends on the batch size."""

    def __init__(self, name="ratio"):
        super().__init__(name=name)
        self.total, self.n = self.add_variable((), "zeros"), self.add_variable((), "zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):  # noqa: ARG002
        self.total.assign_add(keras.ops.mean(y_pred) / keras.ops.mean(y_true))
        self.n.assign_add(1)

    def result(self):
        return self.total / self.n


def own_model():
    inputs = keras.Input((3,))
    a = keras.layers.Dense(1, name="a")(inputs)
    b = keras.layers.Dense(2, activation="sigmoid", name="b")(inputs)
    model = keras.Model(inputs, {"a": a, "b": b})
    model.compile(
        loss={"a": "mse", "b": "binary_crossentropy"},
        metrics={"a": ["mae", Ratio()], "b": [K.AUC(name="area", multi_label=True), K.F1Score(name="each")]},
        weighted_metrics={"a": ["mae"], "b": [K.BinaryAccuracy(name="right")]},
    )
    return model


def test_the_metrics_of_a_compiled_model_equal_those_of_evaluate():
    model, x = own_model(), normal(3)
    y = {"a": PRICE_Y[:, None], "b": TAGS_Y[:, :2]}
    outputs = {name: np.asarray(array) for name, array in model(x).items()}
    expected = model.evaluate(x, y, batch_size=15, sample_weight=WEIGHTS, verbose=0, return_dict=True)
    expected = {name: np.asarray(value).tolist() for name, value in expected.items()}  # one is a variable
    names = ["a_mae", "a_weighted_mae", "b_area", "b_right"]
    task = task_of({"a": PRICE, "b": Target("tags", (2,), 2)}, *names, "a_ratio")
    kinds = {"a": "numbers", "b": "probabilities"}
    found = metrics_of(task, kinds, load=load, model=model, examples=(y, outputs), batch_size=15)
    assert found.streamed.names == tuple(names)
    assert run(found.streamed, y, outputs, WEIGHTS) == {
        name: pytest.approx(expected[name], abs=1e-5, rel=1e-5) for name in names
    }  # fmt: skip
    assert [metric.name for metric in found.host] == ["a_ratio"]
    assert found.host[0].value(y, outputs, WEIGHTS) == pytest.approx(expected["a_ratio"])
    assert found.notes == (
        "a_ratio depends on the batch size: it is computed after each evaluation in batches of 15, not while training",
    )
    assert "b_each" not in compiled_metrics(model, y, outputs)
    assert not adds_up(compiled_metrics(model, y, outputs)["a_ratio"], y, outputs)


def test_a_metric_that_the_model_lacks_is_refused_with_those_it_has():
    model, x = own_model(), normal(3)
    y, outputs = {"a": PRICE_Y[:, None], "b": TAGS_Y[:, :2]}, model(x)
    task = task_of({"a": PRICE, "b": Target("tags", (2,), 2)}, "pinball")
    with pytest.raises(StudyError, match='compiled with no metric "pinball"\n  known: a_mae, a_ratio'):
        metrics_of(task, {"a": "numbers", "b": "probabilities"}, load=load, model=model, examples=(y, outputs))


def test_a_function_of_the_users_is_called_once_with_all_rows():
    seen = []

    def spread(y_true, y_pred):
        seen.append((y_true.shape, y_pred.shape, float(y_pred.sum(axis=-1).max())))
        return np.float32(y_pred.max() - y_pred.min())

    found = metrics_of(task_of({"": DIGITS}, "my.py:spread"), {"": "logits"}, load={"my.py:spread": spread}.get)
    chances = softmax(LOGITS)
    assert found.host[0].value(DIGITS_Y, LOGITS, WEIGHTS) == pytest.approx(chances.max() - chances.min(), rel=1e-5)
    assert seen == [((N,), (N, 4), pytest.approx(1))]
    assert found.streamed.names == ()


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["equal", "weighted"])
def test_a_function_of_the_users_gets_the_weights_that_it_lists(weights):
    def error(y_true, y_pred, *, sample_weight):
        return np.average(np.abs(y_true - y_pred), weights=sample_weight)

    found = metrics_of(task_of({"": PRICE}, "my.py:error"), {"": "numbers"}, load={"my.py:error": error}.get)
    outputs = normal(1)
    expected = evaluated(PRICE_Y[:, None], outputs, {"mae": K.MeanAbsoluteError()}, weights, are_weighted=True)
    assert found.host[0].value(PRICE_Y, outputs, weights) == pytest.approx(expected["mae"], rel=1e-5)


def fails(*_):
    return 1 / 0


def unreduced(y_true, y_pred):
    return y_true - y_pred


def text(*_):
    return "high"


def unknown(*_):
    return float("nan")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (fails, "metric: my.py:f fails: ZeroDivisionError: division by zero"),
        (unreduced, r"metric: my.py:f must return a number, got an array of shape \(52,\)\n  return its mean"),
        (text, "metric: my.py:f fails: ValueError"),
    ],
)
def test_a_function_that_fails_is_named(function, message):
    found = metrics_of(task_of({"": PRICE}, "my.py:f"), {"": "numbers"}, load=lambda _: function)
    with pytest.raises(StudyError, match=message):
        found.host[0].value(PRICE_Y, normal(1))


def test_a_function_may_return_nan():
    found = metrics_of(task_of({"": PRICE}, "my.py:f"), {"": "numbers"}, load=lambda _: unknown)
    assert np.isnan(found.host[0].value(PRICE_Y, normal(1)))


def test_a_metric_that_takes_no_weights_streams_with_every_example():
    class Counted(K.Metric):
        def __init__(self, name="counted"):
            super().__init__(name=name)
            self.n = self.add_variable((), "zeros")

        def update_state(self, y_true, y_pred, sample_weight=None):  # noqa: ARG002
            self.n.assign(self.n + keras.ops.cast(keras.ops.shape(y_pred)[0], "float32"))

        def result(self):
            return self.n

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(loss="mse", metrics=[Counted()])
    outputs = np.asarray(model(normal(3)))
    counted = compiled_metrics(model, PRICE_Y, outputs)["counted"]
    assert adds_up(counted, PRICE_Y[:16], outputs[:16])
    parts = metrics_of(
        task_of({"": PRICE}, "counted"), {"": "numbers"}, load=load, model=model, examples=(PRICE_Y, outputs)
    )
    assert run(parts.streamed, PRICE_Y, outputs, WEIGHTS) == {"counted": N}


@narrowed
def test_each_build_of_a_model_has_the_metric_names_of_a_fresh_process():
    x, y = normal(3), BINARY_Y[:, None].astype(np.float32)
    for _ in range(2):  # Keras itself counts on: "precision_2" is the first of the second model
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, activation="sigmoid")])
        two = [K.Precision(thresholds=0.3), K.Precision(thresholds=0.7)]
        weighted = [K.AUC(), "accuracy"]
        model.compile(loss="bce", metrics=[*two, K.BinaryIoU(name="iou"), "accuracy"], weighted_metrics=weighted)
        found = compiled_metrics(model, y, np.asarray(model(x)))
        assert sorted(found) == ["accuracy", "auc", "iou", "precision", "precision_1", "weighted_accuracy"]
        assert [found[name].metric for name in ("precision", "precision_1")] == two
        assert [found[name].is_weighted for name in ("accuracy", "weighted_accuracy")] == [False, True]


def test_an_explicit_name_goes_before_a_numbered_one():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, activation="sigmoid")])
    own = K.Precision(thresholds=0.3, name="precision")
    model.compile(loss="bce", metrics=[K.Precision(), own])
    outputs = np.asarray(model(normal(3)))
    found = compiled_metrics(model, BINARY_Y[:, None].astype(np.float32), outputs)
    assert found["precision"].metric is own
    assert set(found) == {"precision", "precision_1"}


@narrowed
def test_a_compiled_metric_is_recorded_under_the_name_of_the_user():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile(loss="bce", metrics=[K.BinaryIoU([1], name="iou"), K.Precision(thresholds=0.3)])
    y, outputs = BINARY_Y[:, None].astype(np.float32), np.asarray(model(normal(3)))
    task = Task({"": BINARY}, tuple(TaskMetric(name, "maximize", spec=name) for name in ("iou", "precision")), "iou")
    found = metrics_of(task, {"": "probabilities"}, load=load, model=model, examples=(y, outputs))
    expected = {"iou": K.BinaryIoU([1])(y, outputs), "precision": K.Precision(0.3)(y, outputs)}
    assert run(found.streamed, y, outputs) == pytest.approx({name: float(v) for name, v in expected.items()})


def test_a_metric_that_neither_the_model_has_nor_the_targets_fit_is_refused():
    task = task_of({"": PRICE}, "accuracy")
    with pytest.raises(StudyError, match='compiled with no metric "accuracy"\n  compile'):
        metrics_of(task, {"": "numbers"}, load=load)
