"""Write the headline: what matters, what does not, what is undecided, and how many seeds would decide it."""

from collections.abc import Sequence

import pandas as pd

from ablate.analysis.effects import IDENTICAL, LOST, UNFINISHED, mode_rank
from ablate.analysis.statistics import DIFFERENT, MIN_SEEDS, MOST_SEEDS
from ablate.report.wording.lost_runs import ended_in_words, failing_in_words, lost_in_words
from ablate.report.wording.modes import modes_in_words
from ablate.report.wording.phrases import (
    MOST_NAMED,
    MOST_TOLD,
    Effect,
    as_rows,
    effect_name,
    interval,
    level_text,
    margin_of,
    p_is,
    shown,
    signed,
    unbroken,
    unit_of,
)
from ablate.report.wording.preregistered import percent
from ablate.report.wording.ranking import ranking_in_words
from ablate.storage.preregistration import ALPHA
from ablate.study.catalog import ENGINE
from ablate.text import clauses


def headline(
    effects: pd.DataFrame,
    results: pd.DataFrame,
    *,
    title: str,
    lost_count: str = "",
    way_out: str = "",
    changes: pd.DataFrame | None = None,
    level: float = ALPHA,
    left_out: Sequence[str] = (),
    lower_is_better: str = "",
    has_seeds: bool = True,
) -> list[str]:
    """The answer in sentences, most important first; `title` is used if there are no results.

    Runs that did not finish are scored `lost_count`, "" if the score of guessing is unknown; then `way_out` says how
    to state it. How often runs failed is an outcome of its own. `left_out`: sentences on runs that no comparison has.
    `lower_is_better` is the metric in words if its lower scores are the better ones. Runs of some imported tables
    have no seeds (`has_seeds`).

    `effects` is the table of `effects_table`, all of one metric. Intervals are the simultaneous ones, since the
    verdicts rest on them. Comparisons of identical runs are reported separately: they do not show equivalence. If
    several learning-rate modes were run, reports the first by `mode_rank`, and then how many effects differ in the
    others, by `changes`, the table of `mode_changes`. Everything is judged at `level`.
    Long lists are cut: the report's tables have all items. Digits end where the interval does. Uses no-break spaces
    inside numbers with units and intervals.
    """
    if effects.empty:
        return [f"{title}: no ablation results yet."]
    modes = sorted(effects["mode"].unique(), key=mode_rank)
    family: list[Effect] = [row for row in as_rows(effects) if row["mode"] == modes[0]]
    told = [row for row in family if row["verdict"] not in (IDENTICAL, UNFINISHED, LOST)]
    ended = ended_in_words(results, n_modes=len(modes), lost_count=lost_count)
    uncompared = [*failing_in_words(family), *lost_in_words(family, way_out=way_out), *_uncompared(family)]
    if not told:
        return [unbroken(line) for line in (*uncompared, *left_out, *ended)]
    decided = [row for row in told if row["verdict"] in DIFFERENT]
    lines = (
        ranking_in_words(decided, family)
        if decided
        else _undecided(told, family=len(family), level=level, has_seeds=has_seeds)
    )
    lines += [*uncompared, *_by_verdict(told)]
    lines += [] if decided else _detectable(told)
    lines += [] if changes is None else modes_in_words(effects, changes)
    lines += _gains(told, lower_is_better)
    lines += [*left_out, *ended, *_not_flipped(told), *_family(told, family=len(family), level=level)]
    return [unbroken(line) for line in lines]


def _by_verdict(told: Sequence[Effect]) -> list[str]:
    """A sentence for each verdict besides those of effects in a known direction."""
    lines = []
    for verdict, opening, said, most in (
        ("detectable but below margin", f"Detectable, but within {margin_of(told[0])}: ", _with_interval, MOST_TOLD),
        ("detectable, size undecided", "Detectable, size undecided: ", _with_seeds_to_bound, MOST_TOLD),
        ("equivalent", f"Equivalent within {margin_of(told[0])}: ", effect_name, MOST_NAMED),
        ("inconclusive", "Undecided: ", _with_seeds_needed, MOST_TOLD),
        ("too few seeds", f"Too few seeds for a verdict (fewer than {MIN_SEEDS}): ", _with_count, MOST_NAMED),
    ):
        rows = [row for row in told if row["verdict"] == verdict]
        if rows and not (verdict == "too few seeds" and len(rows) == len(told)):
            lines.append(f"{opening}{clauses([said(row) for row in rows], most)}.")
    return lines


def _uncompared(family: Sequence[Effect]) -> list[str]:
    unfinished = [effect_name(row) for row in family if row["verdict"] == UNFINISHED]
    named = f"No run finished on either side, so nothing was compared: {clauses(unfinished, MOST_NAMED)}."
    return _identical([row for row in family if row["verdict"] == IDENTICAL]) + [named] * bool(unfinished)


def _identical(rows: Sequence[Effect]) -> list[str]:
    """One sentence: levels that changed nothing, and what to check if the model should have used them."""
    if not rows:
        return []
    is_models = any(row["factor"] not in ENGINE and row["factor"] != "learning_rate" for row in rows)
    question = " (does the model use it?)" if is_models and len(rows) == 1 else " (does the model use them?)"
    named = clauses([effect_name(row) for row in rows], MOST_NAMED)
    return [f"Identical runs, so nothing was compared: {named}{question if is_models else ''}."]


