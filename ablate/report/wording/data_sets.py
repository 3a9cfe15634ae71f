"""Write the answer of comparisons on several data sets: what holds on each, and what holds for data sets like these."""

from collections.abc import Sequence

import pandas as pd

from ablate.analysis.effects import DIFFERS, IDENTICAL, LOST, MIN_DATA_SETS, UNFINISHED, DataSetEffects
from ablate.analysis.statistics import DIFFERENT, MIN_SEEDS
from ablate.report.wording.lost_runs import failing_in_words, lost_in_words
from ablate.report.wording.phrases import (
    MOST_NAMED,
    MOST_TOLD,
    Effect,
    as_rows,
    capital,
    effect_name,
    interval,
    margin_of,
    moves,
    number,
    p_is,
    shown,
    signed,
    unbroken,
    unit_of,
)
from ablate.report.wording.preregistered import percent
from ablate.storage.preregistration import ALPHA
from ablate.study.trial import DATA_SET
from ablate.text import clauses, listed, number_of, printable

MOST_DATA_SETS = 6  # named one by one in a sentence
UNCOMPARED = (IDENTICAL, UNFINISHED, LOST)


def data_sets_headline(
    found: DataSetEffects,
    mode: str,
    *,
    level: float = ALPHA,
    lower_is_better: str = "",
    way_out: str = "",
    left_out: Sequence[str] = (),
) -> list[str]:
    """The answer in sentences, most important first, of the comparisons of one learning-rate mode.

    With a primary family of pooled effects the sentences are about data sets like these, else about these data sets.
    """
    on_each, pooled = found.of_mode(mode)
    family = as_rows(pooled)
    told = [row for row in family if row["verdict"] not in UNCOMPARED]
    lines = (
        _pooled(told, on_each) if found.is_pooled_primary else _on_each(told, on_each, level=level, k=len(found.names))
    )
    lines += [*failing_in_words(family), *lost_in_words(family, way_out=way_out), *_nothing(family)]
    if told:
        lines += [_scope(found, n_comparisons=len(pooled), n_each=len(on_each), level=level)]
        lines += [_gains(found, lower_is_better)] * bool(lower_is_better)
    return [unbroken(line) for line in [*lines, *left_out]]


def _pooled(told: Sequence[Effect], on_each: pd.DataFrame) -> list[str]:
    """The sentences on the pooled effects: decided ones, those that differ, then the others."""
    decided = sorted((row for row in told if row["verdict"] in DIFFERENT), key=lambda row: -abs(row["mean"]))
    lines = [f"{capital(effect_name(row))} {_over_all(row, on_each)}." for row in decided[:MOST_NAMED]]
    rest = [effect_name(row) for row in decided[MOST_NAMED:]]
    lines += [f"Also decided: {clauses(rest, MOST_NAMED)}."] if rest else []
    differing = [row for row in told if row["verdict"] == DIFFERS]
    lines += [f"{capital(effect_name(row))} {_differs(row, on_each)}." for row in differing[:MOST_TOLD]]
    rest = [effect_name(row) for row in differing[MOST_TOLD:]]
    lines += [f"Differ between data sets as well: {clauses(rest, MOST_NAMED)}."] if rest else []
    if not decided:
        lines.insert(0, "No variant is shown to help or hurt on data sets like these.")
    for verdict, opening in (
        ("equivalent", f"Equivalent within {margin_of(told[0])} on data sets like these: " if told else ""),
        ("detectable but below margin", "Detectable, but within the margin: "),
        ("detectable, size undecided", "Detectable, size undecided: "),
        ("inconclusive", "Undecided: "),
        ("exploratory", f"Run on fewer than {MIN_DATA_SETS} data sets, so not judged: "),
    ):
        rows = [_with_interval(row) for row in told if row["verdict"] == verdict]
        lines += [f"{opening}{clauses(rows, MOST_TOLD)}."] if rows else []
    return lines


