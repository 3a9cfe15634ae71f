"""Models that trials keep: what Keras loads from the file predicts the recorded scores from raw examples."""

import sys
import zipfile
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from backends import ON_JAX
from in_process import Alone

from ablate.data import Dataset, Source, scale_inputs, to_dataset
from ablate.data.raw_columns import to_columns
from ablate.data.table import table_source
from ablate.errors import AblateError, StudyError
from ablate.storage.models import FOLDER, model_path, read_card
from ablate.study.model_ref import ModelRef
from ablate.study.settings import Data
from ablate.study.space import Space
from ablate.study.trial import Label, Outcome, TrialSpec
from ablate.training.engine.context import TrainingContext
from ablate.training.keeping import check_keeping, load_model, write_model
from ablate.training.run_range_test import RateFinder
from ablate.training.stack import run_trials

# Keras' own writer, with NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
MODELS = """
import keras
from keras import layers, ops

def plain(data):
    inputs = keras.Input(data.input_shape)
    return keras.Model(inputs, layers.Dense(data.n_outputs)(layers.Flatten()(inputs)))

class Net(keras.Model):
    def __init__(self, n, **how):
        super().__init__(**how)
        self.n, self.last = n, layers.Dense(n)

    def call(self, inputs, training=False):
        return self.last(layers.Flatten()(inputs))

    def get_config(self):
        return {**super().get_config(), "n": self.n}

class Closed(Net):
    def get_config(self):
        raise NotImplementedError("no config")

class Stepping(Net):
    def train_step(self, data):
        return super().train_step(data)

def subclassed(data): return Net(data.n_outputs)
def closed(data): return Closed(data.n_outputs)
def stepping(data): return Stepping(data.n_outputs)

def with_lambda(data):
    inputs = keras.Input(data.input_shape)
    x = layers.Lambda(lambda x: x * 2)(inputs)
    return keras.Model(inputs, layers.Dense(data.n_outputs)(layers.Flatten()(x)))

def adapted(data):
    inputs = keras.Input(data.input_shape)
    normalize = layers.Normalization()
    normalize.adapt(data.train)
    return keras.Model(inputs, layers.Dense(data.n_outputs)(layers.Flatten()(normalize(inputs))))

def compiled(data):
    model = plain(data)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model

KEPT = []
def cached(data):
    KEPT[:] = KEPT or [plain(data)]
    return KEPT[0]

def two(data):
    inputs = {name: keras.Input(shape, name=name) for name, shape in data.input_shape.items()}
    x = layers.Concatenate()([layers.Flatten()(one) for one in inputs.values()])
    return keras.Model(inputs, {"age": layers.Dense(1, name="age")(x), "kind": layers.Dense(3, name="kind")(x)})

def two_listed(data):
    inputs = [keras.Input(shape) for shape in data.input_shape.values()]
    x = layers.Concatenate()([layers.Flatten()(one) for one in inputs])
    return keras.Model(inputs, [layers.Dense(1)(x), layers.Dense(3)(x)])
"""
FIXED = {"normalization": "none", "activation": "relu", "initializer": "he_normal", "dropout": 0.0,
         "optimizer": "adam", "learning_rate": 0.003}  # fmt: skip
USERS = {"optimizer": "adam", "learning_rate": 0.003}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("users")
    (folder / "my.py").write_text(MODELS)
    return folder


@pytest.fixture
def context_of(tiny_study, base, digits, tmp_path):
    """The training context of a study with a model, which keeps all models in `tmp_path`."""

    def context(name="mlp", *, data: Dataset = digits, keep="all", stack=None, training=None, **settings):
        is_ours = ":" not in name
        changes = {
            "model": ModelRef.of(name, {"depth": 2, "width": 8} if is_ours else {}),
            "base": base,
            "baseline": FIXED if is_ours else USERS,
            "space": Space({}),
            "recipes": {},
            "training": tiny_study.training.model_copy(update={"epochs": 2, "keep": keep, **(training or {})}),
            "data": tiny_study.data.model_copy(update=settings),
        }
        return TrainingContext(tiny_study.model_copy(update=changes), data, kept_in=tmp_path, stack=stack)

    return context


