"""Write the model of a trial with its best weights to a file that Keras alone can load."""

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from ablate.data import Split
from ablate.data.raw_columns import by_feature, key_of, levels_of
from ablate.data.trees import example_shape, leaves
from ablate.errors import StudyError
from ablate.models.loading import load_kept
from ablate.models.outputs import Reading
from ablate.models.own_training import is_callable
from ablate.models.portable import check_loads, needed_code, portable
from ablate.models.shapes import output_order
from ablate.models.standalone import LinearScaling, RawExamples, standalone
from ablate.storage.files.atomic import made_aside
from ablate.storage.files.lock import scratch_folder
from ablate.storage.models import CARD, ModelCard, ModelEnd, how_to_load, is_candidate, model_path, read_card
from ablate.study import seeds
from ablate.study.trial import Factors, Label, TrialSpec
from ablate.training.engine.backend import contained
from ablate.training.engine.context import TrainingContext
from ablate.training.engine.device import running_backend
from ablate.training.engine.head import TrainingState
from ablate.training.engine.learning import kind_of, preparation_of
from ablate.training.engine.scaling import stacked_scaling
from ablate.training.engine.settings import mc_samples_of
from ablate.training.engine.start import ModelFacts
from ablate.training.train import Trial
from ablate.training.trial_error import TrialError

Model: TypeAlias = Any  # of Keras, which this module does not import


def keep_compiled(trial: Trial[Any], context: TrainingContext) -> None:  # Any: any start
    """Write the model of a trial of a compiled program, if its study asks for it and it has finished."""
    if trial.best is not None and _is_asked(trial, context):
        with trial.clock.on("keep"):
            model = context.model(trial.spec.factors, trial.spec.seed)
            with _holding(model, trial.best):
                _keep(trial, context, model)


def keep_fitted(trial: Trial[ModelFacts], context: TrainingContext, model: Model, best: Sequence[Any]) -> None:
    """The same of a trial that `model.fit` trained; `best` are its weights as Keras has them, which stay in it."""
    if best and _is_asked(trial, context):
        with trial.clock.on("keep"):
            model.set_weights(best)
            _keep(trial, context, model)


def load_model(path: Path) -> Model:
    """The model in a file. Raises `AblateError`, with what loading needs, if Keras cannot load it."""
    card = read_card(path)
    return load_kept(path, way_out=how_to_load(card, str(path)) if card and card.needs else ())


def check_keeping(context: TrainingContext) -> tuple[str, ...]:
    """Write the untrained model of the baseline once, and say how large such files are; () if none are asked for.

    Raises `StudyError` if a file cannot hold the model.
    """
    keep, factors = context.study.training.keep, context.study.baseline
    if keep == "none" or context.kept_in is None:
        return ()
    spec, split = _pretend(factors), context.split(seeds.SEARCH_REPLICATE, factors)
    model = context.model(factors, seeds.SEARCH_REPLICATE)
    with scratch_folder() as scratch:
        size = write_model(scratch / "model.keras", model, context, spec, split, {}, is_checked=True)
    each = "each finished trial keeps its model" if keep == "all" else "the model of the best trial is kept"
    return (f"{each}: a file of about {size / 1e6:.2g} MB, as the baseline's",)


def _pretend(factors: Factors) -> TrialSpec:
    return TrialSpec("baseline", Label("search"), seeds.SEARCH_REPLICATE, factors)


def _is_asked(trial: Trial[Any], context: TrainingContext) -> bool:  # Any: as above
    is_finished = trial.outcome.state == "finished"
    return context.kept_in is not None and is_finished and is_candidate(context.study, trial.spec)


def _keep(trial: Trial[Any], context: TrainingContext, model: Model) -> None:  # Any: as above
    """Write the file; a trial whose model cannot be written ends like any other, with a note."""
    assert context.kept_in is not None
    path, metrics = model_path(context.kept_in, trial.spec.trial), trial.outcome.metrics
    try:
        contained(lambda: write_model(path, model, context, trial.spec, trial.split, metrics))
    except TrialError as broken:
        note = f"its model was not kept: {broken.reason}"
        trial.start = replace(trial.start, notes=(*trial.start.notes, note))


