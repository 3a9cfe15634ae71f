"""Declare the primary family of a report: the comparisons whose verdicts are claims.

The primary family is all one-factor comparisons of one learning-rate mode. All other modes are exploratory: their
means, intervals and p values stay, their verdicts do not.
"""

from collections.abc import Iterable

import pandas as pd

from ablate.analysis.statistics import Verdict

# The primary family belongs to the first of these modes that was run. Tuned rates may be better, but they are chosen
# once for all seeds, and no interval includes that luck.
MODES = ("find", "tune", "carry", "")
EXPLORATORY: Verdict = "exploratory"
# Verdicts that judge a difference; the others say why there is no judgement.
JUDGED: tuple[Verdict, ...] = (
    "helps", "hurts", "equivalent", "detectable but below margin", "detectable, size undecided", "inconclusive",
    "differs",
)  # fmt: skip


def mode_rank(mode: str) -> tuple[int, str]:
    """Sort key: modes by how fair their learning rates are."""
    return (MODES.index(mode) if mode in MODES else len(MODES), mode)


def primary_mode(modes: Iterable[str]) -> str | None:
    """The mode of the primary family; None without a mode."""
    return min(modes, key=mode_rank, default=None)


def only_primary(effects: pd.DataFrame) -> pd.DataFrame:
    """The effects, with the judgements of all modes but the primary one replaced by "exploratory"."""
    is_primary = effects["mode"] == primary_mode(effects["mode"].unique())
    return effects.assign(verdict=effects["verdict"].where(is_primary, without_judgements(effects)["verdict"]))


def without_judgements(effects: pd.DataFrame) -> pd.DataFrame:
    """The effects, with every judgement replaced by "exploratory"; the reasons for no judgement stay."""
    return effects.assign(verdict=effects["verdict"].mask(effects["verdict"].isin(JUDGED), EXPLORATORY))
