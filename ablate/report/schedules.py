"""Learning rates by epoch into a figure of the schedules that a study compares."""

import numpy as np
import pandas as pd

from ablate.report.inputs import Inputs
from ablate.report.numbers import number
from ablate.report.page import MOST_ROWS, Block, Table, to_figure
from ablate.report.plots.schedules import MOST_SCHEDULES, draw_schedules
from ablate.report.training import named_runs, run_epochs
from ablate.study.rate import RECIPE

FACTOR = "schedule"
SENTENCE = (
    "The learning rate at the end of each epoch, as a share of the peak rate of the trial's schedule; the reference is "
    "grey. "
)
READING = (
    "Mean over the seeds; the band spans the lowest to the highest seed, which differ if the schedule depends on the "
    "validation loss. A line ends at the last epoch of the longest run."
)


def schedule_blocks(inputs: Inputs) -> list[Block]:
    """A figure and its table; nothing where no schedules are compared."""
    curves = schedule_curves(inputs)
    figure = draw_schedules(curves)
    if figure is None:
        return []
    n = curves.loc[curves["name"] != "", "name"].nunique()
    rest = f" The figure shows the first {MOST_SCHEDULES} of {n}." if n > MOST_SCHEDULES else ""
    title = "Learning-rate schedules"
    described = f"{SENTENCE}One panel per schedule."
    return [
        to_figure(figure, "schedules", title, SENTENCE.strip() + rest, _table(curves), READING, described=described)
    ]


def schedule_curves(inputs: Inputs) -> pd.DataFrame:
    """One row an epoch of a schedule: name ("" for the reference), epoch, the mean share of the peak, low, high."""
    columns = ["name", "epoch", "share", "low", "high"]
    if inputs.epochs.empty or "learning_rate" not in inputs.epochs or FACTOR not in inputs.results:
        return pd.DataFrame(columns=columns)
    epochs = run_epochs(inputs, columns=["learning_rate"])
    epochs = epochs[_is_of_a_schedule(epochs, inputs)]
    highest = epochs.groupby(["factor", "level", "seed"])["learning_rate"].transform("max")
    peaks = epochs["peak_rate"].astype(float).fillna(highest)
    epochs = named_runs(epochs.assign(share=epochs["learning_rate"].astype(float) / peaks.where(peaks > 0)))
    found = epochs[np.isfinite(epochs["share"])].groupby(["name", "epoch"], sort=False)["share"]
    curves: pd.DataFrame = found.agg(share="mean", low="min", high="max").reset_index()[columns]
    return curves


def _is_of_a_schedule(epochs: pd.DataFrame, inputs: Inputs) -> "pd.Series[bool]":
    levels = inputs.results.drop_duplicates("trial", keep="last").set_index("trial")[FACTOR].astype(str)
    mine = epochs["trial"].map(levels)
    of_reference = mine[epochs["factor"] == ""]
    usual = of_reference.iloc[0] if len(of_reference) else ""
    is_recipe = (epochs["factor"] == RECIPE) & (mine != usual)
    return (epochs["factor"] == "") | (epochs["factor"] == FACTOR) | is_recipe


def _table(curves: pd.DataFrame) -> Table:
    last = int(curves["epoch"].max())
    epochs = sorted({1, *(round(last * share / 4) for share in (1, 2, 3)), last} - {0})
    rows = []
    for name, some in curves.groupby("name", sort=False):
        by_epoch = some.set_index("epoch")["share"]
        rows.append([str(name) or "reference", *(number(100 * by_epoch.get(epoch, np.nan), 1) for epoch in epochs)])
    head = ["Schedule", *(f"Epoch {epoch}, %" for epoch in epochs)]
    return Table("Share of the peak rate at the end of an epoch", head, rows[:MOST_ROWS],
                 frozenset(range(1, len(head))), name="schedules", data=curves)  # fmt: skip
