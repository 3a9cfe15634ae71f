"""Whole studies on data whose truth is known end with the right verdict, in every kind of task."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from in_process import workers_here
from scipy.stats import norm

from ablate.analysis.effects.metric import confirmatory_runs
from ablate.analysis.effects.table import effects_of_runs
from ablate.experiment import run_parts
from ablate.experiment.options import Options
from ablate.experiment.run_study import Finished, run_study
from ablate.report.inputs import read_inputs
from ablate.study.load import load_study

pytestmark = pytest.mark.slow

STUDY = """
[data]
{data}
[model]
name = "my.py:build"
[training]
epochs = {epochs}
{training}
[metric]
{metric}
[baseline]
{factor} = "{baseline}"
optimizer = "adam"
learning_rate = {rate}
[space]
{factor} = {levels}
[search]
trials = 0
[ablation]
seeds = 6
learning_rate = "carry"
"""
LOADED, MANY = (f'name = "my.py:load"\nvalidation = {n}' for n in (200, 1000))
IMPORTS = "import keras\nimport numpy as np\nfrom keras import layers, ops\n\n"


@dataclass(frozen=True)
class Ended:
    """A study that ran to its end, its effects by variant, and what was said on the way."""

    done: Finished
    effects: pd.DataFrame
    said: str

    def verdict(self, variant: str) -> str:
        return str(self.effects.loc[variant, "verdict"])

    def difference(self, variant: str) -> float:
        return float(self.effects.loc[variant, "mean"])

    def verdict_by(self, column: str, variant: str) -> str:
        """The verdict on a metric that was recorded beside the one that decides, with the same margin."""
        inputs = read_inputs(self.done.folder.path)
        metric = replace(inputs.measure(column), margin=inputs.metric.margin)
        effects = effects_of_runs(confirmatory_runs(inputs.results), metric).set_index("variant")
        return str(effects.loc[variant, "verdict"])


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """One tracking store: making one takes seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"


@pytest.fixture
def ended(tmp_path, store, monkeypatch):
    """Run studies of the code of a user's in this process, each to its end."""
    monkeypatch.setattr(run_parts, "open_workers", workers_here)

    def run(code, table="", *, name="study", data=LOADED, epochs=12, rate=0.03, training="", **tables):
        (tmp_path / "my.py").write_text(IMPORTS + code)
        (tmp_path / "my.csv").write_text(table)
        path, said = tmp_path / f"{name}.toml", []
        path.write_text(STUDY.format(data=data, epochs=epochs, rate=rate, training=training, **tables))
        options = Options(tmp_path / name, store, f"ablate study {name}", workers=1, reuse=False)
        done = run_study(load_study(path, overrides=[], quick=False), options, lambda event: said.append(str(event)))
        assert done.ending.complete
        assert set(done.states) == {"finished"}
        effects = pd.read_csv(done.folder.path / "effects.csv").set_index("variant")
        return Ended(done, effects, "\n".join(said))

    return run


TWO_SIDES = """
def load():
    rng = np.random.default_rng(5)
    left, right = rng.standard_normal((2, 1400, 4)).astype("float32")
    y = left @ np.full(4, 0.5) + right @ np.full(4, -0.5) + 0.3 * rng.standard_normal(1400)  # variance 1 + 1 + 0.09
    cut = {"train": slice(900), "test": slice(900, None)}
    x = {f"x_{part}": {"left": left[rows], "right": right[rows]} for part, rows in cut.items()}
    return x | {f"y_{part}": y[rows] for part, rows in cut.items()}

def build(factors, data):
    sides = {name: keras.Input(shape, name=name) for name, shape in data.input_shape.items()}
    used = list(sides.values()) if factors["sides"] == "both" else [sides[factors["sides"]]]
    joined = layers.Concatenate()(used) if len(used) > 1 else used[0]
    return keras.Model(sides, layers.Dense(1)(joined))
"""


def test_an_input_with_half_of_the_signal_hurts_by_half_of_the_variance(ended):
    study = ended(TWO_SIDES, metric='name = "r2"\nmargin = 0.02',
                  factor="sides", baseline="both", levels=["both", "left"])  # fmt: skip
    assert study.verdict("sides=left") == "hurts"
    assert study.difference("sides=left") == pytest.approx(-1 / 2.09, abs=0.06)


