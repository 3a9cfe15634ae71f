"""Examine a user's model on a few training examples before it trains: kind of outputs, id inputs, unused factors."""

import time
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias, cast, final

import keras
import numpy as np

from ablate.data import Dataset, Split
from ablate.data.array import Array
from ablate.data.split import scale_inputs
from ablate.data.trees import ONLY, Tree, leaves, rows_of
from ablate.errors import StudyError, is_ours
from ablate.models.ids import SCALERS, check_ids, check_scaled_once, received
from ablate.models.outputs import Reading, by_last_layer, read_each
from ablate.models.shapes import output_order
from ablate.study.catalog import ENGINE, MODELS, Structure, structure_of
from ablate.study.changes import changes
from ablate.study.settings import StudySettings
from ablate.study.trial import Factors
from ablate.training.engine.backend import is_out_of_memory
from ablate.training.engine.learning import list_order
from ablate.training.engine.settings import scaling_of

ModelKind: TypeAlias = tuple[Structure, str]  # kind of a model: the factors that building it may use, and the scaling
EXAMPLES = (16, 4, 1)  # enough for outputs, an embedding's range is read off the data; fewer if memory is short
CHECK_SECONDS = 5.0  # for all models; a fault not found until then makes its trial fail


@final
class Examiner:
    """Finds whether the outputs of a study's models are logits; each kind of user model is examined once."""

    def __init__(self, study: StudySettings, data: Dataset, split: Callable[[Factors], Split]) -> None:
        self._study, self._data, self._split = study, data, split
        self.trusts_models = study.model.name in MODELS  # models of this package are not examined
        self._readings: dict[ModelKind, Reading] = {}

    def kind(self, factors: Factors) -> ModelKind:
        """Everything that decides a user model's inputs and outputs: scaling, but nothing else the engine applies."""
        structure = structure_of(factors, model=self._study.model.name)
        return tuple(pair for pair in structure if pair[0] not in ENGINE), scaling_of(self._study, factors)

    def reading(self, model: keras.Model, factors: Factors) -> Reading:
        """The kind of a model's outputs. Raises `StudyError` as `examine` does."""
        if self.trusts_models:
            return Reading(by_last_layer(model))
        kind = self.kind(factors)
        if kind not in self._readings:
            split, is_baseline = self._split(factors), kind == self.kind(self._study.baseline)

            def read(n: int) -> Reading:
                reading = examine(model, self._data, split, scaling=kind[1], n=n)
                if is_baseline:
                    check_numbers(model, self._data, split, reading, n=n)
                return reading

            self._readings[kind] = _with_fewer(read)
        return self._readings[kind]


def examine(model: keras.Model, data: Dataset, split: Split, *, scaling: str, n: int = EXAMPLES[0]) -> Reading:
    """The kind of the model's outputs, on the first `n` training examples. No state of it changes.

    Whole inputs that the model looks up as ids are left as they are, whatever the scaling.
    """
    raw = rows_of(data.x_train, split.train[:n])
    unscaled = looked_up_inputs(model, raw)
    inputs = model_inputs(model, raw, split, unscaled)
    with received() as taken, received(SCALERS) as scaling_again:
        _call(model, inputs)
    for name, scaled in named_inputs(raw, split, unscaled).items():
        if name not in unscaled:
            check_scaled_once(scaling_again, scaled, scaling=scaling)
    if taken and not isinstance(raw, Mapping):
        _check_names(model, data, raw, scaling="none" if unscaled else scaling)
    if not isinstance(raw, Mapping):
        _check_type(model, raw, scaling="none" if unscaled else scaling)
    names = output_order(model, data.targets) or tuple(data.targets)
    reading = read_each(model, inputs, {name: data.targets[name] for name in names})
    return replace(reading, unscaled=unscaled)


def looked_up_inputs(model: keras.Model, raw: Tree) -> frozenset[str]:
    """The inputs of whole numbers that a layer of the model looks up as ids, as they are."""
    whole = {name: array for name, array in leaves(raw).items() if array.dtype.kind in "ui"}
    if not whole:
        return frozenset()
    try:
        with received() as taken:
            _call(model, _in_order(model, leaves(raw)))
    except Exception as err:  # a model that fails on unscaled examples looks up none
        if is_out_of_memory(err):
            raise
        return frozenset()
    return frozenset(
        name for name, array in whole.items() if any(np.array_equal(one.values.ravel(), array.ravel()) for one in taken)
    )


def model_inputs(model: keras.Model, raw: Tree, split: Split, unscaled: frozenset[str]) -> Any:  # Any: what it takes
    """Scaled examples as the model takes them."""
    return _in_order(model, named_inputs(raw, split, unscaled))


def named_inputs(raw: Tree, split: Split, unscaled: frozenset[str]) -> dict[str, Array]:
    """Scaled examples by input, ids as they are."""
    return leaves(scale_inputs(cast("Array", raw), replace(split, unscaled=unscaled)))


