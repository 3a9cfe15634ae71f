"""Facts of a study into the paragraphs that a methods section needs: only what is recorded, never a guess."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ablate.analysis.effects import COUNTED_AT_CHANCE
from ablate.analysis.statistics import EXACT_SEEDS, FLIPS_DRAWN, MIN_SEEDS, binomial_error, spend
from ablate.report.inputs import Inputs, trained_reference
from ablate.report.numbers import count, number
from ablate.report.page import Block, Definitions, Section
from ablate.storage.provenance import TuningFacts
from ablate.storage.results import factor_columns, factor_name
from ablate.study.trial import BEST
from ablate.text import listed, number_of

SEED = (
    "A seed fixes the split into training and validation examples, the initial weights layer by layer, the order of "
    "the batches and the noise of dropout; a variant and what it is compared with share all of it, which pairs them."
)
USERS_SEED = (
    "A seed fixes the split into training and validation examples, the order of the batches and the seed that Keras "
    "has before the model is built, from which initial weights and dropout are drawn where the model does not say "
    "otherwise; a variant and what it is compared with share it, which pairs them."
)
EQUAL_WEIGHTS = (
    "A seed fixes the split into training and validation examples and the order of the batches, not the initial "
    "weights: {found}."
)
RATES = {
    "carry": "Under “carry” every variant trained at the learning rate of what it is compared with.",
    "find": "Under “find” each run trained at the rate that a range test of that very configuration suggests, made "
    "anew for each seed, so that luck in finding it is in the intervals: the loss of each batch on an exponential "
    "ramp. The rate is half that of the knee: the lowest from which on the smoothed loss is as low as at the bottom of "
    "its first basin, within three standard errors or 2 % of its fall. 1cycle rises to the rate of the bottom. Where "
    "half the knee lies more than 1.5 decades from the steepest descent, the geometric mean of both was taken.",
    "tune": "Under “tune” each configuration trained at the best of {points} rates, evenly spaced in the logarithm "
    "around the one found, by validation score on a seed that no comparison uses; the same budget for all. The choice "
    "was made once: its luck is shared by all seeds and in no interval.",
}
FOREIGN = (
    "This table was made elsewhere and read from {source}. How its runs were trained and tuned, what their seeds fix, "
    "and when a test set was read is not known; the statistics below take rows of equal seed as pairs."
)
STATISTICS = (
    "A difference is variant minus reference in {metric}, above 0 if the variant is better, paired by seed. Intervals "
    "of a single comparison are "
    "Student's t intervals of the mean difference at 95 %; those called simultaneous hold for all comparisons of a "
    "family at once (Bonferroni). P values are of the exact sign-flip test of the mean, over all sign patterns up to "
    "{exact} seeds and {drawn} drawn ones above, adjusted over the family by the step-down maximum of the "
    "statistics (max-T, Westfall & Young), the signs of a seed flipped together in all comparisons; Holm's adjustment "
    "stands beside it. {families}"
)
VERDICTS = (
    "A variant helps or hurts if its adjusted p is at most .05, its simultaneous interval excludes 0 and its mean is "
    "beyond the margin δ; it is detectable but below the margin if only the last fails. Otherwise it is equivalent if "
    "two one-sided t tests at 5 % put its mean within ±δ, and inconclusive if not. Below {least} seeds nothing is "
    "tested. A comparison whose runs are identical in every seed, or of which no run finished on either side, is "
    "called just that. A comparison with a run that did not finish is never called equivalent or below the margin."
)
NO_MARGIN = "No margin δ was given, so that nothing can be called equivalent, and any detectable difference counts."


def methods_section(inputs: Inputs) -> Section:
    """Design, learning rates, seeds, test set, statistics, lost runs, what was held fixed."""
    parts: list[tuple[str, Callable[[Inputs], str]]] = [
        ("Design", _design),
        ("Learning rates", _rates),
        ("Seeds", _seeds),
        ("Test set", _test_set),
        ("Statistics", _statistics),
        ("Verdicts", _verdicts),
        ("Runs that did not finish", _lost),
        ("Held fixed", _fixed),
    ]
    pairs = [(name, text(inputs)) for name, text in parts]
    blocks: list[Block] = [Definitions([(name, text) for name, text in pairs if text])]
    return Section("methods", "How this was done", blocks)


def _design(inputs: Inputs) -> str:
    facts, effects = inputs.facts, inputs.effects
    said = [FOREIGN.format(source=facts.source or "a file")] if inputs.is_foreign else []
    n = effects["variant"].nunique()
    reference = _listed({factor_name(name): level for name, level in trained_reference(inputs).items()})
    kind = facts.reference_kind
    what = {"best": "the best configuration of the search", "baseline": "the study's baseline"}.get(str(kind), "")
    named = f", {what}" if what else ""
    if n:
        said.append(
            f"{number_of(n, 'variant')} {'is' if n == 1 else 'are'} compared with the reference{named}: {reference}."
        )
        together = ", or the levels of a recipe together," if facts.recipes else ""
        said.append(f"Each changes one factor{together} and leaves the others as they are.")
    if kind == "both" or (effects["against"] == BEST).any():
        said.append(
            "Comparisons run in both directions: one factor changed in the reference, one changed in the best "
            "configuration of the search, and these two compared with each other."
        )
    designs = facts.designs or []
    if "factorial" in designs:
        said.append(f"The factors {listed(facts.factorial or [])} were crossed in full.")
    if "path" in designs:
        said.append(
            "A path from the reference to the best configuration, and one back, changes one factor a step, the one "
            "that gains most; each candidate was trained anew, chosen and told by its validation score alone."
        )
    said += [f"The recipe {name} sets {_listed(levels)}." for name, levels in (facts.recipes or {}).items()]
    said += [_condition(factor, when) for factor, when in (facts.conditions or {}).items()]
    return " ".join(said)


def _rates(inputs: Inputs) -> str:
    tune = inputs.facts.tune or TuningFacts()
    points = "several" if tune.points is None else tune.points
    said = [RATES[mode].format(points=points) for mode in inputs.facts.modes or []]
    if tune.extended:
        said.append(f"Where an end of the grid was best it was extended: {listed(tune.extended)}.")
    if tune.at_edge:
        said.append(f"The best stayed at an end of the grid for {listed(tune.at_edge)}.")
    return " ".join(said)


def _seeds(inputs: Inputs) -> str:
    seeds, said = inputs.facts.seeds, list[str]()
    if seeds == "auto" and inputs.looks:
        levels = [f"{level:.3f}".removeprefix("0") for level in spend(inputs.looks).levels]
        said.append(
            f"Seeds were added to undecided comparisons only, which were looked at with {listed(inputs.looks)} seeds; "
            f"of the 5 % the looks may spend {listed(levels)} (Lan & DeMets, Pocock type), so that intervals, p values "
            "and verdicts hold over all of them."
        )
    elif isinstance(seeds, int):
        said.append(f"Every configuration that is compared was trained with the same {number_of(seeds, 'seed')}.")
    elif len(inputs.effects):
        fewest, most = int(inputs.effects["n"].min()), int(inputs.effects["n"].max())
        said.append(f"Comparisons rest on {fewest if fewest == most else f'{fewest} to {most}'} paired seeds.")
    if not inputs.is_foreign:
        said.append(_what_a_seed_fixes(inputs))
        if tuning := sorted(inputs.tuning_seeds()):
            said.append(f"Search and tuning used seed {listed(tuning)}, which no comparison may use.")
    return " ".join(said)


def _what_a_seed_fixes(inputs: Inputs) -> str:
    if found := (inputs.facts.cautions or {}).get("initial_weights"):
        return EQUAL_WEIGHTS.format(found="; ".join(text.removesuffix(".") for text in found))
    return USERS_SEED if inputs.model_ref.is_users else SEED


def _test_set(inputs: Inputs) -> str:
    if inputs.is_foreign or inputs.results.empty:
        return ""
    monitor = inputs.monitor.replace("val_", "validation ")
    if not inputs.metric.name.startswith("test_"):
        return f"Comparisons are on {inputs.metric.label}: not every run has a test score."
    n_test = inputs.data.n_test
    said = (
        f"The test set{f' of {count(n_test)} examples' if n_test else ''} was read once for each run that is compared, "
        f"with the weights of the epoch that was best in {monitor}, and for none of the search"
    )
    frozen = inputs.facts.frozen
    if frozen is None:
        return f"{said}."
    when = (frozen.at or "").replace("T", " ")
    return (
        f"{said}; before, on {when}, the list of {count(frozen.contrasts)} comparisons among "
        f"{count(frozen.cells)} configurations had been frozen (SHA-256 {(frozen.digest or '')[:16]}…)."
    )


def _statistics(inputs: Inputs) -> str:
    effects, metric = inputs.effects, inputs.metric
    if effects.empty:
        return ""
    sizes = effects.groupby("mode", sort=False).size()
    families = f"The family has {number_of(len(effects), 'comparison')}."
    if len(sizes) > 1 or sizes.index[0]:
        counts = listed([f"{n} of mode {mode}" for mode, n in sizes.items()])
        families = f"A family is all comparisons of one learning-rate mode: {counts}."
    return STATISTICS.format(metric=metric.label, exact=EXACT_SEEDS, drawn=f"{FLIPS_DRAWN:,}", families=families)


def _verdicts(inputs: Inputs) -> str:
    metric = inputs.metric
    if inputs.effects.empty:
        return ""
    margin = f"δ is {number(metric.margin * metric.scale, 2)} {metric.unit}".rstrip() + f", {_margin_source(inputs)}."
    return f"{VERDICTS.format(least=MIN_SEEDS)} {margin if metric.margin else NO_MARGIN}"


def _margin_source(inputs: Inputs) -> str:
    if inputs.facts.margin is not None:
        return "as stated"
    n_test, means = inputs.data.n_test, inputs.effects["reference_mean"]
    if inputs.metric.name == "test_accuracy" and n_test and 0 <= means.mean() <= 1:
        error = binomial_error(float(means.mean()), n=n_test)
        return f"half a point or the test set's binomial standard error ({number(error * 100, 2)}), the larger one"
    return "the smallest difference taken to matter"


def _lost(inputs: Inputs) -> str:
    runs = inputs.confirmatory()
    n = int(runs["state"].isin(COUNTED_AT_CHANCE).sum())
    if inputs.is_foreign and not n:
        return ""
    metric = inputs.metric
    level = number(metric.shown(metric.chance), 1 if metric.unit == "points" else 2)
    level = f"{level} {'%' if metric.unit == 'points' else metric.unit}".rstrip()
    counts = f"{inputs.lost_count} ({level})"
    rule = f"A run that diverged, failed or ran out of memory counts {counts} in every number of its configuration"
    return f"{rule}: {n or 'none'} of {len(runs):,} did."


def _fixed(inputs: Inputs) -> str:
    runs = inputs.confirmatory()
    varied = {name for name in factor_columns(runs) if runs[name].nunique() > 1} if len(runs) else set()
    fixed = {name: level for name, level in trained_reference(inputs).items() if name not in varied}
    fixed.pop("learning_rate", None)  # told above
    facts = inputs.facts
    names = (
        (facts.epochs, "{} epochs at most"), (facts.batch_size, "batches of {}"),
        (facts.patience, "patience of {} epochs"),
    )  # fmt: skip
    said = [*_model(inputs), *(f"{name.replace('_', ' ')} {level}" for name, level in fixed.items())]
    said += [text.format(value) for value, text in names if value is not None]
    scaling = inputs.data.scaling
    said += [f"input scaling {scaling}, fitted on the training examples"] if scaling else []
    if not said:
        return ""
    return f"In all comparisons: {', '.join(said)}. What was found holds for these settings."


def _model(inputs: Inputs) -> list[str]:
    model = {name: value for name, value in inputs.model.items() if name != "code"}
    return [f"{'model' if name == 'name' else name.replace('_', ' ')} {value}" for name, value in model.items()]


def _condition(factor: str, when: Mapping[str, Sequence[Any]]) -> str:
    needed = listed([f"{other} is {listed(levels, 'or')}" for other, levels in when.items()])
    return f"{factor.replace('_', ' ')} counts only where {needed}; elsewhere it rests at its baseline level."


def _listed(levels: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {level}" for name, level in levels.items())
