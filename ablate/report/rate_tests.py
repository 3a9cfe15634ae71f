"""Learning-rate tests into a section."""

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

from ablate.report.inputs import Inputs
from ablate.report.numbers import NONE, rate
from ablate.report.page import MOST_ROWS, Section, Table, to_figure
from ablate.report.plots import MOST_PANELS, draw_rate_tests
from ablate.study.trial import RateTest
from ablate.text import number_of


def rate_section(inputs: Inputs) -> Section | None:
    """The range tests of each configuration, one a seed: curves, what the rules read from them, the rates chosen."""
    groups = _compared_first(inputs)
    figure = draw_rate_tests(groups)
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
    """The tests by configuration: those that the comparisons rest on, then the search's."""
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
