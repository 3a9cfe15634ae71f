"""The gap between training and validation in the last epoch, in the metric that decides, for each variant."""

import numpy as np
import pandas as pd

from ablate.analysis import statistics
from ablate.analysis.effects import Metric
from ablate.report.export import with_units
from ablate.report.inputs import Inputs
from ablate.report.numbers import count, decimals_of_size, in_unit, interval, number
from ablate.report.page import MOST_ROWS, Block, Table, to_figure
from ablate.report.plots.differences import MOST_DRAWN, draw_gaps
from ablate.report.training import named_runs, run_epochs, told_runs
from ablate.report.wording.phrases import DECIMALS, capital
from ablate.study.metric_words import metric_words
from ablate.study.trial import BEST

READING = (
    "Each light dot is a run; the bar, from six seeds on, is the 95 % interval of the mean over the seeds. Training "
    "{name} is measured during training: with dropout and augmentation on, while the weights still change. So a gap "
    "can be below 0, and dropout or augmentation can narrow the gap by making training examples harder, not only by "
    "better generalization. This section is descriptive: the study tests no comparison of gaps."
)


def gap_blocks(inputs: Inputs) -> list[Block]:
    """A figure and its table; empty if no run has a finished epoch with both values."""
    runs, metric = last_epochs(inputs), _judged(inputs)
    if runs.empty:
        return []
    gaps = gap_table(runs, spreads=_spreads(inputs))
    title = _title(metric)
    label = f"{title[:1].lower()}{title[1:]}{in_unit(metric)}; right is a wider gap"
    figure = draw_gaps(gaps, runs, label=label)
    if figure is None:
        return []
    sentence, reading = _what_to_see(gaps, metric), READING.format(name=_name(metric))
    return [to_figure(figure, "gap", title, sentence, _table(gaps, metric), reading)]


def _judged(inputs: Inputs) -> Metric:
    """The metric that decides, as measured on validation examples; accuracy where the loss of one decides."""
    names = {metric.name for metric in inputs.task.metrics}
    decides = inputs.task.decides
    return inputs.measure("val_accuracy" if decides == "loss" and "accuracy" in names else f"val_{decides}")


def _name(metric: Metric) -> str:
    return metric_words(metric.name.removeprefix("val_"))


def _title(metric: Metric) -> str:
    """What the gap is: above 0 where training is better."""
    first, second = ("Training", "validation") if metric.direction == "maximize" else ("Validation", "training")
    return f"{first} minus {second} {_name(metric)}"


def last_epochs(inputs: Inputs) -> pd.DataFrame:
    """The last epoch of each finished run: name ("" for the reference), against, seed, training, validation, gap.

    In the unit shown of the metric that decides; a gap above 0: training is better.
    """
    columns = ["name", "against", "seed", "training", "validation", "gap"]
    metric = _judged(inputs)
    both = (metric.name.replace("val_", "train_"), metric.name)
    if inputs.epochs.empty or not set(both) <= set(inputs.epochs.columns):
        return pd.DataFrame(columns=columns)
    epochs = run_epochs(inputs, columns=both).dropna(subset=list(both))
    epochs = epochs[epochs["state"] == "finished"].sort_values("epoch", kind="stable")
    last = named_runs(epochs.drop_duplicates(["factor", "level", "seed"], keep="last"))
    training, validation = (metric.scale * last[name].astype(float) for name in both)
    gap = metric.sign * (training - validation)
    return last.assign(training=training, validation=validation, gap=gap)[columns]


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
    """The mean predictive SD of each variant's finished runs, in the unit shown, by name; empty if no run has one."""
    runs = told_runs(inputs)
    runs = named_runs(runs[(runs["state"] == "finished") & runs["predictive_sd"].notna()])
    return _judged(inputs).scale * runs["predictive_sd"].astype(float).groupby(runs["name"]).mean()


def _what_to_see(gaps: pd.DataFrame, metric: Metric) -> str:
    decimals, unit = _decimals(gaps, metric), f" {metric.unit}".rstrip()
    widest, narrowest = (gaps.iloc[int(find(gaps["mean"]))] for find in (np.argmax, np.argmin))

    def told(row: "pd.Series[float]") -> str:
        return f"{number(row['mean'], decimals, is_signed=True)}{unit} in {row['name'] or 'the reference'}"

    if len(gaps) == 1:
        return f"{_title(metric)} at the last epoch is {told(widest)}."
    said = f"{_title(metric)} at the last epoch ranges from {told(narrowest)}"
    rest = f" The figure shows the first {MOST_DRAWN} of {len(gaps)}." if len(gaps) > MOST_DRAWN else ""
    return f"{said} to {told(widest)}.{rest}"


def _decimals(gaps: pd.DataFrame, metric: Metric) -> int:
    if metric.unit in DECIMALS:
        return DECIMALS[metric.unit]
    return decimals_of_size(float(gaps[["training", "validation"]].abs().max().max()))


def _table(gaps: pd.DataFrame, metric: Metric) -> Table:
    decimals = _decimals(gaps, metric)
    has_spread = bool(gaps["predictive_sd"].notna().any())
    rows = [
        [row["name"] or "reference", number(row["training"], decimals), number(row["validation"], decimals),
         number(row["mean"], decimals, is_signed=True), interval(row["low"], row["high"], decimals),
         number(row["change"], decimals, is_signed=True), interval(row["change_low"], row["change_high"], decimals),
         *([number(row["predictive_sd"], decimals)] if has_spread else []), count(row["seeds"])]
        for row in gaps.head(MOST_ROWS).to_dict("records")
    ]  # fmt: skip
    unit = in_unit(metric)
    shown = ", %" if metric.unit == "points" else unit
    head = ["Variant", f"Training{shown}", f"Validation{shown}", f"Gap{unit}", "95 % interval",
            "Change from the reference", "95 % interval", *([f"Predictive SD{unit}"] if has_spread else []),
            "Runs"]  # fmt: skip
    measured = ("training", "validation", "mean", "low", "high", "change", "change_low", "change_high", "predictive_sd")
    data = with_units(gaps if has_spread else gaps.drop(columns="predictive_sd"), dict.fromkeys(measured, metric.unit))
    caption = "Accuracies" if metric.name == "val_accuracy" else capital(_name(metric))
    return Table(f"{caption} at the last epoch, mean over the seeds", head, rows, frozenset(range(1, len(head))),
                 name="gap", data=data)  # fmt: skip
