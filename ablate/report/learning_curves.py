"""A folded table that compares learning curves in pairs of one seed."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from ablate.analysis.effects import COUNTED_AT_CHANCE, Metric
from ablate.analysis.learning_curves import CurveContrast, LearningCurve, compare_curves
from ablate.analysis.statistics import MIN_SEEDS
from ablate.report.export import with_units
from ablate.report.inputs import Inputs
from ablate.report.numbers import decimals_of_size, number
from ablate.report.page import MOST_ROWS, Block, Folded, Table
from ablate.report.training import run_epochs, told_runs
from ablate.study.metric_words import metric_words
from ablate.study.trial import REFERENCE
from ablate.text import first_of

CAPTION = "How fast each variant learns, beside its reference"
READING = (
    " A best score is partly luck: even an equal variant reaches its reference's best in only half of the seeds. So "
    "the “later” columns compare the time to a score that both runs reach, the lower of their two bests: the median "
    "difference, below 0 where the variant is earlier. A run that did not finish never gets there. The mean score "
    "counts both runs up to the last epoch of the one that stopped first; above 0 the variant is better. Brackets are "
    f"95 % intervals, each for one comparison alone, from {MIN_SEEDS} seeds on. Exploratory: nothing here is adjusted "
    "for the number of comparisons."
)
MOST_NAMED = 3
ContrastRow: TypeAlias = "pd.Series[Any]"  # of the table of `curve_contrasts`: numbers and names


def learning_curve_blocks(inputs: Inputs) -> list[Block]:
    """One folded table, or nothing if no variant has a curve beside one of its reference."""
    table = curve_contrasts(inputs)
    if table.empty:
        return []
    metric = inputs.measure(inputs.monitor)
    name = metric_words(inputs.monitor.removeprefix("val_"))
    decimals = 1 if metric.unit == "points" else 3 if metric.unit == "nats" else decimals_of_size(_largest(table))
    columns = _columns(metric, name, decimals=decimals, has_seconds=bool(table["seconds_later"].notna().any()))
    rows = [[text(row) for text in columns.values()] for _, row in table.head(MOST_ROWS).iterrows()]
    data = with_units(table, dict.fromkeys(("gain", "gain_low", "gain_high"), metric.unit))
    shown = Table(CAPTION, list(columns), rows, frozenset(range(2, len(columns))), name="learning-speed", data=data)
    return [Folded("learning-speed", what_is_plain(table, name) + READING, shown)]


def curve_contrasts(inputs: Inputs) -> pd.DataFrame:
    """One row per variant of the first mode: its names, and the fields of `CurveContrast`, with `_low` and `_high`.

    `gain` is in the unit shown of the monitored metric; above 0 is better.
    """
    if inputs.epochs.empty or inputs.monitor not in inputs.epochs.columns:
        return pd.DataFrame()
    runs = told_runs(inputs)
    curves, rows = _curves(inputs, runs), []
    for (variant, against), some in runs[runs["variant"] != REFERENCE].groupby(["variant", "against"], sort=False):
        other = str(against) or REFERENCE
        both = [((other, seed), (str(variant), seed)) for seed in some["seed"].astype(int)]
        found = compare_curves([(curves[old], curves[new]) for old, new in both if {old, new} <= set(curves)])
        if found.n:
            names = {"factor": some["factor"].iloc[0], "level": some["level"].iloc[0], "against": other}
            rows.append(names | _flat(found))
    return pd.DataFrame(rows)


def what_is_plain(table: pd.DataFrame, name: str) -> str:
    """Which variants reach the best score of the reference in all seeds, and which in none."""
    first = table[table["against"] == REFERENCE]
    first = table if first.empty else first
    names = first["factor"].astype(str).str.cat(first["level"].astype(str), " ").str.strip()
    in_all, in_none = (
        first_of(names[is_so].tolist(), MOST_NAMED) or "none"
        for is_so in (first["reached"] == first["n"], first["reached"] == 0)
    )
    epochs = float(first["reference_epochs"].median())
    needed = "1 epoch" if epochs == 1 else f"{epochs:g} epochs"
    return (
        f"The reference needs {needed} to its best validation {name} (median over the seeds). "
        f"Variants that reach that score in every seed: {in_all}; in no seed: {in_none}."
    )


def _curves(inputs: Inputs, runs: pd.DataFrame) -> dict[tuple[str, int], LearningCurve]:
    """The curve of each run, by variant and seed: without runs that were cut short, or finished and left no epochs.

    A run that was lost before its first epoch counts: it has an empty curve.
    """
    metric = inputs.measure(inputs.monitor)
    columns = [inputs.monitor, *(["seconds"] if "seconds" in inputs.epochs.columns else [])]
    epochs = run_epochs(inputs, columns=columns).sort_values("epoch", kind="stable")
    by_run = dict(list(epochs.groupby([epochs["variant"].astype(str), epochs["seed"].astype(int)], sort=False)))
    curves = {}
    for variant, seed, state in zip(runs["variant"].astype(str), runs["seed"].astype(int), runs["state"], strict=True):
        is_lost, rows = state in COUNTED_AT_CHANCE, by_run.get((variant, seed), epochs.iloc[:0])
        if is_lost or (state == "finished" and len(rows)):
            scores = metric.sign * metric.scale * rows[inputs.monitor].to_numpy(dtype=float)
            seconds = rows["seconds"].to_numpy(dtype=float) if "seconds" in rows else np.full(len(rows), math.nan)
            curves[variant, seed] = LearningCurve(scores, seconds.cumsum(), is_lost=is_lost)
    return curves


def _flat(found: CurveContrast) -> dict[str, float]:
    flat: dict[str, float] = {}
    for name, value in asdict(found).items():
        if isinstance(value, dict):
            flat |= {name: value["middle"], f"{name}_low": value["low"], f"{name}_high": value["high"]}
        else:
            flat[name] = value
    return flat


def _largest(table: pd.DataFrame) -> float:
    """The largest gain or end of an interval."""
    return float(np.nanmax(np.append(0.0, table[["gain", "gain_low", "gain_high"]].abs().to_numpy(dtype=float))))


def _columns(
    metric: Metric, name: str, *, decimals: int, has_seconds: bool
) -> Mapping[str, Callable[[ContrastRow], str]]:
    gain = f"gain in {metric.unit}" if metric.unit else "gain"
    columns: dict[str, Callable[[ContrastRow], str]] = {
        "Factor": lambda row: str(row["factor"]),
        "Level": lambda row: str(row["level"]),
        "Reaches its reference's best": lambda row: f"{row['reached']} of {row['n']}",
        "in epoch (median)": lambda row: _time(row["epochs"]),
        "The reference does": lambda row: _time(row["reference_epochs"]),
        "The reference reaches its best": lambda row: f"{row['returned']} of {row['n']}",
        "Epochs later": lambda row: _spanned(row, "later", 0),
    }
    if has_seconds:
        columns["Seconds later"] = lambda row: _spanned(row, "seconds_later", 1)
    return columns | {f"Mean {name}, {gain}": lambda row: _spanned(row, "gain", decimals) + _survivors(row)}


def _survivors(row: ContrastRow) -> str:
    """Over how many seeds a mean score goes, if runs were lost."""
    return f" ({row['n_gain']} of {row['n']} seeds)" if row["n_gain"] < row["n"] else ""


def _time(epoch: float) -> str:
    return "never" if math.isinf(epoch) else f"{epoch:g}"


def _spanned(row: ContrastRow, name: str, decimals: int) -> str:
    """ "−2 [−5, never]": the middle with its interval, if it has one."""
    middle, low, high = (_signed(row[key], decimals) for key in (name, f"{name}_low", f"{name}_high"))
    return middle if math.isnan(row[f"{name}_low"]) else f"{middle} [{low}, {high}]"


def _signed(value: float, decimals: int) -> str:
    return "never" if math.isinf(value) else number(value, decimals, is_signed=True)
