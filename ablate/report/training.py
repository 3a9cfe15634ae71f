"""Learning curves and learning-rate tests into sections."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from ablate.effects import metric_unit
from ablate.plots import MOST_PANELS, MOST_RUNS, contrast_name, draw_curves, draw_rate_tests, to_svg
from ablate.records import BEST, RateTest
from ablate.report.export import with_units
from ablate.report.inputs import Inputs
from ablate.report.numbers import NONE, number, rate
from ablate.report.page import MOST_ROWS, Block, Figure, Section, Table

TITLE = "How training went"
CURVE_COLUMNS = ["factor", "level", "trial", "state", "epoch", "validation", "train"]
LEAST_SHARE = 0.5  # of the runs that an epoch must have for a mean: later ones are a biased rest


def training_section(inputs: Inputs, *, beside: Sequence[Block] = ()) -> Section | None:
    """Validation and training curves by factor, and what else there is to say `beside` them."""
    curves = curve_table(inputs)
    means = mean_curves(curves)
    _, unit = metric_unit(inputs.monitor)
    name = inputs.monitor.replace("val_", "")
    figure = draw_curves(curves, means, label=f"{name}, {'%' if unit == 'points' else unit}")
    if figure is None:
        return Section("training", TITLE, beside) if beside else None
    title = f"{name.capitalize()} by epoch"
    n_runs = curves["trial"].nunique()
    sentence = f"How validation {name} grew or fell in {n_runs:,} runs, factor by factor, beside the reference in grey."
    if n_runs > MOST_RUNS:
        sentence += f" The means are of all runs; about {MOST_RUNS} are drawn behind them, as many for each level."
    reading = (
        f"Solid: validation {name}, the mean of the runs that finished, with each run as a thin line behind it. "
        "Dashed: training. A mean ends where fewer than half of its runs still train; a cross marks the last epoch of "
        "a run that did not finish."
    )
    panels = ", ".join(dict.fromkeys(means.loc[means["factor"] != "", "factor"]))
    svg = to_svg(figure, name="curves", title=title, description=f"One panel for each of: {panels}.")
    curves_figure = Figure("curves", title, sentence, svg, _curves_table(means, unit), reading)
    return Section("training", TITLE, [curves_figure, *beside])


def rate_section(inputs: Inputs) -> Section | None:
    """The range tests of each configuration, one a seed: curves, what the rules read from them, the rates chosen."""
    groups = _compared_first(inputs)
    figure = draw_rate_tests(groups)
    if figure is None:
        return None
    tests = [test for _, some in groups for test in some]
    unsure = sum(test.verdict == "undetermined" for test in tests)
    rest = f" The first {MOST_PANELS} are drawn, the table has all." if len(groups) > MOST_PANELS else ""
    said = f"In {len(tests) - unsure} of {len(tests)} tests of {len(groups)} configurations a rate could be read"
    said += f"; in {unsure} it is a guess (dashed line), and the table says why." if unsure else "."
    sentence = (
        f"{said} Each seed finds a rate of its own, so that luck in finding it is in the intervals. The rate grows "
        "along each curve; a vertical line is a rate suggested: half that of the knee, where the loss comes to the "
        "bottom of its first basin. 1cycle rises to the rate of the bottom (minimum). Blue, with the marks of "
        f"all rules: the first seed.{rest}"
    )
    title = "Loss against learning rate"
    svg = to_svg(figure, name="rates", title=title, description=f"{said} One panel a configuration.")
    return Section("rate-tests", "Learning-rate tests", [Figure("rates", title, sentence, svg, _rates_table(groups))])


def curve_table(inputs: Inputs) -> pd.DataFrame:
    """One row an epoch of an ablation run (of the first mode): `CURVE_COLUMNS`; metric as shown, train beside it."""
    scale, _ = metric_unit(inputs.monitor)
    names = {inputs.monitor: "validation", inputs.monitor.replace("val_", "train_"): "train"}
    if inputs.epochs.empty or not set(names) <= set(inputs.epochs.columns):
        return pd.DataFrame(columns=CURVE_COLUMNS)
    curves = run_epochs(inputs, columns=list(names)).rename(columns=names)
    curves[["validation", "train"]] = curves[["validation", "train"]].astype(float) * scale
    return curves[CURVE_COLUMNS]


def run_epochs(inputs: Inputs, *, columns: Sequence[str]) -> pd.DataFrame:
    """One row an epoch of an ablation run (of the first mode), these columns of the epochs beside the run's names.

    The run's: factor, level, against, seed, state; `trial` is the one whose epochs they are, `peak_rate` the run's own.
    """
    runs = told_runs(inputs)
    # A run that took another's result has its curve there, unless that one is of another study.
    source = runs["same_as"].where(runs["same_as"].isin(inputs.epochs["trial"]), runs["trial"])
    named = runs.assign(source=source, peak_rate=runs["learning_rate"])
    kept = ["factor", "level", "against", "seed", "source", "state", "peak_rate"]
    epochs = inputs.epochs[["trial", "epoch", *columns]]
    return named[kept].merge(epochs, left_on="source", right_on="trial").drop(columns="source")


def told_runs(inputs: Inputs) -> pd.DataFrame:
    """The runs of the first mode, named as the panels name them: the first reference has neither factor nor level."""
    runs = inputs.runs
    told = inputs.modes[:1]
    runs = runs[runs["mode"].isin(["", *told])]
    has_own = runs["variant"].isin(runs.loc[runs["mode"].isin(told), "variant"])
    runs = runs[runs["mode"].isin(told) | ~has_own]  # a reference that this mode trains anew is its only one
    named = [
        contrast_name(factor, level) if factor or against else ("", "")
        for factor, level, against in zip(runs["factor"], runs["level"], runs["against"], strict=True)
    ]
    of_best = runs["against"] == BEST
    levels = pd.Series([level for _, level in named], index=runs.index, dtype=object)
    factors = pd.Series([factor for factor, _ in named], index=runs.index, dtype=object)
    return runs.assign(factor=factors, level=levels.where(~of_best, levels + " in the best"))


def named_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """Rows of compared runs with `name`, as "initializer = zeros" and "" for the reference; that one's first, by name.

    So that what is drawn of them does not depend on which trial ended first.
    """
    pairs = zip(runs["factor"], runs["level"], strict=True)
    named = runs.assign(name=[f"{factor} = {level}" if factor or level else "" for factor, level in pairs])
    return named.sort_values(["factor", "level", "seed"], kind="stable")


def mean_curves(curves: pd.DataFrame) -> pd.DataFrame:
    """Means over the finished runs of a level, to the epoch that half of them reached; over all where none finished.

    Columns: factor, level, epoch, validation, train.
    """
    columns = ["factor", "level", "epoch", "validation", "train"]
    if curves.empty:
        return pd.DataFrame(columns=columns)
    # A run that is lost early would drag the mean down and then let it jump; it has its own line and its cross.
    is_finished = curves["state"] == "finished"
    some_finished = is_finished.groupby([curves["factor"], curves["level"]]).transform("any")
    curves = curves[is_finished | ~some_finished]
    groups = curves.groupby(["factor", "level", "epoch"], sort=False)
    means = groups.agg(validation=("validation", "mean"), train=("train", "mean"), n=("trial", "nunique")).reset_index()
    totals = curves.groupby(["factor", "level"])["trial"].nunique().rename("total").reset_index()
    means = means.merge(totals, on=["factor", "level"])
    kept = means[means["n"] >= LEAST_SHARE * means["total"]]
    return kept[columns].sort_values(["factor", "level", "epoch"], kind="stable", ignore_index=True)


def _curves_table(means: pd.DataFrame, unit: str) -> Table:
    last = int(means["epoch"].max())
    epochs = sorted({1, *(round(last * share / 4) for share in (1, 2, 3)), last} - {0})
    decimals = 1 if unit == "points" else 2
    rows = []
    for (factor, level), cells in means.groupby(["factor", "level"], sort=False):
        by_epoch = cells.set_index("epoch")
        values = [number(by_epoch["validation"].get(epoch), decimals) for epoch in epochs]
        final = by_epoch["train"].iloc[-1]
        rows.append([str(factor) or "reference", str(level) or NONE, *values, number(final, decimals)])
    head = ["Factor", "Level", *(f"Validation, epoch {epoch}" for epoch in epochs), "Training, last"]
    data = with_units(means, dict.fromkeys(("validation", "train"), "%" if unit == "points" else unit))
    return Table(
        "Mean over the seeds", head, rows[:MOST_ROWS], frozenset(range(2, len(head))), name="curves", data=data
    )


def _compared_first(inputs: Inputs) -> list[tuple[str, list[RateTest]]]:
    """The tests by configuration: those that the comparisons rest on, then the search's.

    If not all fit, those on whose rate the rules did not agree come first in each.
    """
    groups: dict[str, list[RateTest]] = {}
    for label, test in inputs.rate_tests:
        groups.setdefault(label, []).append(test)
    if len(groups) <= MOST_PANELS:
        return list(groups.items())
    runs = inputs.runs
    compared = set(runs["lr_test"]) if "lr_test" in runs else set()

    def rank(group: tuple[str, list[RateTest]]) -> tuple[bool, bool]:
        tests = group[1]
        return tests[0].key not in compared, all(test.verdict == "determined" for test in tests)

    return sorted(groups.items(), key=rank)


def _rates_table(groups: list[tuple[str, list[RateTest]]]) -> Table:
    rules = list(dict.fromkeys(name for _, tests in groups for test in tests for name in test.rules))
    named = [rule.replace("_", " ") for rule in rules]
    head = ["Configuration", "Tests", "Agreed", "Rate, median", "Lowest", "Highest", *named, "Why not"]
    rows = [
        [
            label,
            str(len(tests)),
            str(sum(test.verdict == "determined" for test in tests)),
            *(rate(of(test.suggestion for test in tests)) for of in (_median, min, max)),
            *(rate(_median(test.rules.get(rule) for test in tests)) for rule in rules),
            next((test.reason for test in tests if test.reason), NONE),
        ]
        for label, tests in groups
    ]
    picks = [
        {"configuration": label, "verdict": test.verdict, "rate": test.suggestion, **test.rules}
        for label, tests in groups
        for test in tests
    ]
    return Table(
        "Rates chosen, and the median that each rule picks", head, rows[:MOST_ROWS],
        frozenset(range(1, 6 + len(rules))), name="rates", data=pd.DataFrame(picks),
    )  # fmt: skip


def _median(rates: Iterable[float | None]) -> float:
    found = [rate for rate in rates if rate is not None]
    return float(np.median(found)) if found else math.nan
