"""The section on learning rates: range tests, chosen rates and schedules."""

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

from ablate.report.inputs import Inputs
from ablate.report.numbers import NONE, number, rate
from ablate.report.page import MOST_ROWS, Block, Section, Table, to_figure
from ablate.report.plots import MOST_PANELS, draw_rate_tests
from ablate.report.plots.schedules import MOST_SCHEDULES, draw_schedules
from ablate.report.training import named_runs, run_epochs
from ablate.study.rate import RECIPE
from ablate.study.trial import RateTest
from ablate.text import number_of

FACTOR = "schedule"
SENTENCE = (
    "The learning rate at the end of each epoch, as a share of the peak rate of the trial's schedule; the reference is "
    "grey. "
)
READING = (
    "Mean over the seeds; the band spans the lowest to the highest seed, which differ if the schedule depends on the "
    "validation loss. A line ends at the last epoch of the longest run."
)


def rate_section(inputs: Inputs) -> Section | None:
    """Range tests of each configuration, one per seed: curves, the rates that the rules suggest, the chosen rates."""
    groups = _compared_first(inputs)
    figure = draw_rate_tests(groups, unit=inputs.measure("train_loss").unit)
    if figure is None:
        return None
    tests = [test for _, some in groups for test in some]
    unsure = sum(test.verdict == "undetermined" for test in tests)
    rest = f" The figure shows the first {MOST_PANELS}; the table has all." if len(groups) > MOST_PANELS else ""
    of = f"{number_of(len(tests), 'test')} of {number_of(len(groups), 'configuration')}"
    said = f"{len(tests) - unsure} of {of} determined a rate"
    said += f"; for {unsure} the rate is a guess (dashed line), and the table says why." if unsure else "."
    sentence = (
        f"{said} Each seed runs its own test, so the intervals include the luck of the test. The rate grows along each "
        "curve; a vertical line marks a suggested rate: half the rate at the knee, where the loss reaches the bottom "
        "of its first basin. 1cycle rises to the rate at the bottom (minimum). The first seed is blue and shows the "
        f"marks of all rules.{rest}"
    )
    title = "Loss against learning rate"
    described = f"{said} One panel per configuration."
    shown = to_figure(figure, "rates", title, sentence, _rates_table(groups), described=described)
    figure_block = shown
    return Section("rate-tests", "Learning-rate range tests", [figure_block])


def _compared_first(inputs: Inputs) -> list[tuple[str, list[RateTest]]]:
    """The tests by configuration; those behind the comparisons come before those of the search."""
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
    head = ["Configuration", "Tests", "Determined", "Rate, median", "Lowest", "Highest", *named, "Why undetermined"]
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
        "Chosen rates, and the median rate of each rule", head, rows[:MOST_ROWS],
        frozenset(range(1, 6 + len(rules))), name="rates", data=pd.DataFrame(picks),
    )  # fmt: skip


def _median(rates: Iterable[float | None]) -> float:
    found = [rate for rate in rates if rate is not None]
    return float(np.median(found)) if found else math.nan


def schedule_blocks(inputs: Inputs) -> list[Block]:
    """A figure and its table; empty if the study compares no schedules."""
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
    """One row per epoch of a schedule: name ("" for the reference), epoch, mean share of the peak rate, low, high."""
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
