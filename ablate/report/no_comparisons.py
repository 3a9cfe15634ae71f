"""The answer of a page without comparisons: why there are none, and what the page shows instead."""

from collections.abc import Sequence

from ablate.analysis.search_history import best_of_search, search_history
from ablate.report.inputs import Inputs
from ablate.report.numbers import in_unit, score_decimals, shown_mean
from ablate.report.page import Section
from ablate.study.trial import RATE_SETTING
from ablate.text import first_of, listed

ALWAYS = ("trust", "methods", "origin")  # sections on every page
OF_DESIGNS = ("interactions", "directions", "paths")
MOST_FACTORS = 8  # factors of the best run in a sentence


def no_comparisons(inputs: Inputs, sections: Sequence[Section]) -> list[str]:
    """The answer on a page with these sections, when there are no comparisons."""
    others = [section for section in sections if section.name not in ALWAYS]
    shows = f"The page shows {listed([f'“{section.title}”' for section in others])}." if others else ""
    return [line for line in (_why(inputs, others), _best(inputs), shows) if line]


def _why(inputs: Inputs, sections: Sequence[Section]) -> str:
    if any(section.name in OF_DESIGNS for section in sections):
        return "This study has no one-factor comparisons; the results of its other designs are below."
    if not inputs.is_imported:
        return f"{inputs.title}: no ablation results yet."
    if confounded := inputs.facts.confounded:
        return f"There is no comparison, because {confounded[0]}."
    if alone := inputs.facts.alone:
        factors = ",".join(name for name in inputs.facts.factors or [] if name not in alone)
        return (
            f"There is no comparison, because most configurations have their own value of {listed(alone)}. "
            f"If this is not a factor, leave it out: --factors {factors}."
        )
    together, asked = inputs.facts.together, inputs.facts.reference_asked
    if together and not asked:
        both = listed(together[0])
        only = "To compare both at once, name one of them in --factors and the other in --ignore."
        return f"There is no comparison, because {both} always change together. {only}"
    drawn = inputs.facts.drawn or []
    others = f" (not counting {listed(drawn)}, whose values hardly ever repeat)" if drawn else ""
    differ = f"no configuration differs from the reference, {asked}," if asked else "no two configurations differ"
    return f"There is no comparison, because {differ} in exactly one factor{others}."


def _best(inputs: Inputs) -> str:
    best = best_of_search(inputs.results, k=1)
    if best.empty:
        return ""
    row, metric = best.iloc[0], inputs.score_metric
    n = int((search_history(inputs.results)["state"] == "finished").sum())
    score = shown_mean(row["score"], metric, score_decimals([row["score"]], metric, points=1, others=3))
    unit = " %" if metric.unit == "points" else in_unit(metric).replace(",", "")
    levels = [f"{name} {_level(row[name])}" for name in best.columns[4:] if name != RATE_SETTING and row[name] != ""]
    named = first_of(levels, MOST_FACTORS)
    return (
        f"The best of {n:,} finished runs is {row['trial']}, {metric.label} {score}{unit}"
        + (f", with {named}" if named else "")
        + ". The best of many runs is partly lucky: expect a worse score if you run it again."
    )


def _level(level: object) -> str:
    """A level as in the table; numbers drawn by the search are rounded to four digits."""
    return f"{level:.4g}" if isinstance(level, float) else str(level)