def _over_all(row: Effect, on_each: pd.DataFrame) -> str:
    """ "helps on average over 6 data sets by 2.1 points [0.9, 3.3], adjusted p = .01; better on 6 of 6"."""
    what = moves(row, verb=f"{row['verdict']} on average over {row['n']} data sets", unit=unit_of(row))
    better = row["data_sets_better"] if row["mean"] > 0 else row["n"] - row["data_sets_better"]
    word = "better" if row["mean"] > 0 else "worse"
    said = f"{what}, adjusted {p_is(row['p_adjusted'])}; {word} on {better} of {row['n']}"
    said += f", on a new data set between {_ends(row, 'predicted')} expected"
    if row["p_heterogeneity_holm"] <= ALPHA:
        said += f"; its size differs between data sets ({_extremes(row, on_each)})"
    return said


def _differs(row: Effect, on_each: pd.DataFrame) -> str:
    return (
        f"differs between data sets ({_extremes(row, on_each)}; heterogeneity {p_is(row['p_heterogeneity_holm'])}), so "
        f"no common effect is claimed: {signed(row)}{unit_of(row)} {interval(row)} on average, between "
        f"{_ends(row, 'predicted')} on a new one"
    )


def _extremes(row: Effect, on_each: pd.DataFrame) -> str:
    """ "+5.1 on cifar10 to −0.3 on mnist"."""
    own = _rows_of(row, on_each)
    own = sorted((one for one in own if one["mean"] == one["mean"]), key=lambda one: -one["mean"])
    first, last = own[0], own[-1]
    ends = [f"{signed(row | {'mean': one['mean']})} on {printable(str(one[DATA_SET]))}" for one in (first, last)]
    return " to ".join(ends)


def _on_each(told: Sequence[Effect], on_each: pd.DataFrame, *, level: float, k: int) -> list[str]:
    """A sentence for each variant with a verdict on some data set; then the variants without any."""
    rows = {row["variant"]: _rows_of(row, on_each) for row in told}
    decided = [row for row in told if any(one["verdict"] in DIFFERENT for one in rows[row["variant"]])]
    lines = [f"{capital(effect_name(row))} {_by_verdict(rows[row['variant']], k)}{_spread(row, level)}."
             for row in decided[:MOST_NAMED]]  # fmt: skip
    rest = [effect_name(row) for row in decided[MOST_NAMED:]]
    lines += [f"Decided on some data set as well: {clauses(rest, MOST_NAMED)}."] if rest else []
    others = [row for row in told if row not in decided]
    if others and not decided:
        lines.append("No variant is shown to help or hurt on any of the data sets.")
    lines += [f"{capital(effect_name(row))} {_by_verdict(rows[row['variant']], k)}{_spread(row, level)}."
              for row in others[:MOST_TOLD]]  # fmt: skip
    rest = [effect_name(row) for row in others[MOST_TOLD:]]
    return [
        *lines,
        *([f"Neither helps nor hurts for sure on any data set: {clauses(rest, MOST_NAMED)}."] if rest else []),
    ]


def _by_verdict(rows: Sequence[Effect], k: int) -> str:
    """ "helps on mnist by 1.2 points [0.6, 1.8], hurts on cifar10 by …; undecided on svhn (+0.1 [−0.4, 0.6])"."""
    parts = []
    for verdict in DIFFERENT:
        own = [row for row in rows if row["verdict"] == verdict]
        each = [moves(row, verb=_place(row), unit=unit_of(row)) for row in own[:MOST_DATA_SETS]]
        of_all = "both" if len(rows) == 2 else f"all {len(rows)}"
        has_it = "" if len(rows) == k else f" that have it, of all {k}"
        every = f" {of_all} data sets{has_it}:" if len(own) == len(rows) > 1 else ""
        parts += [f"{verdict} on{every} {clauses(each, MOST_DATA_SETS)}"] if own else []
    for verdict, words in (
        ("equivalent", "is equivalent on"), ("detectable but below margin", "is below the margin on"),
        ("detectable, size undecided", "is detectable, its size undecided, on"), ("inconclusive", "is undecided on"),
        ("too few seeds", "has too few seeds for a verdict on"), (IDENTICAL, "has identical runs on"),
        (UNFINISHED, "has no finished run on"), (LOST, "lost runs on"),
    ):  # fmt: skip
        own = [row for row in rows if row["verdict"] == verdict]
        parts += [f"{words} {clauses([_placed(row) for row in own], MOST_DATA_SETS)}"] if own else []
    return ", ".join(parts)


