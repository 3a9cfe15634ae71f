"""A random search into what a smaller one would have found: the expected best score over the number of trials."""

import pandas as pd

from ablate import analysis
from ablate.effects import Metric
from ablate.plots import draw_expected, to_svg
from ablate.report.inputs import Inputs
from ablate.report.numbers import count, mean_label, number, score_decimals, shown_mean
from ablate.report.page import Block, Figure, Table

TITLE = "What a shorter search would have found"
READING = (
    "The mean of the best over all subsets of the trials (Tang et al. 2020), for which trials must be drawn at random; "
    "the first one is the study's baseline and is left out. Pruned trials count with the score at which they were "
    "stopped, those that diverged or failed with the worst score of all. Near the right end few subsets are left."
)


def expected_blocks(inputs: Inputs, metric: Metric, *, label: str) -> list[Block]:
    """A figure and its table; nothing where the search was not random, or nobody knows."""
    if inputs.facts.get("sampler") != "random":
        return []
    expected = analysis.expected_search(inputs.results)
    if expected.empty:
        return []
    decimals = score_decimals(expected.iloc[:, 1].tolist(), metric, points=1, others=3)
    sentence = _in_words(expected, metric, decimals)
    figure = draw_expected(expected.assign(value=expected["expected"] * metric.scale), label=label)
    svg = to_svg(figure, name="expected", title=TITLE, description=sentence)
    rows = [(count(n), shown_mean(best, metric, decimals)) for n, best in expected.itertuples(index=False)]
    head = ("Trials", f"Expected best, {mean_label(metric)[:1].lower()}{mean_label(metric)[1:]}")
    caption = "Expected best of a random search of so many trials"
    table = Table(caption, head, rows, frozenset((0, 1)), name="expected", data=expected)
    return [Figure("expected", TITLE, sentence, svg, table, READING)]


def _in_words(expected: pd.DataFrame, metric: Metric, decimals: int) -> str:
    """One trial, all, and what those after the first half or so brought."""
    trials, best = expected["trials"].tolist(), expected["expected"].tolist()
    n = trials[-1]
    fewer = max(at for at, step in enumerate(trials) if at == 0 or 2 * step <= n)
    one, whole = (shown_mean(value, metric, decimals) for value in (best[0], best[-1]))
    unit = "\N{NO-BREAK SPACE}%" if metric.unit == "points" else f" {metric.unit}".rstrip()
    gain = f"{number((best[-1] - best[fewer]) * metric.scale, decimals, is_signed=True)} {metric.unit}".rstrip()
    after = f"the first {trials[fewer]:,}" if fewer else "the first"
    return (
        f"One trial drawn at random has an expected {metric.label} of {one}{unit}, "
        f"the best of all {n:,} trials {whole}{unit}; those after {after} brought {gain}."
    )