def doses(n=3000):
    """Patients of two clinics who respond to their dose, and not to the day of the week."""
    rng = np.random.default_rng(6)
    dose, day = rng.uniform(0, 10, n), rng.integers(1, 8, n)
    clinic = np.where(rng.random(n) < 0.5, "north", "south")
    responds = np.where(dose + rng.normal(0, 2, n) > np.where(clinic == "north", 3.5, 6.5), "yes", "no")
    rows = [f"{a:.3f},{b},{c},{d}" for a, b, c, d in zip(dose, day, clinic, responds, strict=True)]
    return "\n".join(["dose,day,clinic,responds", *rows])


COLUMNS = """
def build(factors, input_shape):
    x = inputs = keras.Input(input_shape)  # dose, day, then the columns of the clinic
    kept = {"dose": [0], "day": [1], "clinic": list(range(2, input_shape[0]))}
    kept.pop(factors["without"], None)
    x = ops.take(x, np.array(sum(kept.values(), [])), axis=1)
    return keras.Model(inputs, layers.Dense(1)(layers.Dense(8, "tanh")(x)))
"""


def test_a_column_of_noise_is_equivalent_and_each_column_that_decides_hurts(ended):
    study = ended(COLUMNS, doses(), data='name = "my.csv"\ntarget = "responds"\nvalidation = 500\ntest = 1500',
                  metric="margin = 0.02", factor="without", baseline="none", epochs=6,
                  levels=["none", "dose", "day", "clinic"])  # fmt: skip
    assert study.verdict("without=day") == "equivalent"
    assert study.verdict("without=dose") == study.verdict("without=clinic") == "hurts"
    assert study.difference("without=dose") < -0.2 < study.difference("without=clinic")


WEIGHTED = """
def load():
    rng = np.random.default_rng(7)
    y = (rng.random(6000) < 0.05).astype("int32")
    x = rng.standard_normal((6000, 3)).astype("float32")
    x[:, 0] += 1.5 * y
    return {"x_train": x[:3000], "y_train": y[:3000], "x_test": x[3000:], "y_test": y[3000:]}

def build(factors, input_shape):
    inputs = keras.Input(input_shape)
    model = keras.Model(inputs, layers.Dense(1, "sigmoid")(inputs))
    weight = 19.0 if factors["rare"] == "weighted" else 1.0

    def loss(y, p):
        y = ops.cast(y, p.dtype)
        return keras.losses.binary_crossentropy(y, p) * (1 + (weight - 1) * y[:, 0])

    model.compile("sgd", loss)
    return model
"""


def test_a_class_weight_finds_rare_positives_at_the_cost_of_accuracy_and_orders_them_as_well_as_before(ended):
    metric = 'name = "balanced_accuracy"\nalso = ["recall", "accuracy", "pr_auc"]\nmargin = 0.02'
    study = ended(WEIGHTED, data=MANY, metric=metric, rate=0.1, epochs=8,
                  factor="rare", baseline="plain", levels=["plain", "weighted"])  # fmt: skip
    # The best rule is a threshold of x, and a weight only moves it: from 0.75 + log(19) / 1.5 to 0.75.
    far = 0.75 + np.log(19) / 1.5
    gain = norm.cdf(0.75) - (norm.cdf(1.5 - far) + norm.cdf(far)) / 2
    assert study.verdict("rare=weighted") == "helps"
    assert study.difference("rare=weighted") == pytest.approx(gain, abs=0.08)
    assert study.verdict_by("test_recall", "rare=weighted") == "helps"
    assert study.verdict_by("test_accuracy", "rare=weighted") == "hurts"
    assert study.verdict_by("test_pr_auc", "rare=weighted") == "equivalent"


RARE = """
def load():
    rng = np.random.default_rng(8)
    y = (rng.random(8000) < 0.03).astype("int32")
    x = rng.standard_normal((8000, 3)).astype("float32")
    x[:, :2] += 1.2 * y[:, None]
    return {"x_train": x[:4000], "y_train": y[:4000], "x_test": x[4000:], "y_test": y[4000:]}

def build(factors, input_shape):
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, layers.Dense(1)(inputs if factors["signs"] == "both" else inputs[:, 1:]))
"""