def _spread(row: Effect, level: float) -> str:
    if not row["p_heterogeneity_holm"] <= level:
        return ""
    return f"; the effect differs between data sets (heterogeneity {p_is(row['p_heterogeneity_holm'])})"


def _place(row: Effect) -> str:
    return printable(str(row[DATA_SET]))


def _placed(row: Effect) -> str:
    if row["verdict"] in UNCOMPARED or row["mean"] != row["mean"]:
        return _place(row)
    held = f" {interval(row)}" if row["n"] >= MIN_SEEDS else f", n = {row['n']}"
    return f"{_place(row)} ({signed(row)}{held})"


def _nothing(family: Sequence[Effect]) -> list[str]:
    lines = []
    for verdict, words in ((IDENTICAL, "Identical runs, so nothing was compared"), (UNFINISHED, "No run finished")):
        rows = [effect_name(row) for row in family if row["verdict"] == verdict]
        lines += [f"{words}: {clauses(rows, MOST_NAMED)}."] if rows else []
    return lines


def _scope(found: DataSetEffects, *, n_comparisons: int, n_each: int, level: float) -> str:
    """What population the claims are about, and over which family they hold."""
    k, names = len(found.names), listed([printable(name) for name in found.names[:MOST_DATA_SETS]])
    named = f" ({names}{', …' if k > MOST_DATA_SETS else ''})"
    if found.is_pooled_primary:
        on = number_of_data_sets(found.pooled, k)
        return (
            f"These are claims about data sets like these {k}{named}, so they rest on {on}, however many "
            f"seeds each has. Intervals hold for {_all(n_comparisons)} ({percent(1 - level)}), p is adjusted (Holm)."
        )
    why = (
        "have no common scale" if found.scale == "none"
        else f"are too few for a claim about others ({MIN_DATA_SETS} are needed)"
    )  # fmt: skip
    return (
        f"These verdicts hold on these {k} data sets{named}, which {why}; effects over all of them are exploratory. "
        f"Intervals hold for {_all(n_each)} on all data sets ({percent(1 - level)}), p is adjusted as well."
    )


def number_of_data_sets(pooled: pd.DataFrame, k: int) -> str:
    """ "6 data sets"; "5 or 6 data sets", "3 to 6 data sets" if some comparison lacks runs on some of all `k`."""
    compared = pooled.loc[~pooled["verdict"].isin(UNCOMPARED), "n"]
    least, most = (int(compared.min()), int(compared.max())) if len(compared) else (k, k)
    joined = "or" if most - least == 1 else "to"
    return f"{least} {joined} {number_of(most, 'data set')}" if least < most else number_of(most, "data set")


def _all(n: int) -> str:
    return f"all {number_of(n, 'comparison')} at once" if n > 1 else "the comparison"


def _gains(found: DataSetEffects, lower_is_better: str) -> str:
    ratio = " Differences are 100 times the logarithm of the ratio of two scores." if found.scale == "ratio" else ""
    return f"Differences are gains: + is a lower {lower_is_better} than the reference's.{ratio}"


def _with_interval(row: Effect) -> str:
    held = f" {interval(row)}" if row["low_adjusted"] == row["low_adjusted"] else ""
    return f"{effect_name(row)} ({signed(row)}{unit_of(row)}{held})"


def _ends(row: Effect, name: str) -> str:
    low, high = (shown(row, row[f"{name}_{end}"]) for end in ("low", "high"))
    return f"{low} and {high}"


def _rows_of(row: Effect, on_each: pd.DataFrame) -> list[Effect]:
    return as_rows(on_each[(on_each["variant"] == row["variant"]) & (on_each["mode"] == row["mode"])])


def share_text(value: float) -> str:
    """ "63 %": a share as the tables show it; a dash if unknown."""
    return f"{number(100 * value, 0)} %" if value == value else "–"
