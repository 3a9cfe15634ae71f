"""Check that learning rates were found for each variant, with equal effort, and decide no conclusion."""

from collections.abc import Sequence

import pandas as pd

from ablate.analysis.statistics import MIN_SEEDS
from ablate.report import own_trials
from ablate.report.inputs import Inputs
from ablate.report.modes import changed_variants, tested_changes
from ablate.report.numbers import decimals_for, interval, number
from ablate.report.page import NOT_RECORDED, Check
from ablate.report.wording.phrases import MOST_NAMED
from ablate.text import first_of, number_of

TUNED_ONCE = Check(
    "Intervals include the luck of choosing learning rates",
    passed=False,
    why="Rates were tuned once, so all seeds of a variant share one choice. With “find”, each seed gets its own rate.",
)


def rate_checks(inputs: Inputs) -> list[Check]:
    """The checks of the learning-rate modes that were run."""
    modes = [mode for mode in inputs.modes if mode]
    if inputs.own_trial and not modes:
        return [own_trials.rate_check()]
    checks = [_found(inputs, modes)]
    if "tune" in modes:
        checks.append(_tuned(inputs))
    if inputs.modes[:1] == ["tune"]:
        checks.append(TUNED_ONCE)
    return checks + [_modes(inputs)] * (len(modes) > 1)


def _found(inputs: Inputs, modes: list[str]) -> Check:
    is_found, unsure = bool({"find", "tune"} & set(modes)), _on_fallback(inputs)
    why = f"Modes run: {_named(modes) or 'not stated'}."
    if not is_found:
        why += " A rate that suits the reference can hold a variant back."
        why += ' ablation.learning_rate = "tune" tries five for each variant.' if inputs.own_trial else ""
    if unsure:
        why += f" Some learning-rate range tests were undetermined, so some rates are guesses: {_named(unsure)}."
    return Check("Learning rate found for each variant", is_found and not unsure, why)


def _tuned(inputs: Inputs) -> Check:
    """Whether each configuration had the same grid of rates, and its best rate is not at an end of it."""
    name, tune = "Equal tuning budget, best rate inside the grid", inputs.facts.tune
    if tune is None:
        return Check(name, None, NOT_RECORDED)
    if at_edge := tune.at_edge:
        return Check(name, passed=False, why=f"The best rate stayed at an end of the grid for {_named(at_edge)}.")
    why = f"{'Equally many' if tune.points is None else tune.points} rates for each configuration."
    return Check(name, passed=True, why=f"{why} Extended for {_named(tune.extended)}." if tune.extended else why)


def _modes(inputs: Inputs) -> Check:
    """Whether an effect differs between modes, by the paired difference of the two effects.

    Unknown unless each change is tested and its simultaneous interval lies within the margin.
    """
    name, changes = "No conclusion changes with the learning-rate mode", inputs.mode_changes
    tested, changed = tested_changes(changes), changed_variants(changes)
    if changed:
        why = f"The effect differs significantly between modes for {_named(changed)} (exploratory)."
        return Check(name, passed=False, why=why)
    if tested.empty:
        return Check(name, None, f"Fewer than {MIN_SEEDS} seeds are shared by two modes: too few to tell.")
    largest = tested.sort_values("change", key=abs).iloc[-1]
    n, scale = tested["variant"].nunique(), inputs.metric.scale
    decimals = decimals_for(((tested["high"] - tested["low"]) / 2).tolist(), inputs.metric)
    ends = interval(largest["low"] * scale, largest["high"] * scale, decimals)
    size = f"{number(largest['change'] * scale, decimals, is_signed=True)} {ends} {inputs.metric.unit}".rstrip()
    why = f"the largest change is {largest['variant']}, {size} ({number_of(n, 'variant')}, exploratory)."
    untested = changes.loc[changes["p_adjusted"].isna(), "variant"].nunique()
    most, margin = tested[["low", "high"]].abs().to_numpy(dtype=float).max(), inputs.metric.margin
    if most <= margin and not untested:
        within = f"{number(margin * scale, decimals)} {inputs.metric.unit}".rstrip()
        return Check(name, passed=True, why=f"All changes under {_named(inputs.modes)} are within ±{within}; {why}")
    bound = f"{number(most * scale, decimals)} {inputs.metric.unit}".rstrip()
    said = f"No change is shown under {_named(inputs.modes)}, but changes up to {bound} are not excluded"
    few = f" {number_of(untested, 'variant')} had too few shared seeds for a test." if untested else ""
    return Check(name, None, f"{said}; {why}{few}")


def _on_fallback(inputs: Inputs) -> list[str]:
    """Variants and references with undetermined range tests, with the number of affected runs."""
    keys = {test.key for _, test in inputs.rate_tests if test.verdict == "undetermined"}
    runs = inputs.confirmatory()
    of_tests = runs["lr_test"] if "lr_test" in runs else pd.Series("", index=runs.index)
    counted = runs.assign(unsure=of_tests.isin(keys)).groupby("variant", sort=False)["unsure"].agg(["sum", "size"])
    unsure = counted[counted["sum"] > 0]
    return [f"{variant} ({n} of {of} runs)" for variant, n, of in zip(unsure.index, *unsure.T.to_numpy(), strict=True)]


def _named(items: Sequence[str]) -> str:
    return first_of(items, MOST_NAMED)