@pytest.fixture
def written(tmp_path):
    """Write the untrained model of a configuration, and load it: the model, its card, and what it should predict."""

    def load(context: TrainingContext, **changes):
        factors = {**context.study.baseline, **changes}
        split, model = context.split(1, factors), context.model(factors, 1)
        expected = model.predict(listed(model, scale_inputs(context.data.x_test, split)), verbose=0)
        path = tmp_path / "model.keras"
        write_model(path, model, context, trial(factors), split, {"val_loss": 0.5})
        return keras.models.load_model(path, custom_objects=users()), read_card(path), expected

    return load


def listed(model, x):
    """Inputs as a model takes them."""
    return [*x.values()] if isinstance(getattr(model, "input", None), list) else x


def users():
    """The user's classes, as a user would import them."""
    module = sys.modules.get("ablate_user_my")
    return {name: getattr(module, name) for name in ("Net", "Stepping") if hasattr(module, name)}


def trial(factors, seed=1) -> TrialSpec:
    return TrialSpec(f"s{seed}", Label("ablation", "reference"), seed, factors, test=True, frozen="f")


def config_of(path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read("config.json")


@pytest.mark.parametrize("scaling", ["none", "unit", "standardize", "standardize_channels"])
def test_a_model_takes_raw_examples_whatever_the_scaling(context_of, written, digits, scaling):
    model, card, expected = written(context_of(scaling=scaling), normalization="batch", dropout=0.2)
    np.testing.assert_allclose(model.predict(digits.x_test, verbose=0), expected, rtol=1e-6, atol=1e-6)
    assert [(end.name, end.shape, end.dtype) for end in card.inputs] == [("", (8, 8, 1), "float32")]
    assert [(end.shape, end.holds) for end in card.outputs] == [((10,), "logits")]
    assert (card.trial, card.metrics, card.needs) == ("s1", {"val_loss": 0.5}, ())


def test_a_file_has_keras_own_layers_only(context_of, written, tmp_path):
    model, _, _ = written(context_of(), dropout=0.3, activation="selu", initializer="he_normal*0.5")
    assert b"ablate" not in config_of(tmp_path / "model.keras")
    inner = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    rates = [layer.rate for layer in inner.layers if isinstance(layer, keras.layers.AlphaDropout)]
    assert rates == pytest.approx([0.3, 0.3])


def test_augmentation_and_initializers_are_kept_as_those_of_keras(context_of, written, tmp_path):
    model, _, _ = written(context_of(), augmentation="all", initializer="orthogonal")
    assert b"ablate" not in config_of(tmp_path / "model.keras")
    inner = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    flip, rotation, zoom = inner.layers[1:4]
    assert (type(flip), flip.mode) == (keras.layers.RandomFlip, "horizontal")
    assert (type(rotation), rotation.factor) == (keras.layers.RandomRotation, (-15 / 360, 15 / 360))
    assert (type(zoom), zoom.height_factor, zoom.width_factor) == (keras.layers.RandomZoom, 0.1, None)
    kernels = [layer.kernel_initializer for layer in inner.layers if isinstance(layer, keras.layers.Dense)]
    assert {type(one).__name__ for one in kernels[:-1]} == {"Orthogonal"}
    assert type(kernels[-1]).__name__ == "GlorotUniform"


def test_the_rate_of_a_dropout_is_the_trials_not_that_of_the_trial_before(context_of, written):
    context = context_of()
    written(context, dropout=0.1)
    model, _, _ = written(context, dropout=0.4)
    inner = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    rates = [layer.rate for layer in inner.layers if isinstance(layer, keras.layers.Dropout)]
    assert rates == pytest.approx([0.4, 0.4])


def test_half_precision_is_kept_with_its_layers(context_of, written, digits):
    model, _, expected = written(context_of(training={"precision": "mixed_bfloat16"}))
    np.testing.assert_allclose(model.predict(digits.x_test, verbose=0), expected, rtol=0.02, atol=0.02)


@pytest.mark.parametrize(
    ("name", "needs"),
    [("plain", ()), ("compiled", ()), ("adapted", ()), ("subclassed", ("my.Net",)), ("stepping", ("my.Stepping",))],
)
def test_users_models_are_kept_without_their_optimizers(context_of, written, digits, name, needs, tmp_path):
    model, card, expected = written(context_of(f"my.py:{name}", scaling="none"))
    np.testing.assert_allclose(model.predict(digits.x_test, verbose=0), expected, rtol=1e-6, atol=1e-5)
    assert (card.needs, card.code) == (needs, "my.py" if needs else "")
    assert b"SparseCategorical" not in config_of(tmp_path / "model.keras")


@pytest.mark.parametrize(
    ("name", "message"),
    [("closed", "Keras cannot write the model to a file"), ("with_lambda", "a Lambda layer with a lambda")],
)
def test_what_no_file_can_hold_is_refused_before_training(context_of, name, message):
    with pytest.raises(StudyError, match=message):
        check_keeping(context_of(f"my.py:{name}"))
    assert check_keeping(context_of(f"my.py:{name}", keep="none")) == ()


def test_the_size_of_a_file_is_said_before_training(context_of):
    (said,) = check_keeping(context_of(keep="best"))
    assert said.startswith("the model of the best trial is kept: a file of about 0.0")


def some_ends(n=60) -> Dataset:
    rng = np.random.default_rng(0)
    x = {"left": rng.normal(5, 3, (n, 4)), "right": rng.normal(-200, 40, (n, 2, 3))}
    y = {"age": 40 + 10 * x["left"][:, 0], "kind": rng.integers(0, 3, n)}
    x_test, y_test = ({name: array[:20] for name, array in tree.items()} for tree in (x, y))
    x_train, y_train = ({name: array[20:] for name, array in tree.items()} for tree in (x, y))
    return to_dataset("ends", Source(x_train, y_train, x_test, y_test, origin="ends"))


@pytest.mark.parametrize("name", ["two", "two_listed"])
def test_several_inputs_and_outputs_keep_their_names_and_units(context_of, written, name):
    context = context_of(
        f"my.py:{name}", data=some_ends(), validation=10, train=None, target_scaling="standardize"
    )  # fmt: skip
    model, card, expected = written(context)
    assert [end.name for end in card.inputs] == ["left", "right"]
    assert [(end.name, end.holds) for end in card.outputs] == [("age", "numbers"), ("kind", "logits")]
    made = model.predict(context.data.x_test, verbose=0)
    (age, kind), (scaled, logits) = ((one.values() if isinstance(one, dict) else one) for one in (made, expected))
    split = context.split(1, context.study.baseline)
    in_years = scaled / split.target_scale["age"] + split.target_shift["age"]
    np.testing.assert_allclose(age, in_years, rtol=1e-5)
    np.testing.assert_allclose(kind, logits, rtol=1e-5, atol=1e-5)


def table(n=80) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    age, city = rng.normal(2000, 5, n), np.array(["Oslo", "Rome", None], dtype=object)[rng.integers(0, 3, n)]
    age[::7] = np.nan
    price = 3 * np.nan_to_num(age - 2000) + 5 * (city == "Rome") + 100
    return pd.DataFrame({"age/years": age, "city": city, "rooms": rng.integers(1, 5, n), "price": price})


def test_a_table_is_taken_by_its_columns_with_missing_cells_and_unknown_texts(context_of, written):
    source = table_source(table(), Data(name="houses.csv", target=("price",)), loss=None, origin="houses")
    whole = to_dataset("houses", source)
    parts = {"x_train": whole.x_train[20:], "y_train": whole.y_train[20:]}
    data = replace(whole, **parts, x_test=whole.x_train[:20], y_test=whole.y_train[:20])
    context = context_of(data=data, validation=15, train=None, target_scaling="none")
    model, card, expected = written(context)
    levels = {end.name: end.levels for end in card.inputs}
    assert levels == {"age_years": (), "rooms": (), "city": ("Oslo", "Rome", "")}
    assert card.predicts_on() == "tensorflow"
    if ON_JAX:
        return  # only TensorFlow's backend reads texts, as the card says
    made = model.predict(to_columns(data.x_test, data.columns), verbose=0)
    np.testing.assert_allclose(made, expected, rtol=1e-5, atol=1e-5)
    raw = table()[:20].rename(columns={"age/years": "age_years"}).drop(columns="price")
    raw["city"] = raw["city"].fillna("")
    again = model.predict({name: raw[name].to_numpy() for name in raw}, verbose=0)
    np.testing.assert_allclose(again, made, rtol=1e-5, atol=1e-5)
    raw["city"] = "Paris"
    assert np.isfinite(model.predict({name: raw[name].to_numpy() for name in raw}, verbose=0)).all()


def test_a_kept_model_is_loaded_or_what_loading_needs_is_said(context_of, written, tmp_path, digits):
    _, _, expected = written(context_of())
    made = load_model(tmp_path / "model.keras").predict(digits.x_test, verbose=0)
    np.testing.assert_allclose(made, expected, rtol=1e-6, atol=1e-6)
    written(context_of("my.py:subclassed", scaling="none"))
    with pytest.raises(AblateError, match=r"cannot be loaded: (.|\n)*from my import Net"):
        load_model(tmp_path / "model.keras")


# Whole trials


def trained(context: TrainingContext, *, seeds=(1,), **changes) -> list[Outcome]:
    feed, specs = Alone(lambda _: True), [trial({**context.study.baseline, **changes}, seed) for seed in seeds]
    run_trials(specs, context, RateFinder(context, cache=None), feed)
    return sorted(feed.outcomes, key=lambda outcome: outcome.trial)


def agrees(outcome: Outcome, folder, data: Dataset) -> None:
    """The file predicts the recorded test scores."""
    path = model_path(folder, outcome.trial)
    outputs = keras.models.load_model(path, custom_objects=users()).predict(data.x_test, verbose=0)
    loss = float(np.mean(keras.losses.sparse_categorical_crossentropy(data.y_test, outputs, from_logits=True)))
    assert float((outputs.argmax(-1) == data.y_test).mean()) == pytest.approx(outcome.metrics["test_accuracy"])
    assert loss == pytest.approx(outcome.metrics["test_loss"], rel=1e-5)
    assert read_card(path).is_of(outcome)


@pytest.mark.slow
def test_each_trial_of_a_stack_keeps_its_own_weights_and_keeping_changes_no_number(context_of, digits, tmp_path):
    kept = trained(context_of(stack=2), seeds=(1, 2, 3), normalization="batch", dropout=0.2)
    for outcome in kept:
        agrees(outcome, tmp_path, digits)
    plain = trained(context_of(stack=2, keep="none"), seeds=(1, 2, 3), normalization="batch", dropout=0.2)
    assert [one.metrics for one in plain] == [one.metrics for one in kept]


@pytest.mark.slow
def test_model_fit_keeps_the_best_weights(context_of, digits, tmp_path):
    (outcome,) = trained(context_of("my.py:stepping"))
    assert outcome.trained_by.startswith("model.fit")
    agrees(outcome, tmp_path, digits)


@pytest.mark.slow
def test_a_diverged_trial_keeps_nothing(context_of, tmp_path):
    (outcome,) = trained(context_of(), learning_rate=1e6, optimizer="sgd")
    assert outcome.state == "diverged"
    assert not (tmp_path / FOLDER).exists()


@pytest.mark.slow
def test_a_trial_whose_model_cannot_be_written_says_so_and_keeps_its_scores(context_of, tmp_path):
    (outcome,) = trained(context_of("my.py:closed"))
    assert outcome.state == "finished"
    assert not (tmp_path / FOLDER).exists()
    assert [note for note in outcome.notes if note.startswith("its model was not kept: ")]


@pytest.mark.slow
def test_a_model_that_build_returns_again_starts_from_its_own_weights_in_every_trial(context_of):
    context = context_of("my.py:cached", stack=1)
    first, again = trained(context), trained(context)
    assert (first[0].metrics, first[0].initial_weights) == (again[0].metrics, again[0].initial_weights)
