"""The section on training: learning curves, overfitting, and the named runs that other sections use."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ablate.report.export import with_units
from ablate.report.inputs import Inputs
from ablate.report.numbers import NONE, decimals_of_size, number
from ablate.report.page import MOST_ROWS, Block, Figure, Section, Table, to_figure
from ablate.report.plots import MOST_RUNS, contrast_name, draw_curves
from ablate.report.wording.phrases import DECIMALS, capital
from ablate.study.metric_words import metric_words
from ablate.study.trial import BEST
from ablate.text import number_of

TITLE = "How training went"
CURVE_COLUMNS = ["factor", "level", "trial", "state", "epoch", "validation", "train"]
LOSS = "val_loss"
RISEN = 1.05  # final over lowest validation loss: a smaller rise may be luck with few seeds
LEAST_SHARE = 0.5  # of the runs that must have reached an epoch for a mean: the survivors alone would bias it


def training_section(inputs: Inputs, *, beside: Sequence[Block] = ()) -> Section | None:
    """Validation and training curves by factor, followed by the blocks `beside`."""
    other = _beside(inputs)
    called = f"{other.removeprefix('val_')}-curves"
    found = (_curves_figure(inputs, inputs.monitor, called="curves"), _curves_figure(inputs, other, called=called))
    figures = [figure for figure in found if figure is not None]
    return Section("training", TITLE, [*figures, *beside]) if figures or beside else None


def _beside(inputs: Inputs) -> str:
    """The metric of the second figure: the loss, or the first other metric of the task if the loss decides."""
    others = [f"val_{metric.name}" for metric in inputs.task.metrics if f"val_{metric.name}" != LOSS]
    return LOSS if inputs.monitor != LOSS or not others else others[0]


def _curves_figure(inputs: Inputs, metric: str, *, called: str) -> Figure | None:
    curves = curve_table(inputs, metric)
    means = mean_curves(curves)
    # The runs behind the means are drawn once; repeating them for the other metric would only double the page.
    has_runs = metric == inputs.monitor
    behind = curves if has_runs else curves[curves["state"] != "finished"]
    unit, name = inputs.measure(metric).unit, metric_words(metric.removeprefix("val_"))
    shown = "%" if unit == "points" else unit
    figure = draw_curves(behind, means, label=f"{name}, {shown}" if shown else name)
    if figure is None:
        return None
    title = f"{capital(name)} by epoch"
    n_runs = curves["trial"].nunique()
    runs = number_of(n_runs, "run")
    sentence = f"Validation {name} by epoch in {runs}, one panel per factor; the reference is grey."
    if has_runs and n_runs > MOST_RUNS:
        sentence += f" The means use all runs; the thin lines show about {MOST_RUNS} runs, equally many for each level."
    if metric == LOSS:
        sentence += overfitting(means[means["factor"] == ""], unit=unit)
    each = ", with each run as a thin line" if has_runs else ""
    reading = (
        f"Solid: validation {name}, the mean of the finished runs{each}. Dashed: training {name}. A mean ends when "
        "fewer than half of its runs still train; a cross marks the last epoch of a run that did not finish."
    )
    panels = ", ".join(dict.fromkeys(means.loc[means["factor"] != "", "factor"]))
    table, described = _curves_table(means, name, unit, called=called), f"One panel for each of: {panels}."
    return to_figure(figure, called, title, sentence, table, reading, described=described)


def overfitting(reference: pd.DataFrame, *, unit: str = "nats") -> str:
    """A sentence on the epoch from which the reference overfits, with a leading space; "" if it does not.

    `reference` is its mean loss by epoch, in `unit`: epoch, validation, train. It overfits if its validation loss ends
    at least a factor `RISEN` above its lowest value, and its training loss ends below its value at that epoch.
    """
    finite = reference[np.isfinite(reference["validation"])]
    if finite.empty:
        return ""
    best, last = finite.loc[finite["validation"].idxmin()], finite.iloc[-1]
    # A loss can lie below 0, where a share of it says nothing: there it must rise by a share of its distance from 0.
    is_risen = last["validation"] - best["validation"] >= (RISEN - 1) * abs(best["validation"])
    if not is_risen or not last["train"] < best["train"]:
        return ""
    decimals = decimals_of(reference, unit)
    lowest, end, before, after = (
        number(value, decimals) for value in (best["validation"], last["validation"], best["train"], last["train"])
    )
    return (
        f" The reference overfits: its validation loss is lowest in epoch {best['epoch']:.0f}, at "
        f"{lowest} {unit}".rstrip()
        + f", and rises to {end} by epoch {last['epoch']:.0f}, while its "
        f"training loss falls from {before} to {after}."
    )


def curve_table(inputs: Inputs, metric: str) -> pd.DataFrame:
    """One row per epoch of an ablation run of the first mode: `CURVE_COLUMNS`, with `metric` in the unit shown."""
    scale = inputs.measure(metric).scale
    names = {metric: "validation", metric.replace("val_", "train_"): "train"}
    if inputs.epochs.empty or not set(names) <= set(inputs.epochs.columns):
        return pd.DataFrame(columns=CURVE_COLUMNS)
    curves = run_epochs(inputs, columns=list(names)).rename(columns=names)
    curves[["validation", "train"]] = curves[["validation", "train"]].astype(float) * scale
    return curves[CURVE_COLUMNS]


def run_epochs(inputs: Inputs, *, columns: Sequence[str]) -> pd.DataFrame:
    """One row per epoch of an ablation run (of the first mode): the run's names and the given columns of the epochs.

    The names are variant, factor, level, against, seed, state. `trial` is the trial that the epochs come from,
    `peak_rate` is the run's own.
    """
    runs = told_runs(inputs)
    # A deduplicated run has its curve under the trial whose result it reuses, unless that is of another study.
    source = runs["same_as"].where(runs["same_as"].isin(inputs.epochs["trial"]), runs["trial"])
    named = runs.assign(source=source, peak_rate=runs["learning_rate"])
    kept = ["variant", "factor", "level", "against", "seed", "source", "state", "peak_rate"]
    epochs = inputs.epochs[["trial", "epoch", *columns]]
    return named[kept].merge(epochs, left_on="source", right_on="trial").drop(columns="source")


def told_runs(inputs: Inputs) -> pd.DataFrame:
    """The runs of the first mode, named as in the panels: the first reference has neither factor nor level."""
    runs = inputs.runs
    told = inputs.modes[:1]
    runs = runs[runs["mode"].isin(["", *told])]
    has_own = runs["variant"].isin(runs.loc[runs["mode"].isin(told), "variant"])
    runs = runs[runs["mode"].isin(told) | ~has_own]  # if this mode retrains a reference, only the retrained runs count
    named = [
        contrast_name(factor, level) if factor or against else ("", "")
        for factor, level, against in zip(runs["factor"], runs["level"], runs["against"], strict=True)
    ]
    of_best = runs["against"] == BEST
    levels = pd.Series([level for _, level in named], index=runs.index, dtype=object)
    factors = pd.Series([factor for factor, _ in named], index=runs.index, dtype=object)
    return runs.assign(factor=factors, level=levels.where(~of_best, levels + " in the best"))


def named_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """Rows of compared runs with `name`, e.g. "initializer = zeros"; "" for the reference, which is first."""
    pairs = zip(runs["factor"], runs["level"], strict=True)
    named = runs.assign(name=[f"{factor} = {level}" if factor or level else "" for factor, level in pairs])
    return named.sort_values(["factor", "level", "seed"], kind="stable")


def mean_curves(curves: pd.DataFrame) -> pd.DataFrame:
    """Means over a level's finished runs, up to the epoch that half of them reached; over all runs if none finished."""
    columns = ["factor", "level", "epoch", "validation", "train"]
    if curves.empty:
        return pd.DataFrame(columns=columns)
    # A run that is lost early would pull the mean down and then let it jump; it has its own line and cross.
    is_finished = curves["state"] == "finished"
    some_finished = is_finished.groupby([curves["factor"], curves["level"]]).transform("any")
    curves = curves[is_finished | ~some_finished]
    groups = curves.groupby(["factor", "level", "epoch"], sort=False)
    means = groups.agg(validation=("validation", "mean"), train=("train", "mean"), n=("trial", "nunique")).reset_index()
    totals = curves.groupby(["factor", "level"])["trial"].nunique().rename("total").reset_index()
    means = means.merge(totals, on=["factor", "level"])
    kept = means[means["n"] >= LEAST_SHARE * means["total"]]
    return kept[columns].sort_values(["factor", "level", "epoch"], kind="stable", ignore_index=True)


