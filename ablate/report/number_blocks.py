"""Describe predicted numbers: residuals by predicted value, and how well the predictions fit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ablate.analysis.statistics.paired import Floats
from ablate.analysis.statistics.residuals import ResidualGroup, by_predicted, fit_of
from ablate.report.export import with_units
from ablate.report.inputs import Inputs
from ablate.report.numbers import decimals_of_size, significant
from ablate.report.page import Block, Figure, Table, to_figure
from ablate.report.plots.predictions import Residuals, draw_residuals
from ablate.report.sides import Side, Spread
from ablate.storage.predictions import KeptPredictions
from ablate.text import number_of

MOST_TARGETS = 8  # columns of targets that are told apart; more are taken together
IN_UNIT = ("mae", "rmse", "mean_absolute_error", "root_mean_squared_error", "median_absolute_error")
READING = (
    "Each dot is an example of the test set, predicted by the first seed; the line is the mean residual of all seeds "
    "in ten groups of equal size, from the lowest predictions to the highest. Above 0 the predictions are too low."
)


@dataclass(frozen=True, slots=True)
class _Column:
    """One of the numbers that are predicted: its targets (n,), and by side the predictions of each seed (n,)."""

    name: str
    targets: Floats
    sides: Sequence[Sequence[Floats]]


def number_blocks(kept: KeptPredictions, sides: Sequence[Side], inputs: Inputs) -> list[Block]:
    """A figure of the residuals of the first number, with its groups as a table, and a table of all."""
    columns = _columns(kept, sides, inputs)
    unit = _unit(inputs)
    return [_figure(columns[0], sides, unit, n_columns=len(columns)), _fits(columns, sides, unit)]


def _columns(kept: KeptPredictions, sides: Sequence[Side], inputs: Inputs) -> list[_Column]:
    targets = kept.labels.astype(np.float64)
    found = [[one.astype(np.float64) for one in side.of(kept.numbers)] for side in sides]
    n = targets.shape[1] if targets.ndim == 2 else 1
    if targets.ndim > 2 or n > MOST_TARGETS:
        return [_Column("", targets.ravel(), [[one.ravel() for one in some] for some in found])]
    flat = targets.reshape(len(targets), n)
    names = (
        list(inputs.task.names or ()) if len(inputs.task.names or ()) == n else [f"target {at + 1}" for at in range(n)]
    )
    return [
        _Column(names[at] if n > 1 else "", flat[:, at], [[one.reshape(flat.shape)[:, at] for one in s] for s in found])
        for at in range(n)
    ]


def _unit(inputs: Inputs) -> str:
    """The unit of the targets: that of a metric in the same unit, if the study states one."""
    return next((metric.unit for metric in inputs.task.metrics if metric.name in IN_UNIT and metric.unit), "")


def _figure(column: _Column, sides: Sequence[Side], unit: str, *, n_columns: int) -> Figure:
    groups = [_groups(column.targets, seeds) for seeds in column.sides]
    drawn = [
        Residuals(
            side.name,
            (seeds[0], column.targets - seeds[0]),
            (np.array([one.predicted for one in some]), np.array([one.bias for one in some])),
        )
        for side, seeds, some in zip(sides, column.sides, groups, strict=True)
    ]
    fits = [Spread.of([fit_of(column.targets, one).r2 for one in seeds]) for seeds in column.sides]
    of = f" of {column.name}" if n_columns > 1 else ""
    said = " and ".join(
        f"{spread.text(2)} in {'the reference' if side is sides[0] else side.name}"
        for spread, side in zip(fits, sides, strict=True)
    )
    sentence = (
        f"The predictions{of} explain this share of the targets’ variance (R²): {said}; means over "
        f"{number_of(len(column.sides[0]), 'seed')}."
    )
    figure = draw_residuals(drawn, unit=unit)
    table = _groups_table(groups, sides, unit)
    return to_figure(figure, "residuals", "Residuals by predicted value", sentence, table, READING)


def _groups(targets: Floats, seeds: Sequence[Floats]) -> list[ResidualGroup]:
    """The groups over all seeds together."""
    return by_predicted(np.tile(targets, len(seeds)), np.concatenate(list(seeds)))


def _groups_table(groups: Sequence[Sequence[ResidualGroup]], sides: Sequence[Side], unit: str) -> Table:
    label = f", {unit}" if unit else ""
    head, rows = ["Group"], []
    for side in sides:
        head += [f"Mean prediction{label}: {side.name}", f"Mean residual{label}", f"SD{label}"]
    for at in range(max(map(len, groups))):
        cells = [
            text
            for some in groups
            for text in (
                [significant(some[at].predicted), significant(some[at].bias), significant(some[at].sd)]
                if at < len(some)
                else ["–"] * 3
            )
        ]
        rows.append([str(at + 1), *cells])
    data = pd.DataFrame([
        {"side": side.name, "group": at + 1, "predicted": one.predicted, "bias": one.bias, "sd": one.sd, "n": one.n}
        for side, some in zip(sides, groups, strict=True)
        for at, one in enumerate(some)
    ])  # fmt: skip
    return Table("Residuals in groups of similar predictions", head, rows, frozenset(range(len(head))),
                 name="residuals", data=with_units(data, dict.fromkeys(("predicted", "bias", "sd"), unit)))  # fmt: skip


def _fits(columns: Sequence[_Column], sides: Sequence[Side], unit: str) -> Table:
    label = f", {unit}" if unit else ""
    has_names = len(columns) > 1
    head = [*(["Target"] if has_names else []), "Side", "R²", f"Mean residual{label}", f"Mean absolute error{label}",
            f"Root mean squared error{label}"]  # fmt: skip
    rows, data = [], []
    for column in columns:
        for side, seeds in zip(sides, column.sides, strict=True):
            fits = [fit_of(column.targets, one) for one in seeds]
            spreads = {name: Spread.of([getattr(one, name) for one in fits]) for name in ("r2", "bias", "mae", "rmse")}
            decimals = decimals_of_size(spreads["rmse"].mean)
            texts = [spread.text(3 if name == "r2" else decimals) for name, spread in spreads.items()]
            rows.append([*([column.name] if has_names else []), side.name, *texts])
            ends = {
                f"{name}_{end}": getattr(one, end) for name, one in spreads.items() for end in ("mean", "low", "high")
            }
            data.append({"target": column.name, "side": side.name, "seeds": len(fits), **ends})
    numeric = frozenset(range(len(head) - 4, len(head)))
    caption = "How well the predictions fit: means over the seeds, and the range from the lowest to the highest"
    return Table(caption, head, rows, numeric, name="fit", data=pd.DataFrame(data))
