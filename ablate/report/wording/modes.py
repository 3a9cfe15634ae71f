"""Say how the effects change with the learning-rate mode."""

import pandas as pd

from ablate.analysis.effects import mode_rank
from ablate.analysis.statistics import MIN_SEEDS
from ablate.report.wording.phrases import Effect, as_rows, effect_name, interval, signed, unit_of
from ablate.text import first_of, number_of

RATES = {"tune": "tuned for each variant", "find": "found for each variant", "carry": "carried over from the reference"}
PLACE = "“Fair learning rates”"
MOST_CHANGES = 3  # changes with their numbers


def modes_in_words(effects: pd.DataFrame, changes: pd.DataFrame) -> list[str]:
    """One sentence: in each further mode, how many effects differ from those of the first, and the first few of them.

    `changes` is the table of `mode_changes`. Only a significant paired difference of two effects counts.
    """
    modes = sorted(effects["mode"].unique(), key=mode_rank)
    rows = {str(row["variant"]): row for row in as_rows(effects) if row["mode"] == modes[0]}
    said = [
        _clause(mode, changes[changes["mode"] == mode], rows) for mode in modes[1:] if (changes["mode"] == mode).any()
    ]
    if not said:
        return []
    place = f": see {PLACE}" if changes["is_changed"].astype(bool).any() else ""
    return [f"These results use learning rates {_rates(modes[0])}; exploratory: {'; '.join(said)}{place}."]


def _clause(mode: str, changes: pd.DataFrame, rows: dict[str, Effect]) -> str:
    """ "with rates … the effect differs for 2 of 9 variants (a 1 by −3.0 points [−4.0, −2.0], b 2 by …)"."""
    opening, tested = f"with rates {_rates(mode)}, ", changes[changes["p_adjusted"].notna()]
    if tested.empty:
        return f"{opening}there are too few shared seeds (fewer than {MIN_SEEDS}) to tell whether an effect differs"
    changed = tested[tested["is_changed"].astype(bool)]
    if changed.empty:
        return f"{opening}no effect is shown to differ ({number_of(len(tested), 'variant')} compared)"
    found = [rows[row["variant"]] | _as_effect(row) for row in as_rows(changed)]
    named = first_of([effect_name(row) for row in found], MOST_CHANGES)
    if len(found) <= MOST_CHANGES:
        named = ", ".join(f"{effect_name(row)} by {signed(row)}{unit_of(row)} {interval(row)}" for row in found)
    count = (
        "the effect differs" if len(tested) == 1 else f"the effect differs for {len(found)} of {len(tested)} variants"
    )
    return f"{opening}{count} ({named})"


def _as_effect(change: Effect) -> Effect:
    return {"mean": change["change"], "low_adjusted": change["low"], "high_adjusted": change["high"]}


def _rates(mode: str) -> str:
    return RATES.get(mode, f'of mode "{mode}"')
