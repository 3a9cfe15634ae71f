"""The methods section: paragraphs written from recorded facts only."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from ablate.analysis.pareto import named_objectives
from ablate.analysis.statistics import spend
from ablate.report import own_trials
from ablate.report.backends import backend_said
from ablate.report.data_sets import methods_of_data_sets
from ablate.report.inputs import Inputs, trained_reference
from ablate.report.numbers import count
from ablate.report.page import Block, Definitions, Section
from ablate.report.statistical_methods import lost_runs_paragraph, statistics_paragraph, verdicts_paragraph
from ablate.report.wording import level_sentence, objectives_said, percent, read_before, rule_said
from ablate.storage.provenance import PreregistrationFacts, TuningFacts
from ablate.storage.results import factor_columns, factor_name, metric_columns
from ablate.study.metric_words import metric_words
from ablate.study.pruning import REDUCTION_FACTOR, pruning_said
from ablate.study.trial import BEST
from ablate.text import listed, number_of, to_minute

SEED = (
    "A seed fixes the split into training and validation examples, the initial weights of each layer, the batch order "
    "and the dropout noise. Both sides of a comparison share all of these, so their runs are paired."
)
USERS_SEED = (
    "A seed fixes the split into training and validation examples, the batch order and the Keras seed, which is set "
    "before the model is built. Initial weights and dropout depend on the Keras seed, unless the model sets its own "
    "seeds. Both sides of a comparison share the seed, so their runs are paired."
)
EQUAL_WEIGHTS = (
    "A seed fixes the split into training and validation examples and the batch order, but not the initial weights: "
    "{found}."
)
WEIGHTS = {
    "classes": "Classes count in the training loss by n / (k · count), so that each has the same total weight.",
    "examples": "Examples count in the loss by the weights of the data.",
    "both": "Examples count in the training loss by the weights of the data times n / (k · count) of their class.",
}
UNWEIGHTED = (
    "As in Keras, metrics count every example once; only weighted_metrics of a compiled model and functions that list "
    "sample_weight use the weights."
)
RATES = {
    "carry": "Under “carry”, every variant trained at the learning rate of the configuration it is compared with.",
    "find": "Under “find”, each run trained at the rate that a learning-rate range test of its own configuration and "
    "seed suggested, so the intervals include the luck of the test. The test raises the rate exponentially and records "
    "the loss of each batch. The suggested rate is half the rate at the knee; the knee is the lowest rate at which "
    "the smoothed loss is already as low as at the bottom of its first basin, within three standard errors or 2 % of "
    "its fall. 1cycle rises to the rate at the bottom. Where half the knee lies more than 1.5 decades from the "
    "steepest descent, the run used the geometric mean of the two.",
    "tune": "Under “tune”, each configuration trained at the best of {points} rates, spaced evenly on a log scale "
    "around the rate found; the best is chosen by validation score on a seed that no comparison uses. Every "
    "configuration had the same tuning budget. The rate was chosen once: all seeds share the luck of that choice, and "
    "no interval includes it.",
}
SAMPLERS = {"tpe": "multi-objective TPE", "nsga2": "NSGA-II", "random": "random draws"}
FOREIGN = (
    "This table was made elsewhere and read from {source}. It does not say how its runs were trained and tuned, what "
    "their seeds fix, or when a test set was read. {pairing}"
)
PAIRED = "The statistics below pair rows with the same seed."
PARTLY_PAIRED = "The statistics below pair rows with the same seed, where both sides share seeds."
UNSEEDED = "Its runs have no seeds, so there is neither an interval nor a test."
NOT_PAIRED = "Both sides share no seed, so the statistics below compare their runs unpaired."


def methods_section(inputs: Inputs) -> Section:
    """Design, learning rates, seeds, test set, statistics, lost runs, and what was held fixed."""
    parts: list[tuple[str, Callable[[Inputs], str]]] = [
        ("Design", _design),
        ("Training", _training),
        ("Learning rates", _rates),
        ("Seeds", _seeds),
        ("Weights", _weights),
        ("Test set", _test_set),
        ("Data sets", methods_of_data_sets),
        ("Statistics", statistics_paragraph),
        ("Verdicts", verdicts_paragraph),
        ("Runs that did not finish", lost_runs_paragraph),
        ("Held fixed", _fixed),
    ]
    pairs = [(name, text(inputs)) for name, text in parts]
    blocks: list[Block] = [Definitions([(name, text) for name, text in pairs if text])]
    return Section("methods", "How this was done", blocks)


def _design(inputs: Inputs) -> str:
    facts, effects = inputs.facts, inputs.effects
    said = [FOREIGN.format(source=facts.source or "a file", pairing=_pairing(inputs))] if inputs.is_imported else []
    n = effects["variant"].nunique()
    reference = _listed({factor_name(name): level for name, level in trained_reference(inputs).items()})
    kind = facts.reference_kind
    what = {"best": "the best configuration of the search", "baseline": "the study's baseline"}.get(str(kind), "")
    named = f", {what}" if what else ""
    if n:
        said.append(
            f"{number_of(n, 'variant')} {'is' if n == 1 else 'are'} compared with the reference{named}: {reference}."
        )
        said.append(_what_changes(inputs))
    if kind == "both" or (effects["against"] == BEST).any():
        said.append(
            "Comparisons go in both directions: they change one factor of the reference, or one factor of the best "
            "configuration of the search, and they compare these two configurations with each other."
        )
    said += [sentence for sentence in (_searched(inputs), _pruned(inputs)) if sentence]
    designs = facts.designs or []
    if "factorial" in designs:
        said.append(f"The factors {listed(facts.factorial or [])} were fully crossed.")
    if "path" in designs:
        said.append(
            "One path leads from the reference to the best configuration, and one leads back. Each step changes the "
            "factor with the largest gain. Each candidate was trained for the path; its validation score alone decides "
            "the step and measures the gain."
        )
    said += [f"The recipe {name} sets {_listed(levels)}." for name, levels in (facts.recipes or {}).items()]
    said += [_condition(factor, when) for factor, when in (facts.conditions or {}).items()]
    return " ".join(said)


def _searched(inputs: Inputs) -> str:
    """What a search with several objectives looked for, and which of its trials counts as the best."""
    front = inputs.facts.front
    if front is None:
        return ""
    objectives = named_objectives(front.objectives, inputs.task)
    by = f" by {SAMPLERS.get(inputs.facts.sampler or '', 'an unknown sampler')}"
    return f"The search was for {objectives_said(objectives)}{by}. {rule_said(objectives, front.tolerance or 0.0)}"


def _pruned(inputs: Inputs) -> str:
    """The rule by which the search stopped trials early."""
    pruning = inputs.facts.pruning
    if pruning is None:
        return ""
    factor = pruning.reduction_factor or REDUCTION_FACTOR
    rule = pruning_said(pruning.pruner, rungs=pruning.rungs, reduction_factor=factor)
    return f"The search stopped trials early by {rule}." if rule else ""


def _pairing(inputs: Inputs) -> str:
    effects = inputs.effects if inputs.data_sets is None else inputs.data_sets.on_each
    is_unpaired = effects["test"] == "unpaired"
    if not inputs.has_seeds:
        return UNSEEDED
    if not is_unpaired.any():
        return PAIRED
    return NOT_PAIRED if is_unpaired.all() else PARTLY_PAIRED


def _what_changes(inputs: Inputs) -> str:
    """What else changes with a factor, as far as it is known."""
    facts = inputs.facts
    if not inputs.is_imported:
        together = ", or all factors of a recipe together," if facts.recipes else ""
        return f"Each changes one factor{together} and keeps the others."
    beside = f" Both sides have the same mix of {listed(facts.also_varies)}." if facts.also_varies else ""
    trusted = "".join(f" {sentence}." for sentence in facts.ignored or [])
    return f"Each differs in one of the named factors; what the table does not record may differ too.{beside}{trusted}"


def _training(inputs: Inputs) -> str:
    """The backend, and the ways in which runs were trained if it was not by compiled programs alone."""
    if inputs.own_trial:
        return own_trials.training(inputs)
    if inputs.is_imported or "trained_by" not in inputs.runs:
        return ""
    counts = inputs.runs["trained_by"].dropna().value_counts()
    others = {str(way): int(n) for way, n in counts.items() if way != "compiled"}
    on = f"{backend} trained the networks." if (backend := backend_said(inputs)) else ""
    if not others:
        return on
    said = [f"{number_of(n, 'run')} by {way}" for way, n in others.items()]
    if (n := int(counts.get("compiled", 0))) > 0:
        said.append(f"{number_of(n, 'run')} by compiled programs")
    rules = "Splits, seeds, range tests, early stopping and the rule for the test set are the same for all."
    return f"{on} Trained: {'; '.join(said)}. {rules}".lstrip()


def _rates(inputs: Inputs) -> str:
    tune = inputs.facts.tune or TuningFacts()
    points = "several" if tune.points is None else tune.points
    said = [RATES[mode].format(points=points) for mode in inputs.facts.modes or []]
    if tune.extended:
        said.append(f"The grid was extended because its best rate was at an end: {listed(tune.extended)}.")
    if tune.at_edge:
        said.append(f"The best rate stayed at an end of the grid for {listed(tune.at_edge)}.")
    return " ".join(said)


def _seeds(inputs: Inputs) -> str:
    seeds, said = inputs.facts.seeds, list[str]()
    if seeds == "auto" and inputs.looks:
        levels = [f"{level:.3f}".removeprefix("0") for level in spend(inputs.looks, alpha=inputs.level).levels]
        said.append(
            f"Only undecided comparisons got more seeds; looks were taken at {listed(inputs.looks)} seeds. The looks "
            f"may spend {listed(levels)} of the {percent(inputs.level)} error rate (Lan & DeMets, Pocock type), so "
            "intervals, p values and verdicts hold over all looks."
        )
    elif isinstance(seeds, int):
        said.append(f"Every compared configuration was trained with the same {number_of(seeds, 'seed')}.")
    elif len(inputs.effects) and inputs.has_seeds:
        of_data_sets = inputs.data_sets
        said += _counts(inputs.effects if of_data_sets is None else of_data_sets.on_each)
    if not inputs.is_imported:
        said.append(_what_a_seed_fixes(inputs))
        if tuning := sorted(inputs.tuning_seeds()):
            said.append(f"Search and tuning used seed {listed(tuning)}, which no comparison may use.")
    return " ".join(said)


def _weights(inputs: Inputs) -> str:
    """What counts by weight, and where."""
    weights = inputs.data.weights
    return f"{WEIGHTS[weights]} {UNWEIGHTED}" if weights else ""


def _counts(effects: pd.DataFrame) -> list[str]:
    """How many seeds the paired comparisons have, and how many have none in common."""
    is_apart = effects["test"] == "unpaired"
    paired, said = effects[~is_apart], list[str]()
    if len(paired):
        fewest, most = int(paired["n"].min()), int(paired["n"].max())
        seeds = number_of(most, "paired seed")
        said.append(f"Comparisons use {seeds if fewest == most else f'{fewest} to {seeds}'}.")
    if is_apart.any():
        said.append(f"{number_of(int(is_apart.sum()), 'comparison')} without a shared seed, so unpaired.")
    return said


def _what_a_seed_fixes(inputs: Inputs) -> str:
    if inputs.own_trial:
        return own_trials.seed(inputs)
    if found := (inputs.facts.cautions or {}).get("initial_weights"):
        return EQUAL_WEIGHTS.format(found="; ".join(text.removesuffix(".") for text in found))
    return USERS_SEED if inputs.model_ref.is_users else SEED


def _test_set(inputs: Inputs) -> str:
    if inputs.is_imported or inputs.results.empty:
        return ""
    monitor = metric_words(inputs.monitor)
    if not inputs.metric.name.startswith("test_"):
        if inputs.own_trial and not any(name.startswith("test_") for name in metric_columns(inputs.results)):
            return f"Comparisons use {inputs.metric.label}: {inputs.trained_by} reported no test score."
        return f"Comparisons use {inputs.metric.label}, because not every run has a test score."
    n_test = inputs.data.n_test
    frozen = inputs.facts.frozen
    if inputs.own_trial:
        return f"{own_trials.test_scores(inputs)} {_preregistered(frozen) if frozen else ''}".rstrip()
    is_first = frozen is None or not read_before(frozen)
    said = (
        f"The test set{f' of {count(n_test)} examples' if n_test else ''} was read {'once ' if is_first else ''}for "
        f"each compared run, with the weights of the epoch with the best {monitor}, and never for the search."
    )
    return f"{said} {_preregistered(frozen)}" if frozen else said


def _preregistered(frozen: PreregistrationFacts) -> str:
    """When the comparisons were preregistered, whether their scores were read before, and the level that was left."""
    before, is_recorded = read_before(frozen), frozen.scores is not None and not frozen.undated
    time = to_minute(frozen.at or "")
    when = f"On {time}" if before or not is_recorded else f"Before that, on {time}"
    said = (
        f"{when}, {number_of(frozen.contrasts or 0, 'comparison')} among "
        f"{number_of(frozen.cells or 0, 'configuration')} {'was' if frozen.contrasts == 1 else 'were'} preregistered "
        f"(SHA-256 {(frozen.digest or '')[:16]}…)."
    )
    unknown = "" if is_recorded else "It is not recorded whether test scores had been read before."
    return " ".join(text for text in (said, before or unknown, *level_sentence(frozen)) if text)


def _fixed(inputs: Inputs) -> str:
    runs = inputs.confirmatory()
    varied = {name for name in factor_columns(runs) if runs[name].nunique() > 1} if len(runs) else set()
    fixed = {name: level for name, level in trained_reference(inputs).items() if name not in varied}
    fixed.pop("learning_rate", None)  # stated in its own paragraph
    facts = inputs.facts
    names = (
        (facts.epochs and number_of(facts.epochs, "epoch"), "{} at most"), (facts.batch_size, "batches of {}"),
        (facts.patience and number_of(facts.patience, "epoch"), "patience of {}"),
    )  # fmt: skip
    said = [*_model(inputs), *(f"{name.replace('_', ' ')} {level}" for name, level in fixed.items() if level != "")]
    said += [text.format(value) for value, text in names if value is not None]
    scaling = inputs.data.scaling
    said += [f"input scaling {scaling}, fitted on the training examples"] if scaling else []
    if not said:
        return ""
    return f"In all comparisons: {', '.join(said)}. The findings hold for these settings."


def _model(inputs: Inputs) -> list[str]:
    left_out = ("code", "name") if inputs.own_trial else ("code",)  # its name is that of `train` or `command`
    model = {name: value for name, value in inputs.model.items() if name not in left_out and value != ""}
    return [f"{'model' if name == 'name' else name.replace('_', ' ')} {value}" for name, value in model.items()]


def _condition(factor: str, when: Mapping[str, Sequence[Any]]) -> str:
    needed = listed([f"{other} is {listed(levels, 'or')}" for other, levels in when.items()])
    return f"{factor.replace('_', ' ')} matters only where {needed}; elsewhere it stays at its baseline level."


def _listed(levels: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {level}" for name, level in levels.items())