def _curves_table(means: pd.DataFrame, name: str, unit: str, *, called: str) -> Table:
    last = int(means["epoch"].max())
    epochs = sorted({1, *(round(last * share / 4) for share in (1, 2, 3)), last} - {0})
    decimals = decimals_of(means, unit)
    rows = []
    for (factor, level), cells in means.groupby(["factor", "level"], sort=False):
        by_epoch = cells.set_index("epoch")
        values = [number(by_epoch["validation"].get(epoch), decimals) for epoch in epochs]
        final = by_epoch["train"].iloc[-1]
        rows.append([str(factor) or "reference", str(level) or NONE, *values, number(final, decimals)])
    head = ["Factor", "Level", *(f"Validation, epoch {epoch}" for epoch in epochs), "Training, last"]
    data = with_units(means, dict.fromkeys(("validation", "train"), "%" if unit == "points" else unit))
    return Table(
        f"Mean {name} over the seeds", head, rows[:MOST_ROWS], frozenset(range(2, len(head))), name=called, data=data
    )


def decimals_of(means: pd.DataFrame, unit: str) -> int:
    """Decimals of the values by epoch: those of a known unit, else three digits of the largest."""
    if unit in DECIMALS:
        return DECIMALS[unit]
    values = means[["validation", "train"]].to_numpy(dtype=float)
    return decimals_of_size(float(np.max(np.abs(values), initial=0.0, where=np.isfinite(values))))