def _in_order(model: keras.Model, inputs: Mapping[str, Array]) -> Any:  # Any: what it takes
    if set(inputs) == {ONLY}:
        return inputs[ONLY]
    order = list_order(model, inputs)
    return [inputs[name] for name in order] if order else dict(inputs)


def check_numbers(
    model: keras.Model, data: Dataset, split: Split, reading: Reading | None = None, *, n: int = EXAMPLES[0]
) -> None:
    """Raise `StudyError` if outputs are NaN before the first step; only for a baseline: a variant may well diverge."""
    unscaled = reading.unscaled if reading else frozenset()
    outputs = _call(model, model_inputs(model, rows_of(data.x_train, split.train[:n]), split, unscaled))
    wrong = max(int(np.isnan(some.reshape(len(some), -1)).any(axis=-1).sum()) for some in outputs)
    if wrong:
        raise StudyError(
            f"model: outputs must be numbers before the first step, but those of {wrong} of {len(outputs[0])} training "
            "examples are NaN\n  look for a division by 0, or a logarithm or root of negative inputs"
        )


def _with_fewer(read: Callable[[int], Reading]) -> Reading:
    """Call `read` with as many examples as memory allows."""
    for n in EXAMPLES[:-1]:
        try:
            return read(n)
        except Exception as err:
            if not is_out_of_memory(err):
                raise
    return read(EXAMPLES[-1])


def _check_type(model: keras.Model, raw: Array, *, scaling: str) -> None:
    """Check that an input of whole numbers receives whole numbers."""
    dtype = keras.backend.standardize_dtype(model.inputs[0].dtype) if getattr(model, "inputs", None) else "float32"
    if "int" not in dtype or (scaling == "none" and (raw == np.floor(raw)).all()):
        return
    if scaling == "none":
        raise StudyError(
            f"model: its input has the type {dtype}, which would cut off the fractions of the data\n"
            "  remove the dtype of keras.Input"
        )
    raise StudyError(
        f'data.scaling: "{scaling}" turns the examples into fractions, but the model\'s input of type {dtype} cuts '
        'them off\n  set data.scaling = "none" (a factor scaling, too), or remove the dtype of keras.Input'
    )


def _check_names(model: keras.Model, data: Dataset, raw: Array, *, scaling: str) -> None:
    """Check layers that look up ids, on raw examples and on the data's smallest and largest numbers."""
    both = (data.x_train, data.x_test)
    low, high = np.min([x.min(axis=0) for x in both], axis=0), np.max([x.max(axis=0) for x in both], axis=0)
    batch = np.concatenate([raw, low[None], high[None]]).astype(np.float32)
    with received() as taken:
        _call(model, batch)
    with received() as shifted:
        _call(model, batch + 1)
    check_ids(taken, shifted, scaling=scaling)


def _call(model: keras.Model, x: Any) -> list[Array]:  # Any: what the model takes
    """The outputs for some examples in inference mode; state changes of the call are discarded."""
    variables = (model.trainable_variables, model.non_trainable_variables)
    values = ([variable.value for variable in some] for some in variables)
    outputs, _ = model.stateless_call(*values, x, training=False)
    several = keras.tree.flatten(outputs)
    return [np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(some, "float32"))) for some in several]


def check_changes(
    study: StudySettings,
    examined: Callable[[Factors], set[str]],
    *,
    kind: Callable[[Factors], Hashable],
    looked_up: set[str],
) -> tuple[str, ...]:
    """Build and check a user's models; returns a notice on factors that building them never reads."""
    began, seen, is_whole = time.monotonic(), {kind(study.baseline)}, True
    for changed, factors in changes(study):
        if kind(factors) in seen:
            continue
        if time.monotonic() - began > CHECK_SECONDS:
            return ()
        seen.add(kind(factors))
        try:
            looked_up = looked_up | examined(factors)
        except StudyError as err:
            said = str(err).removeprefix("model: ")
            raise StudyError(f"model.name: {study.model.name} with {changed}: {said}") from err
        except BaseException as err:  # whatever user code raises, including an exit
            if is_ours(err):
                raise
            is_whole = False
    return not_looked_up(study, looked_up, n=len(seen)) if is_whole else ()


def not_looked_up(study: StudySettings, looked_up: Collection[str], *, n: int) -> tuple[str, ...]:
    """A notice on the factors that a user's build never read in `n` configurations where they are active."""
    tried = [study.baseline, *(factors for _, factors in changes(study))]
    unread = [
        name
        for name in study.space.dimensions
        if name not in ENGINE and name != "learning_rate" and name not in looked_up
        if any(study.space.is_active(name, factors) for factors in tried)
    ]
    if not unread:
        return ()
    names = ", ".join(unread)
    what, its = ("factor", "its") if len(unread) == 1 else ("factors", "their")
    return (
        f"build never reads the {what} {names} (configurations tried: {n}), so {its} levels would give identical runs",
    )
