"""The section on the search: its history, the importance of the factors, and its best trials."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ablate.analysis.effects import Metric
from ablate.analysis.importance.search import importances
from ablate.analysis.imports import end_words
from ablate.analysis.search_history import best_of_search, expected_search, search_history
from ablate.report.front import front_blocks
from ablate.report.inputs import Inputs
from ablate.report.numbers import NONE, count, mean_label, number, p_value, rate, score_decimals, shown_mean
from ablate.report.page import MOST_ROWS, Block, Paragraph, Section, Table, to_figure
from ablate.report.plots import MOST_POINTS, draw_expected, draw_history, draw_importances
from ablate.storage.provenance import Provenance
from ablate.study.trial import RATE_SETTING, SCORED
from ablate.text import clauses, listed, number_of

BOOTSTRAP_SEED = 0  # fixed, so that a rebuilt report has the same numbers
BEST = 5
MOST_MIXED = 3  # sentences on factors that cannot be separated
TITLE = "What a shorter search would have found"
READING = (
    "Mean of the best score over all subsets of the trials (Tang et al. 2020). The trials must be drawn at random, so "
    "the first trial, the study's baseline, is left out. Pruned trials count with the score at which they stopped, "
    "diverged and failed trials with the worst score of all. Near the right end only few subsets remain."
)

NOT_ABOVE = "not above noise"
IMPORTANCES = (
    "Dashed marks: what a factor must exceed to rise above noise, i.e. above the shares with shuffled scores, with a "
    "probability of error of 5 % for all factors and both evaluators together. Filled bars rise above noise; hollow "
    "bars do not, and their order means nothing. Lines: 80 % of the bootstrap resamples of the trials; where they "
    "overlap, the order of the factors is not known."
)


def search_section(inputs: Inputs) -> Section | None:
    """History, the expected result of a shorter random search, importances, and the best few trials."""
    results, metric = inputs.results, inputs.score_metric
    history = search_history(results.assign(state=end_words(results)) if inputs.is_imported else results)
    if history.empty:
        blocks = _importances(inputs, "Which factors matter in the whole factorial")
        return Section("search", "Importance of the factors", blocks) if blocks else None
    shown = history.assign(value=history["score"] * metric.scale, best=history["best"] * metric.scale)
    has_front = inputs.facts.front is not None
    title, where = ("All runs", "among all runs") if inputs.is_imported else ("Search", "in the search")
    blocks = [
        *front_blocks(inputs),
        *_history(shown, metric, noun="run" if inputs.is_imported else "trial", has_front=has_front),
        *expected_blocks(inputs, metric, label=_score_label(metric)),
        *_importances(inputs, f"Which factors mattered {f'for {metric.label}' if has_front else where}"),
        *_best(inputs, metric),
    ]
    return Section("search", title, blocks)


def search_so_far(inputs: Inputs) -> Section | None:
    """The history and the best trials of a search that may still run; what its factors matter is judged at its end."""
    history, metric = search_history(inputs.results), inputs.score_metric
    if history.empty:
        return None
    shown = history.assign(value=history["score"] * metric.scale, best=history["best"] * metric.scale)
    has_front = inputs.facts.front is not None
    blocks = [*_history(shown, metric, noun="trial", has_front=has_front), *_best(inputs, metric)]
    return Section("search", "Search", blocks)


def factors_above_noise(table: pd.DataFrame) -> str:
    """A sentence on the factors that rise above noise, the most important first; `table` is that of `importances`."""
    where = _counted(table.iloc[0])
    by = {name: rows["factor"].tolist() for name, rows in table[table["is_above"]].groupby("evaluator")}
    best, varied = by.get("ped-anova", []), by.get("fanova", [])
    others = [name for name in dict.fromkeys([*best, *varied]) if name not in best[:1]]
    if not best and not varied:
        return f"No factor rises above noise in {where} (exploratory)."
    if not best:
        return (
            f"In {where} no factor separates the best trials from the rest more than noise would; {listed(varied)} "
            f"{'explains' if len(varied) == 1 else 'explain'} more of the score than noise would (exploratory)."
        )
    more = f" {listed(others)} also {'rises' if len(others) == 1 else 'rise'} above noise." if others else ""
    last = "" if more or len(set(table["factor"])) == 1 else " No other factor rises above noise."
    return f"In {where} {best[0]} best separates the best trials from the rest (exploratory).{more}{last}"


def _history(shown: pd.DataFrame, metric: Metric, *, noun: str, has_front: bool) -> list[Block]:
    label, is_loss = _score_label(metric), metric.direction == "minimize"
    figure = draw_history(shown, label=label, is_negated=is_loss)
    if figure is None:
        return []
    best = shown["trial"][int(shown["best"].argmax())] if shown["best"].notna().any() else NONE
    said = "the best score is that of" if has_front else "the best is"
    lost = int((~shown["state"].isin(SCORED)).sum())
    pruned = int((shown["state"] == "pruned").sum())
    sentence = (
        f"{number_of(len(shown), noun)}; {said} {best}. Pruned early: {pruned}; not finished: {lost}. The "
        f"stepped line is the best score so far; {noun}s without a score, or far below the rest, lie on the lower edge."
    )
    if len(shown) > MOST_POINTS:
        sentence += f" The figure shows about {MOST_POINTS:,} {noun}s, evenly spaced, and every {noun} that set a best."
    title, every = ("Search history", "Every search trial") if noun == "trial" else ("Runs in their order", "Every run")
    decimals = _decimals(shown["score"], metric)
    head = (noun.capitalize(), "State", mean_label(metric), "Best so far")
    sign = -1 if is_loss else 1
    shown = shown.assign(value=sign * shown["value"], best=sign * shown["best"])
    rows = [
        (str(row["trial"]), str(row["state"]), number(row["value"], decimals), number(row["best"], decimals))
        for row in shown.head(MOST_ROWS).to_dict("records")
    ]
    data = shown.drop(columns=["score"]).rename(columns={"value": head[2], "best": f"best so far, {head[2]}"})
    table = Table(every, head, rows, frozenset((2, 3)), name="history", data=data)
    return [to_figure(figure, "history", title, sentence, table)]


def _score_label(metric: Metric) -> str:
    """The axis label of the scores: up is better, which is said of a loss."""
    return f"{mean_label(metric)}; up is better" if metric.direction == "minimize" else mean_label(metric)


def importance_table(inputs: Inputs) -> pd.DataFrame:
    """The importances of the factors, as `importances` returns them."""
    return importances(inputs.results, seed=BOOTSTRAP_SEED)


def _importances(inputs: Inputs, title: str) -> list[Block]:
    table = importance_table(inputs)
    if table.empty:
        return []
    forest = table[table["evaluator"] == "fanova"]
    is_informed = not (forest["r2"] <= 0).any()
    unexplained = {"fanova": max(0.0, 1 - float(forest["importance"].sum()))} if is_informed else {}
    figure = draw_importances(table if is_informed else table.drop(forest.index), unexplained)
    if figure is None:
        return []
    said = f"{_forest_said(forest, unexplained)}{_lost(int(table['n_worst'].iloc[0]))}{_not_separate(inputs.facts)}"
    sentence = f"{factors_above_noise(table)} {said}"
    head = ("Evaluator", "Factor", "Rank", "Share, %", "10 %", "90 %", "Noise, %", "p")
    ranks = table.groupby("evaluator").cumcount() + 1
    rows = [
        (
            str(row["evaluator"]),
            str(row["factor"]),
            str(rank) if row["is_above"] else NOT_ABOVE,
            *(number(row[name] * 100, 0) for name in ("importance", "low", "high", "noise")),
            p_value(row["p"]),
        )
        for rank, row in zip(ranks, table.to_dict("records"), strict=True)
    ] + [(name, "interactions", NONE, number(share * 100, 0), *[NONE] * 4) for name, share in unexplained.items()]
    shares = Table("Share of each factor", head, rows, frozenset(range(3, 8)), name="importances", data=table)
    return [to_figure(figure, "importances", title, sentence, shares, IMPORTANCES)]


def _forest_said(forest: pd.DataFrame, unexplained: Mapping[str, float]) -> str:
    r2 = float(forest["r2"].iloc[0])
    said = f"R² = {number(r2, 2)}"
    if not unexplained:
        return f"The forest of fANOVA explains nothing out of bag ({said}), so its shares are not shown."
    return (
        f"Of what the forest of fANOVA explains, {100 * unexplained['fanova']:.0f} % are interactions; out of bag it "
        f"explains {said} of the variance."
    )


def _not_separate(facts: Provenance) -> str:
    """A caution if factors of an imported table are aliased, or other columns differ between its runs."""
    differing = [reason.rpartition(": ")[0] for reason in (*(facts.confounded or []), *(facts.ignored or []))]
    parts = [*(facts.aliased or []), *differing]
    return f" Shares cannot separate what the table mixes: {clauses(parts, MOST_MIXED)}." if parts else ""


def _counted(row: "pd.Series[Any]") -> str:
    """The trials behind the importances: "1,000 randomly drawn trials of 62,208"."""
    n, n_all = int(row["n_trials"]), int(row["n_all"])
    return f"{n:,} randomly drawn trials of {n_all:,}" if n < n_all else f"these {n:,} trials"


def _lost(n: int) -> str:
    if not n:
        return ""
    return f" {n:,} {'trials' if n > 1 else 'trial'} did not finish and {'get' if n > 1 else 'gets'} the worst score."


def _decimals(scores: "pd.Series[float]", metric: Metric) -> int:
    return score_decimals(scores.tolist(), metric, points=1, others=3)


def _best(inputs: Inputs, metric: Metric) -> list[Block]:
    best = best_of_search(inputs.results, k=BEST)
    if best.empty:
        return []
    factors = [
        name for name in best.columns if name not in ("trial", "score", "optimism", "learning_rate", RATE_SETTING)
    ]
    decimals = _decimals(best["score"], metric)
    rows = [
        [str(row["trial"]), shown_mean(row["score"], metric, decimals),
         number(row["optimism"] * metric.scale, decimals), rate(row["learning_rate"]),
         *(str(row[name]) for name in factors)]
        for row in best.to_dict("records")
    ]  # fmt: skip
    noun = "run" if inputs.is_imported else "trial"
    head = [noun.capitalize(), mean_label(metric), "Expected optimism", "Rate", *factors]
    said = (
        f"The best of many {noun}s is partly lucky: expect a worse score if you run it again. “Expected optimism” is "
        f"the gain that luck alone would give a {noun} of this rank if all {noun}s were equally good"
    )
    known = any(math.isfinite(value) for value in best["optimism"])
    said += "." if known else "; it is not known here, because it needs at least three seeds of the reference."
    caption = f"The best {number_of(len(rows), noun)} of the {'table' if inputs.is_imported else 'search'}"
    return [Paragraph(said), Table(caption, head, rows, frozenset((1, 2, 3)), name="best", data=best)]


def expected_blocks(inputs: Inputs, metric: Metric, *, label: str) -> list[Block]:
    """A figure and its table; empty unless the search is known to be random."""
    if inputs.facts.sampler != "random":
        return []
    expected = expected_search(inputs.results)
    if expected.empty:
        return []
    decimals = score_decimals(expected.iloc[:, 1].tolist(), metric, points=1, others=3)
    sentence = _in_words(expected, metric, decimals)
    values, is_loss = expected["expected"] * metric.scale, metric.direction == "minimize"
    figure = draw_expected(expected.assign(value=values), label=label, is_negated=is_loss)
    rows = [(count(n), shown_mean(best, metric, decimals)) for n, best in expected.itertuples(index=False)]
    head = ("Trials", f"Expected best, {mean_label(metric)[:1].lower()}{mean_label(metric)[1:]}")
    caption = "Expected best score of a random search, by number of trials"
    table = Table(caption, head, rows, frozenset((0, 1)), name="expected", data=expected)
    return [to_figure(figure, "expected", TITLE, sentence, table, READING)]


def _in_words(expected: pd.DataFrame, metric: Metric, decimals: int) -> str:
    trials, best = expected["trials"].tolist(), expected["expected"].tolist()
    n = trials[-1]
    fewer = max(at for at, step in enumerate(trials) if at == 0 or 2 * step <= n)
    one, whole = (shown_mean(value, metric, decimals) for value in (best[0], best[-1]))
    unit = "\N{NO-BREAK SPACE}%" if metric.unit == "points" else f" {metric.unit}".rstrip()
    gain = f"{number((best[-1] - best[fewer]) * metric.scale, decimals, is_signed=True)} {metric.unit}".rstrip()
    after = f"the first {trials[fewer]:,}" if fewer else "the first"
    return (
        f"A single random trial has an expected {metric.label} of {one}{unit}, the best of all {n:,} trials "
        f"{whole}{unit}; the trials after {after} added {gain}."
    )
