"""The table [ablation] into a checked `Ablation`: what is compared must be there to be compared."""

from collections.abc import Mapping
from math import prod

from ablate.records import Factors
from ablate.space import Space
from ablate.study.layers import Layered, shown
from ablate.study.rules import read_section
from ablate.study.sections import Ablation, Search

MOST_FACTORIAL_TRIALS = 10_000
_LARGEST_MARGIN = 0.5  # as a fraction it is absurd already: somebody meant points


def read_ablation(
    layered: Layered,
    most: Mapping[tuple[str, str], int],
    *,
    space: Space,
    baseline: Factors,
    recipes: Mapping[str, Factors],
    search: Search,
) -> Ablation:
    """The table, checked against the rest of the study; `most` as in `read_section`. Raises `StudyError`."""
    ablation = read_section(Ablation, "ablation", layered, most)
    for field in ("design", "factorial", "learning_rate", "factors"):
        names = getattr(ablation, field) or ()
        if len(set(names)) < len(names):
            raise layered.error(("ablation", field), f"every name may be listed once, got {shown(names)}")
    if ablation.margin is not None and ablation.margin >= _LARGEST_MARGIN:
        rule = f"must be below {_LARGEST_MARGIN}, got {shown(ablation.margin)}"
        raise layered.error(("ablation", "margin"), rule, hint="it is a fraction: 0.005 is half a point of accuracy")
    if ablation.factors == () and not recipes:
        raise layered.error(("ablation", "factors"), "must not be empty", hint="for no ablation write seeds = 0")
    _check_factors(ablation, layered, space=space, baseline=baseline)
    _check_factorial(ablation, layered, space=space, baseline=baseline)
    _check_search(ablation, layered, search)
    return ablation


def _check_factors(ablation: Ablation, layered: Layered, *, space: Space, baseline: Factors) -> None:
    key = ("ablation", "factors")
    for factor in ablation.factors or ():
        if factor not in space.dimensions:
            raise layered.unknown(key, factor, known=space.dimensions, kind="factor of [space]")
        if ablation.reference == "baseline" and not space.is_active(factor, baseline):
            hint = f"change the baseline, or space.{factor}.when"
            raise layered.error(
                key, f"{factor} does not count in the baseline, so that no level can be tried", hint=hint
            )
        # The best configuration's level is not known yet: any level may then be another one.
        levels = space.dimensions[factor].levels()
        if not levels or (ablation.reference == "baseline" and levels == (baseline[factor],)):
            rule = f"{factor} has no other level to try"
            raise layered.error(key, rule, hint=f"add ablate = [...] to space.{factor}")


def _check_factorial(ablation: Ablation, layered: Layered, *, space: Space, baseline: Factors) -> None:
    key, crossed = ("ablation", "factorial"), ablation.factorial
    if "factorial" not in ablation.design:
        if crossed is not None:
            hint = 'list it: design = ["one-factor", "factorial"], or leave factorial out'
            raise layered.error(key, 'design has no "factorial", so that nothing would be crossed', hint=hint)
        return
    if crossed is None or len(crossed) < 2:
        hint = 'e.g. factorial = ["normalization", "activation"]'
        raise layered.error(key, 'design "factorial" needs the names of at least two factors to cross', hint=hint)
    for factor in crossed:
        if factor not in space.dimensions:
            raise layered.unknown(key, factor, known=space.dimensions, kind="factor of [space]")
        if len(space.crossed(factor, baseline)) < 2:
            rule = f"{factor} has one level only, so that nothing can be crossed with it"
            raise layered.error(key, rule, hint=f"add ablate = [...] to space.{factor}")
    counts = [len(space.crossed(factor, baseline)) for factor in crossed]
    seeds, upto = (ablation.max_seeds, "up to ") if ablation.seeds == "auto" else (ablation.seeds, "")
    if (trials := prod(counts) * seeds) > MOST_FACTORIAL_TRIALS:
        rule = f"{' × '.join(map(str, counts))} cells × {upto}{seeds} seeds make {upto}{trials:,} trials"
        hint = "cross fewer factors, list fewer levels under ablate = [...], or use fewer seeds"
        raise layered.error(key, f"{rule}, more than {MOST_FACTORIAL_TRIALS:,}", hint=hint)


def _check_search(ablation: Ablation, layered: Layered, search: Search) -> None:
    if search.trials or ablation.seeds == 0:
        return
    hint = "search, or set ablation.{}"
    if "path" in ablation.design:
        rule = 'must be above 0: ablation.design "path" leads to the best that the search finds'
        raise layered.error(("search", "trials"), rule, hint=hint.format('design = "one-factor"'))
    if ablation.reference != "baseline":
        rule = f'must be above 0: ablation.reference "{ablation.reference}" asks for the best that the search finds'
        raise layered.error(("search", "trials"), rule, hint=hint.format('reference = "baseline"'))
