"""The gap between training and validation accuracy in the last epoch, for each variant."""

import numpy as np
import pandas as pd

from ablate.analysis import statistics
from ablate.report.export import with_units
from ablate.report.inputs import Inputs
from ablate.report.numbers import count, interval, number
from ablate.report.page import MOST_ROWS, Block, Table, to_figure
from ablate.report.plots.differences import MOST_DRAWN, draw_gaps
from ablate.report.training import named_runs, run_epochs, told_runs
from ablate.study.trial import BEST

ACCURACIES = ("train_accuracy", "val_accuracy")
READING = (
    "Each light dot is a run; the bar, from six seeds on, is the 95 % interval of the mean over the seeds. Training "
    "accuracy is measured during training: with dropout and augmentation on, while the weights still change. So a gap "
    "can be below 0, and dropout or augmentation can narrow the gap by making training examples harder, not only by "
    "better generalization. This section is descriptive: the study tests no comparison of gaps."
)


def gap_blocks(inputs: Inputs) -> list[Block]:
    """A figure and its table; empty if no run has a finished epoch with both accuracies."""
    runs = last_epochs(inputs)
    if runs.empty:
        return []
    gaps = gap_table(runs, spreads=_spreads(inputs))
    figure = draw_gaps(gaps, runs)
    if figure is None:
        return []
    title, sentence = "Training minus validation accuracy", _what_to_see(gaps)
    return [to_figure(figure, "gap", title, sentence, _table(gaps), READING)]


def last_epochs(inputs: Inputs) -> pd.DataFrame:
    """The last epoch of each finished run: name ("" for the reference), against, seed, training, validation, gap.

    In points of accuracy.
    """
    columns = ["name", "against", "seed", "training", "validation", "gap"]
    if inputs.epochs.empty or not set(ACCURACIES) <= set(inputs.epochs.columns):
        return pd.DataFrame(columns=columns)
    epochs = run_epochs(inputs, columns=ACCURACIES).dropna(subset=list(ACCURACIES))
    epochs = epochs[epochs["state"] == "finished"].sort_values("epoch", kind="stable")
    last = named_runs(epochs.drop_duplicates(["factor", "level", "seed"], keep="last"))
    training, validation = (100 * last[name].astype(float) for name in ACCURACIES)
    return last.assign(training=training, validation=validation, gap=training - validation)[columns]


def gap_table(runs: pd.DataFrame, *, spreads: "pd.Series[float]") -> pd.DataFrame:
    """One row per variant: the mean gap with its interval, and the change of the gap to the reference with its
    interval.

    The other columns are name, seeds, training, validation, and the predictive SD of `spreads`. Changes are paired by
    seed, and NaN for variants that are compared with the best configuration.
    """
    rows = []
    of_reference = runs[runs["name"] == ""].set_index("seed")["gap"]
    for name, some in runs.groupby("name", sort=False):
        gap = statistics.paired_interval(some["gap"])
        is_paired = bool(name) and (some["against"] != BEST).all()
        mine = some.set_index("seed")["gap"]
        change = statistics.paired_interval((mine - of_reference).dropna() if is_paired else np.array([]))
        rows.append({
            "name": name, "seeds": gap.n, "training": some["training"].mean(), "validation": some["validation"].mean(),
            "mean": gap.mean, **_ends(gap, ""), "change": change.mean, **_ends(change, "change_"),
            "predictive_sd": spreads.get(name, np.nan),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _ends(found: statistics.Interval, prefix: str) -> dict[str, float]:
    """The ends of an interval; NaN below six seeds."""
    is_shown = found.n >= statistics.MIN_SEEDS
    return {f"{prefix}low": found.low if is_shown else np.nan, f"{prefix}high": found.high if is_shown else np.nan}


def _spreads(inputs: Inputs) -> "pd.Series[float]":
    """The mean predictive SD of each variant's finished runs, in points, by name; empty if no run has one."""
    runs = told_runs(inputs)
    runs = named_runs(runs[(runs["state"] == "finished") & runs["predictive_sd"].notna()])
    return 100 * runs["predictive_sd"].astype(float).groupby(runs["name"]).mean()


def _what_to_see(gaps: pd.DataFrame) -> str:
    widest, narrowest = (gaps.iloc[int(find(gaps["mean"]))] for find in (np.argmax, np.argmin))

    def told(row: "pd.Series[float]") -> str:
        return f"{number(row['mean'], 1, is_signed=True)} points in {row['name'] or 'the reference'}"

    if len(gaps) == 1:
        return f"Training minus validation accuracy at the last epoch is {told(widest)}."
    said = f"Training minus validation accuracy at the last epoch ranges from {told(narrowest)}"
    rest = f" The figure shows the first {MOST_DRAWN} of {len(gaps)}." if len(gaps) > MOST_DRAWN else ""
    return f"{said} to {told(widest)}.{rest}"


def _table(gaps: pd.DataFrame) -> Table:
    has_spread = bool(gaps["predictive_sd"].notna().any())
    rows = [
        [row["name"] or "reference", number(row["training"], 1), number(row["validation"], 1),
         number(row["mean"], 1, is_signed=True), interval(row["low"], row["high"], 1),
         number(row["change"], 1, is_signed=True), interval(row["change_low"], row["change_high"], 1),
         *([number(row["predictive_sd"], 1)] if has_spread else []), count(row["seeds"])]
        for row in gaps.head(MOST_ROWS).to_dict("records")
    ]  # fmt: skip
    head = ["Variant", "Training, %", "Validation, %", "Gap, points", "95 % interval", "Change from the reference",
            "95 % interval", *(["Predictive SD, points"] if has_spread else []), "Runs"]  # fmt: skip
    points = ("training", "validation", "mean", "low", "high", "change", "change_low", "change_high", "predictive_sd")
    data = with_units(gaps if has_spread else gaps.drop(columns="predictive_sd"), dict.fromkeys(points, "points"))
    return Table("Accuracies at the last epoch, mean over the seeds", head, rows, frozenset(range(1, len(head))),
                 name="gap", data=data)  # fmt: skip
