"""Record layer statistics of a trial at its start and end, if its study requests them.

The trial does not change. A layer that cannot be measured, for whatever reason, adds a note but does not fail the
trial.
"""

import math
from dataclasses import replace

import numpy as np

from ablate.data.array import Floats32
from ablate.study.trial import MOST_CORNER, LayerState, When
from ablate.training.engine.backend import contained
from ablate.training.engine.context import TrainingContext
from ablate.training.engine.head import TrainingState
from ablate.training.engine.layer_statistics import LayerStatistics, count_distinct
from ablate.training.engine.start import Start
from ablate.training.train import Trial
from ablate.training.trial_error import TrialError

CORNER_OF = 2  # number of the layer whose kernel corner is kept, or 1 if it is the only one: layer 1 sees the data
_DIGITS = 4  # significant digits of its numbers


def inspect_layers(trial: Trial[Start], context: TrainingContext, when: When) -> None:
    """Add layer statistics to a trial's outcome: at its start, or with its best weights at its end."""
    state = trial.start.state if when == "start" else trial.best
    is_asked = context.study.inspect.layers and trial.spec.label.phase == "ablation"
    if not is_asked or state is None or trial.outcome.state != "finished":
        return
    with trial.clock.on("inspect"):
        try:
            layers = contained(lambda: _states(trial, context, state, when))
        except TrialError as broken:
            _note(trial, f"its layers could not be inspected: {broken.reason}")
        else:
            trial.outcome = replace(trial.outcome, layers=(*trial.outcome.layers, *layers))


def _states(trial: Trial[Start], context: TrainingContext, state: TrainingState, when: When) -> list[LayerState]:
    rows = trial.split.validation[: context.study.inspect.examples].astype(np.int32)
    (piece,) = context.examples.pieces(rows[None, None], 1)
    scaling = replace(context.scaling([trial.split]), weights=None, class_weights=None).slot(0)
    inside = trial.start.program.probe.look(state[:2], (piece.x, piece.y), scaling, rows=piece.order[0, 0])
    shown = min(CORNER_OF, len(inside)) if when == "end" else 0
    return [
        _state(layer, number, when, corner=_corner(layer.kernel) if number == shown else ())
        for number, layer in enumerate(inside, start=1)
    ]


def _state(layer: LayerStatistics, number: int, when: When, *, corner: tuple[tuple[float, ...], ...]) -> LayerState:
    return LayerState(
        when=when,
        number=number,
        layer=layer.kind,
        mean=_finite(layer.mean),
        sd=_finite(layer.sd),
        gradient_norm=_finite(layer.gradient_norm),
        units=layer.kernel.shape[1],
        distinct=count_distinct(layer.kernel),
        corner=corner,
    )


def _corner(kernel: Floats32) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(f"{weight:.{_DIGITS}g}") for weight in row[:MOST_CORNER]) for row in kernel[:MOST_CORNER])


def _finite(number: float) -> float | None:
    return float(f"{number:.6g}") if math.isfinite(number) else None


def _note(trial: Trial[Start], note: str) -> None:
    if note not in trial.start.notes:
        trial.start = replace(trial.start, notes=(*trial.start.notes, note))