def write_model(
    path: Path,
    model: Model,
    context: TrainingContext,
    spec: TrialSpec,
    split: Split,
    metrics: Mapping[str, float],
    *,
    is_checked: bool = False,
) -> int:
    """Write a model as it is now, with its card; the bytes written."""
    reading = context.reading(model, spec.factors) if is_callable(model) else None
    if reading is None:
        raise StudyError(
            "training.keep: the model itself maps no inputs to outputs, so there is nothing to predict with\n"
            '  give it a method call, or set training.keep = "none"'
        )
    names = output_order(model, context.data.targets) or tuple(context.data.targets)
    examples = _examples(model, context, split, reading)
    with portable(model) as plain:
        whole = standalone(plain, examples, targets=_target_scaling(context, split), names=names, name="model")
        card = _card(whole, context, spec, metrics, names=names, reading=reading)
        if is_checked:
            check_loads(whole)
        with made_aside(path) as aside:
            whole.save(aside)
            with zipfile.ZipFile(aside, "a") as archive:
                archive.writestr(CARD, card.to_text())
    return path.stat().st_size


def _examples(model: Model, context: TrainingContext, split: Split, reading: Reading) -> RawExamples:
    data, prepare = context.data, preparation_of(model, context.data, reading)
    shift, scale = leaves(split.shift), leaves(split.scale)
    scaling = {name: LinearScaling(shift[name], scale[name]) for name in shift if name not in prepare.unscaled}
    shapes = leaves(example_shape(data.x_train))
    return RawExamples(shapes, scaling, data.columns, fills=prepare.fills, order=prepare.order)


def _target_scaling(context: TrainingContext, split: Split) -> dict[str, LinearScaling]:
    found = stacked_scaling(context.data, [split], part="evaluate")
    shift, scale = found.target_shift or {}, found.target_scale or {}
    return {name: LinearScaling(shift[name][0], scale[name][0]) for name in shift}


def _card(
    whole: Model,
    context: TrainingContext,
    spec: TrialSpec,
    metrics: Mapping[str, float],
    *,
    names: Sequence[str],
    reading: Reading,
) -> ModelCard:
    study, needs = context.study, needed_code(whole)
    holds = {name: kind_of(context.task, name, reading) for name in names}
    return ModelCard(
        study=study.name,
        trial=spec.trial,
        metrics=dict(metrics),
        inputs=_inputs(whole, context),
        outputs=_outputs(whole, names, holds),
        needs=needs,
        code=study.model.file if needs else "",
        samples=mc_samples_of(study, spec.factors),
        backend=running_backend(),
    )


def _inputs(whole: Model, context: TrainingContext) -> tuple[ModelEnd, ...]:
    if context.data.columns:
        features = by_feature(context.data.columns)
        columns = {key_of(name, features): levels_of(own) for name, own in features.items()}
        return tuple(ModelEnd(key, (), "str" if of else "float32", levels=of) for key, of in columns.items())
    taken = leaves(whole.input)
    return tuple(ModelEnd(name, tuple(one.shape[1:]), str(one.dtype)) for name, one in taken.items())


def _outputs(whole: Model, names: Sequence[str], holds: Mapping[str, str]) -> tuple[ModelEnd, ...]:
    """The outputs in the order of `names`; one that stands alone has no name."""
    made = whole.output
    by_name = dict(zip(names, made, strict=True)) if isinstance(made, list | tuple) else leaves(made)
    return tuple(
        ModelEnd(name, tuple(one.shape[1:]), str(one.dtype), holds.get(name or names[0], "numbers"))
        for name, one in by_name.items()
    )


@contextmanager
def _holding(model: Model, state: TrainingState) -> Iterator[None]:
    """Give a model the weights of a trial inside the block; other trials may use the model afterwards."""
    variables = [*model.trainable_variables, *model.non_trainable_variables]
    before = [variable.numpy() for variable in variables]
    try:
        for variable, value in zip(variables, [*state[0], *state[1]], strict=True):
            variable.assign(value)
        yield
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