def _undecided(told: Sequence[Effect], *, family: int, level: float, has_seeds: bool) -> list[str]:
    compared = [row for row in told if row["n"] > 0]
    if not compared:
        return ["No variant has a run to compare with the reference yet."]
    n = max(row["n"] for row in compared)
    largest = max((row for row in compared if row["n"] >= min(n, MIN_SEEDS)), key=lambda row: abs(row["mean"]))
    seen = f"The largest observed difference is {effect_name(largest)}, {signed(largest)}{unit_of(largest)}"
    if not has_seeds:
        return [f"Without seeds the results are descriptive only: tests and verdicts need {MIN_SEEDS} seeds. {seen}."]
    if n < MIN_SEEDS:
        seeds = f"{n} seed is" if n == 1 else f"{n} seeds are"
        needed = f"tests and verdicts need at least {MIN_SEEDS}"
        return [f"{seeds} descriptive only: {needed}. {seen} (n = {largest['n']})."]
    tested = f", adjusted {p_is(largest['p_adjusted'])}" if largest["verdict"] != "too few seeds" else ""
    why = _why_not(largest, family=family, level=level)
    few = any(row["verdict"].startswith("detectable") for row in compared)
    beyond = " by more than the margin" if few else ""
    return [
        f"No variant is shown to help or hurt{beyond}. {seen} {interval(largest)}, n = {largest['n']}{tested}{why}."
    ]


def _why_not(row: Effect, *, family: int, level: float) -> str:
    """Why one of test and interval alone gives no verdict: a verdict needs both, and they may disagree."""
    is_zero_within = row["low_adjusted"] <= 0 <= row["high_adjusted"]
    if row["p_adjusted"] <= level and is_zero_within:
        held = f"simultaneous interval (all {family} comparisons)" if family > 1 else "interval"
        return f"; no verdict, since its {held} includes 0"
    if row["p_adjusted"] > level and (row["low_adjusted"] > 0 or row["high_adjusted"] < 0):
        return f"; no verdict, since p must be at most {level_text(level)}"
    return ""


def _detectable(told: Sequence[Effect]) -> list[str]:
    rows = [row for row in told if row["verdict"] == "inconclusive" and row["mde"] > 0 and not row["diverged"] > 0]
    if not rows:
        return []
    texts = [shown(row, row["mde"]) for row in sorted(rows, key=lambda row: row["mde"])]
    sizes = texts[0] if texts[0] == texts[-1] else f"{texts[0]} to {texts[-1]}"
    found = "comparison" if len(rows) == 1 else "comparisons"
    return [f"The undecided {found} could have detected a difference of {sizes}{unit_of(rows[0])} or more "
            "(80 % power)."]  # fmt: skip


def _gains(told: Sequence[Effect], lower_is_better: str) -> list[str]:
    """What a sign means where lower scores are better."""
    if not lower_is_better or not any(row["n"] > 0 for row in told):
        return []
    return [f"Differences are gains: + is a lower {lower_is_better} than the reference's, − a higher one."]


def _family(told: Sequence[Effect], *, family: int, level: float) -> list[str]:
    """The family over which the intervals hold: all comparisons, and all looks if seeds were added."""
    if not any(row["n"] >= MIN_SEEDS for row in told):
        return []
    adjustment = told[0]["adjustment"]
    held = (
        f"Intervals hold for all {family} comparisons at once ({percent(1 - level)}), and p is adjusted for all of "
        f"them ({adjustment})"
    )
    added = _added(told)
    if family < 2:
        return [f"The undecided comparison got more seeds ({added}); p and interval hold over all looks."] * bool(added)
    looks = f"Undecided comparisons got more seeds ({added} each); p and intervals hold over all looks"
    return [f"{held}. {looks}." if added else f"{held}."]


def _not_flipped(told: Sequence[Effect]) -> list[str]:
    """Why some comparisons rest on other tests than sign flips of pairs."""
    lines = []
    unpaired = [effect_name(row) for row in told if row["test"] == "unpaired"]
    if unpaired:
        named = clauses(unpaired, MOST_NAMED)
        lines.append(f"No shared seeds, so compared unpaired (Welch's interval, permutation test): {named}.")
    if any(row["test"] == "folds" for row in told):
        lines.append(
            "The folds share training examples, so intervals and p use the corrected variance of Nadeau and Bengio."
        )
    return lines


def _added(told: Sequence[Effect]) -> str:
    counts = [row["n"] for row in told if row["look"] > 0]
    if not counts:
        return ""
    return f"{min(counts)} to {max(counts)}" if min(counts) < max(counts) else f"{counts[0]}"


def _with_interval(row: Effect) -> str:
    return f"{effect_name(row)} ({signed(row)} {interval(row)})"


def _with_seeds_needed(row: Effect) -> str:
    is_apart = row["low_adjusted"] * row["high_adjusted"] > 0  # then p is what leaves it undecided
    tested = f", {p_is(row['p_adjusted'])}" if is_apart else ""
    needs = f"; needs {_seeds(row)}" if _is_short(row) else ""
    return f"{effect_name(row)} ({signed(row)} {interval(row)}{tested}{needs})"


def _with_seeds_to_bound(row: Effect) -> str:
    if not _is_short(row):
        return _with_interval(row)
    return f"{effect_name(row)} ({signed(row)} {interval(row)}; its size needs {_seeds(row)})"


def _is_short(row: Effect) -> bool:
    """Whether it is known how many more seeds would do; not for lost runs, overlapping folds and very many seeds."""
    return bool(row["seeds_needed"] > row["n"]) and row["n"] < MOST_SEEDS


def _seeds(row: Effect) -> str:
    needed = row["seeds_needed"]
    return f"more than {MOST_SEEDS:,} seeds" if needed >= MOST_SEEDS else f"about {needed:.0f} seeds"


def _with_count(row: Effect) -> str:
    return f"{effect_name(row)} (n = {row['n']}" + (f", {signed(row)})" if row["n"] else ")")
