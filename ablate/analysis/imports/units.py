"""Check that a margin and a score of guessing are in the unit of an imported score."""

import math
from typing import TYPE_CHECKING

from ablate.analysis.imports.asked import MINIMIZE, ImportOptions
from ablate.analysis.imports.columns import Roles
from ablate.analysis.imports.mixed_scales import LEAST_PERCENT, PERCENTS, check_split
from ablate.analysis.sources import Runs
from ablate.errors import DataError
from ablate.study.score_words import BOUNDED, words_of
from ablate.text import printable

if TYPE_CHECKING:
    import pandas as pd

MOST_OF_FRACTIONS = 0.1  # a margin of 10 points hides nearly every difference
LEAST_OF_PERCENTS = 0.02  # a margin below 0.02 points is a fraction


def check_margin(runs: Runs, roles: Roles, asked: ImportOptions, scores: "pd.Series[float]") -> None:
    """Reject a margin in points for fractions, and a margin in fractions for percents; a stated unit settles it."""
    margin, known = asked.margin, scores.dropna().abs()
    if not margin or known.empty or asked.unit not in ("", "points"):
        return
    lowest, highest = float(known.min()), float(known.max())
    is_bounded = roles.unit == "points" or bool(set(words_of(roles.score)) & BOUNDED)
    between = f"{printable(roles.score)} is between {lowest:g} and {highest:g}"
    if highest <= 1 and is_bounded and margin >= MOST_OF_FRACTIONS:
        raise DataError(
            f"{runs.place}: --margin {margin:g}: {between}, so this margin is {margin * 100:g} points\n"
            f"  write {margin / 100:g} for {margin:g} points, or add --unit fraction if you mean {margin * 100:g}"
        )
    if highest <= 1 and not is_bounded and margin >= max(MOST_OF_FRACTIONS, highest - lowest):
        raise DataError(
            f"{runs.place}: --margin {margin:g}: {between}, so this margin hides every difference\n"
            "  write it in the unit of the column, or name the unit with --unit if you mean it"
        )
    if highest > 1 and is_bounded and margin < LEAST_OF_PERCENTS:
        raise DataError(
            f"{runs.place}: --margin {margin:g}: {between}, in percents\n"
            f"  write {margin * 100:g} for {margin * 100:g} points, or add --unit % if you mean {margin:g} points"
        )


def check_mixed(runs: Runs, roles: Roles, asked: ImportOptions, scores: "pd.Series[float]") -> None:
    """Reject scores of any name that mix fractions and percents; a stated unit settles it.

    The sign is that of mixing: no score is between 1 and 10, and times 100 the small ones are among the large ones.
    No unit settles it where another column decides the scale.
    """
    if asked.unit in PERCENTS:
        check_split(runs, roles.score, scores)
    known = scores.dropna().abs()
    small, large = known[(known > 0) & (known <= 1)], known[known > LEAST_PERCENT]
    is_parted = len(small) + len(large) + int((known == 0).sum()) == len(known) and bool((known <= 100).all())
    if asked.unit or small.empty or large.empty or not is_parted:
        return
    if bool((small * 100).between(large.min(), large.max()).any()):
        raise DataError(
            f'{runs.place}: "{printable(roles.score)}" seems to mix fractions and percents: {small.iloc[0]:g} and '
            f"{large.iloc[0]:g}\n  write all values in one way, or name their unit with --unit"
        )


def to_chance(runs: Runs, roles: Roles, asked: ImportOptions, scores: "pd.Series[float]") -> float | None:
    """The score of guessing, higher is better; `scores` are those of finished runs, higher is better.

    Raises `DataError` if it seems to have another unit or another sign than the score.
    """
    if asked.chance is None:
        return None
    sign = -1 if roles.direction == MINIMIZE else 1
    chance, best = sign * asked.chance, float(scores.max())
    if not math.isnan(best) and chance > best:
        raise DataError(
            f"{runs.place}: --chance {asked.chance:g}: guessing would be better than every finished run "
            f"(the best {printable(roles.score)} is {sign * best:g})\n"
            "  write it in the unit of the column and with its sign"
        )
    if roles.unit == "points" and asked.unit == "" and 0 < asked.chance <= 1 < scores.max():
        raise DataError(
            f"{runs.place}: --chance {asked.chance:g}: {printable(roles.score)} is in percents\n"
            f"  write {asked.chance * 100:g}, or add --unit % if you mean {asked.chance:g} percent"
        )
    return chance
