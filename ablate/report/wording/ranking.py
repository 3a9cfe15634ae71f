"""Rank the decided comparisons in words: the largest effect first, with those that may matter as much."""

import math
from collections.abc import Sequence

from ablate.analysis.effects import IDENTICAL, LOST, UNFINISHED
from ablate.report.wording.phrases import (
    MOST_NAMED,
    MOST_TOLD,
    Effect,
    capital,
    effect_name,
    interval,
    moves,
    p_is,
    unit_of,
    variant_name,
    words,
)
from ablate.study.trial import BEST, REFERENCE
from ablate.text import clauses


def ranking_in_words(decided: Sequence[Effect], family: Sequence[Effect]) -> list[str]:
    """The sentences on decided comparisons of a family.

    In this order: the best configuration as a whole, the factor with the largest effect with all its levels, the other
    factors, those of the family that may matter as much, changes from the best configuration.
    """
    ordered = sorted(decided, key=lambda row: abs(row["mean"]), reverse=True)
    forward = _forward(ordered)
    backward = [row for row in ordered if row["against"] not in (REFERENCE, "")]
    lines = [_of_best(row) for row in ordered if row["variant"] == BEST]
    if forward:
        most = forward[0]["factor"]
        first, *rest = (row for row in forward if row["factor"] == most)
        said = [f"{first['level']} {_at_length(first, verb=first['verdict'])}"]
        said += [f"{row['level']} {moves(row, verb=row['verdict'])}" for row in rest]
        rivals = _rivals(first, family)
        lines.append(f"{_opening(first, family, is_most=not rivals)}{'; '.join(said)}.")
        others = [row for row in forward if row["factor"] != most]
        then = clauses([f"{effect_name(row)} {moves(row, verb=row['verdict'])}" for row in others], MOST_NAMED)
        lines += [f"Then: {then}."] if others else []
        told = {row["variant"] for row in others[:MOST_NAMED]}
        unnamed = [row for row in rivals if row["variant"] not in told]
        named = clauses([_with_reason(row) for row in unnamed], MOST_TOLD)
        lines += [f"These may matter as much: {named}."] if unnamed else []
    if backward:
        changes = [
            f"{words(row['factor'])} {row['level']} {moves(row, verb=row['verdict'], unit=unit_of(row))}"
            for row in backward
        ]
        lines.append(f"Starting from {variant_name(backward[0]['against'])}: {clauses(changes, MOST_NAMED)}.")
    return lines


def _opening(first: Effect, family: Sequence[Effect], *, is_most: bool) -> str:
    """ "Normalization matters most: ", if no other factor may have as large an effect."""
    name = words(first["factor"]) or variant_name(first["variant"])
    if not is_most:
        return f"The largest effect shown: {name} "
    alone = all(row["factor"] == first["factor"] for row in _forward(family))
    return f"{capital(name)} {'matters' if alone else 'matters most'}: "


def _rivals(first: Effect, family: Sequence[Effect]) -> list[Effect]:
    """Rows of other factors whose simultaneous interval allows an effect as large as the least that `first` may have.

    Without an interval, too few seeds or lost runs allow any.
    """
    least = min(abs(first["low_adjusted"]), abs(first["high_adjusted"]))
    others = [row for row in _forward(family) if row["factor"] != first["factor"] and row["verdict"] != IDENTICAL]
    return [row for row in others if not _has_interval(row) or _most(row) >= least]


def _most(row: Effect) -> float:
    return float(max(abs(row["low_adjusted"]), abs(row["high_adjusted"])))


def _has_interval(row: Effect) -> bool:
    return row["verdict"] not in (UNFINISHED, LOST) and not math.isnan(row["low_adjusted"])


def _forward(family: Sequence[Effect]) -> list[Effect]:
    """The comparisons of single factors with the reference."""
    return [row for row in family if row["against"] in (REFERENCE, "") and row["variant"] != BEST]


def _with_reason(row: Effect) -> str:
    """The row's name with its interval, or why it has none."""
    if not _has_interval(row):
        return f"{effect_name(row)} ({row['verdict']})"
    return f"{effect_name(row)} {interval(row)}"


def _of_best(row: Effect) -> str:
    verb = "beats the reference" if row["mean"] > 0 else "is worse than the reference"
    return f"{capital(variant_name(BEST))} {_at_length(row, verb=verb)}."


def _at_length(row: Effect, *, verb: str) -> str:
    return f"{moves(row, verb=verb, unit=unit_of(row))}, n = {row['n']}, adjusted {p_is(row['p_adjusted'])}"