def test_with_few_positives_accuracy_sees_no_difference_where_precision_by_recall_sees_one(ended):
    how = {"data": MANY, "epochs": 4, "factor": "signs", "baseline": "both", "levels": ["both", "one"]}
    by_accuracy = ended(RARE, metric="margin = 0.01", **how)
    assert by_accuracy.verdict("signs=one") == "equivalent"
    assert '[metric] name = "pr_auc"' in by_accuracy.said
    by_curve = ended(RARE, metric='name = "pr_auc"\nmargin = 0.01', name="curve", **how)
    assert by_curve.verdict("signs=one") == "hurts"
    assert by_curve.effects.loc["signs=one", "variant_mean"] < 0.6 * by_curve.effects.loc["signs=one", "reference_mean"]
    assert '[metric] name = "pr_auc"' not in by_curve.said


TAGGED = """
def build(factors, input_shape):
    inputs = keras.Input(input_shape)
    x = inputs[:, :1] if factors["sees"] == "warm" else inputs
    return keras.Model(inputs, layers.Dense(2)(x))
"""


def tagged(n=1200):
    """Places with any of two tags: warm ones have a high temperature, wet ones much rain."""
    rng = np.random.default_rng(9)
    warm, wet = rng.normal(size=(2, n))
    tags = {(False, False): "", (False, True): "wet", (True, False): "warm", (True, True): "warm|wet"}
    rows = [f"{a:.3f},{b:.3f},{tags[bool(a > 0), bool(b > 0)]}" for a, b in zip(warm, wet, strict=True)]
    return "\n".join(["warm,wet,tags", *rows])


def test_of_two_tags_the_one_that_cannot_be_seen_is_lost(ended):
    study = ended(TAGGED, tagged(), data='name = "my.csv"\ntarget = "tags"\nvalidation = 0.2',
                  metric='name = "auc"\nmargin = 0.02', factor="sees", baseline="all",
                  levels=["all", "warm"])  # fmt: skip
    assert study.verdict("sees=warm") == "hurts"
    assert study.difference("sees=warm") == pytest.approx(-0.25, abs=0.03)  # 1 for one tag, 0.5 for the other


MASKS = """
def load():
    rng = np.random.default_rng(10)
    y = np.zeros((700, 12, 12), "int32")
    for mask, (top, left) in zip(y, rng.integers(0, 7, (700, 2))):
        mask[top : top + 5, left : left + 5] = 1
    x = (y + rng.normal(size=y.shape))[..., None].astype("float32")
    return {"x_train": x[:400], "y_train": y[:400], "x_test": x[400:], "y_test": y[400:]}

def build(factors, input_shape):
    inputs = keras.Input(input_shape)
    size = {"pixel": 1, "neighbours": 5}[factors["sees"]]
    x = layers.Conv2D(4, size, padding="same", activation="relu")(inputs)
    return keras.Model(inputs, layers.Conv2D(2, 1)(x))
"""


def test_a_noisy_pixel_is_told_by_its_neighbours(ended):
    study = ended(MASKS, data='name = "my.py:load"\nvalidation = 100', epochs=6,
                  metric='name = "mean_iou"\nmargin = 0.02', factor="sees", baseline="pixel",
                  levels=["pixel", "neighbours"])  # fmt: skip
    assert study.verdict("sees=neighbours") == "helps"
    assert study.difference("sees=neighbours") > 0.15


SERIES = """
def load():
    rng, x = np.random.default_rng(11), [0.0, 0.0]
    for noise in rng.normal(size=1600):
        x.append(0.8 * x[-2] + noise)  # the value before the last decides, the last tells nothing
    windows = np.lib.stride_tricks.sliding_window_view(np.array(x, "float32")[100:], 5)
    return {"x_train": windows[:, :4, None], "y_train": windows[:, 4], "order": np.arange(len(windows))}

def build(factors, input_shape):
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, layers.Dense(1)(layers.Flatten()(inputs[:, -int(factors["lags"]) :])))
"""


def test_a_forecast_needs_the_value_before_the_last_and_none_before(ended):
    data = 'name = "my.py:load"\norder = "order"\nvalidation = 0.2\ntest = 0.3'
    study = ended(SERIES, data=data, metric='name = "r2"\nmargin = 0.03', factor="lags", baseline="2",
                  levels=["1", "2", "4"])  # fmt: skip
    assert study.verdict("lags=1") == "hurts"
    assert study.difference("lags=1") == pytest.approx(-0.64, abs=0.12)
    assert study.verdict("lags=4") == "equivalent"
