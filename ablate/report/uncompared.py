"""A table in which nothing is compared one factor at a time into sentences: why, the best run, and what there is."""

from collections.abc import Sequence

from ablate import analysis
from ablate.report.inputs import Inputs
from ablate.report.numbers import in_unit, score_decimals, shown_mean
from ablate.report.page import Section
from ablate.results import RATE_SETTING

ALWAYS = ("trust", "methods", "origin")  # sections that every page has
OF_DESIGNS = ("interactions", "directions", "paths")
MOST_FACTORS = 8  # of the best run in a sentence


def uncompared(inputs: Inputs, sections: Sequence[Section]) -> list[str]:
    """The answer of a page of these sections, where there is no effect to tell."""
    others = [section for section in sections if section.name not in ALWAYS]
    shows = f"The page shows {_and([f'“{section.title}”' for section in others])}." if others else ""
    return [line for line in (_why(inputs, others), _best(inputs), shows) if line]


def _why(inputs: Inputs, sections: Sequence[Section]) -> str:
    if any(section.name in OF_DESIGNS for section in sections):
        return "Nothing is compared one factor at a time here; what the other designs tell stands below."
    if not inputs.is_foreign:
        return f"{inputs.title}: no ablation results yet."
    if alone := inputs.facts.get("alone"):
        factors = ",".join(name for name in inputs.facts.get("factors") or [] if name not in alone)
        return (
            f"Nothing is compared: most configurations have a value of their own in {_and(alone)}. "
            f"Leave it out where it is no factor: --factors {factors}."
        )
    together = inputs.facts.get("together")
    if together and not inputs.facts.get("reference_asked"):
        both = _and(together[0])
        return f"Nothing is compared: {both} always change together. --factors with one of them compares both at once."
    drawn = inputs.facts.get("drawn") or []
    others = f", setting aside {_and(drawn)}, of which hardly a value comes twice" if drawn else ""
    asked = inputs.facts.get("reference_asked")
    differ = f"no configuration differs from the reference, {asked}," if asked else "no two configurations differ"
    return f"Nothing is compared: {differ} in one factor alone{others}."


def _best(inputs: Inputs) -> str:
    """The best run and its configuration, and that being the best of many is partly luck."""
    best = analysis.best_of_search(inputs.results, k=1)
    if best.empty:
        return ""
    row, metric = best.iloc[0], inputs.score_metric
    n = int((analysis.search_history(inputs.results)["state"] == "finished").sum())
    score = shown_mean(row["score"], metric, score_decimals([row["score"]], metric, points=1, others=3))
    unit = " %" if metric.unit == "points" else in_unit(metric).replace(",", "")
    levels = [f"{name} {_level(row[name])}" for name in best.columns[4:] if name != RATE_SETTING and row[name] != ""]
    more = len(levels) - MOST_FACTORS
    named = ", ".join(levels[:MOST_FACTORS]) + (f" and {more} more" if more > 0 else "")
    return (
        f"The best of {n:,} finished runs is {row['trial']}, {metric.label} {score}{unit}"
        + (f", with {named}" if named else "")
        + ". The best of many is better than it will be again."
    )


def _level(level: object) -> str:
    """A level as the table has it; of a number that was drawn, four digits."""
    return f"{level:.4g}" if isinstance(level, float) else str(level)


def _and(items: Sequence[object]) -> str:
    *most, last = map(str, items)
    return f"{', '.join(most)} and {last}" if most else last
