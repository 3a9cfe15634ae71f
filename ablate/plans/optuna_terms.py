"""Translate a study's space, sampler and pruner to Optuna, and Optuna's values back to levels."""

import warnings
from collections.abc import Mapping, Sequence
from typing import final

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from ablate.study.objectives import SearchObjective, generation_size
from ablate.study.pruning import Halving, halving_of
from ablate.study.rate import Rate, format_rate, rate_of
from ablate.study.settings import Search, StudySettings
from ablate.study.space import Choice, Dimension, Float, Int, RateSpan
from ablate.study.trial import Factors, Level


@final
class Generations(optuna.samplers.NSGAIISampler):
    """NSGA-II that a search can resume within a generation, and in which the study's baseline takes part.

    Optuna has the parents in the order of selection when a generation begins, and in that of their numbers later; here
    it is always the second. A trial whose levels are given, as the baseline's are, belongs to no generation in Optuna.
    """

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Give the trial its generation."""
        super().before_trial(study, trial)
        self.get_trial_generation(study, trial)

    def select_parent(self, study: optuna.Study, generation: int) -> list[FrozenTrial]:
        """The parents of a generation."""
        return sorted(super().select_parent(study, generation), key=lambda trial: trial.number)


@final
class AsynchronousHalving(optuna.pruners.SuccessiveHalvingPruner):
    """Asynchronous successive halving that stops no trial after its last epoch, where nothing is left to save."""

    def __init__(self, halving: Halving) -> None:
        super().__init__(min_resource=halving.min_resource, reduction_factor=halving.reduction_factor)
        self._epochs = halving.epochs

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Whether the trial ends at this rung."""
        return (trial.last_step or 0) < self._epochs and super().prune(study, trial)


def make_sampler(settings: Search, *, seed: int) -> optuna.samplers.BaseSampler:
    """The sampler for one trial."""
    if settings.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    if settings.sampler == "nsga2":
        return Generations(seed=seed, population_size=generation_size(settings))
    startup = max(settings.trials_per_round, min(10, settings.trials // 3))
    if settings.objectives:
        # As Optuna has it for several objectives; with 200 trials its fronts are larger than the multivariate one's.
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=startup, multivariate=False, constant_liar=True)
    # About `group` and `constant_liar`. Not `catch_warnings`: it is not safe beside the tracker's thread.
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    return optuna.samplers.TPESampler(
        seed=seed, n_startup_trials=startup, multivariate=True, group=True, constant_liar=True
    )


def directions(objectives: Sequence[SearchObjective]) -> list[StudyDirection]:
    """Optuna's directions; without several objectives that of the score, of which more is better."""
    signs = [objective.sign for objective in objectives] or [1]
    return [StudyDirection.MAXIMIZE if sign > 0 else StudyDirection.MINIMIZE for sign in signs]


def make_pruner(settings: Search, *, epochs: int) -> optuna.pruners.BasePruner:
    """The pruner of a search whose trials have at most `epochs` epochs."""
    match settings.pruner:
        case "median":
            # The first fifth of the epochs is not informative: learning curves still cross.
            return optuna.pruners.MedianPruner(n_startup_trials=settings.trials_per_round, n_warmup_steps=epochs // 5)
        case "hyperband":
            return optuna.pruners.HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=3)
        case "asha":
            return AsynchronousHalving(halving_of(settings, epochs=epochs))
        case "none":
            return optuna.pruners.NopPruner()


def heeds_running(settings: Search) -> bool:
    """Whether the pruner compares with trials that still run, so that its verdicts depend on the order of epochs."""
    return settings.pruner in ("asha", "hyperband")


def suggest_all(trial: optuna.Trial, study: StudySettings) -> None:
    """Let the trial's sampler choose each active factor, given its earlier choices."""
    for name in study.space.in_order():
        if study.space.is_active(name, to_factors(trial.params, study)):
            _suggest(trial, name, study.space.dimensions[name])


def to_level(value: Level, dimension: Dimension) -> Level:
    """A suggested value as a level; rounded to four digits, so that a table's row can be typed in again."""
    match dimension:
        case Float():
            return min(max(float(f"{value:.4g}"), dimension.low), dimension.high)
        case RateSpan():
            return format_rate(Rate(None, float(value)))
        case _:
            return value


def to_factors(parameters: Mapping[str, Level], study: StudySettings) -> Factors:
    """Optuna's parameters as a configuration; factors that they leave out have the baseline's level."""
    dimensions = study.space.dimensions
    return {**study.baseline, **{name: to_level(value, dimensions[name]) for name, value in parameters.items()}}


def to_parameters(factors: Factors, study: StudySettings) -> dict[str, Level]:
    """The active factors of a configuration as Optuna's parameters; empty if it lies outside the space."""
    space = study.space
    if not space.contains(factors):
        return {}
    spans = {name for name, dimension in space.dimensions.items() if isinstance(dimension, RateSpan)}
    return {
        name: rate_of(factors).multiplier if name in spans else factors[name]
        for name in space.dimensions
        if space.is_active(name, factors)
    }


def _suggest(trial: optuna.Trial, name: str, dimension: Dimension) -> None:
    match dimension:
        case Choice():
            trial.suggest_categorical(name, dimension.options)
        case Int():
            trial.suggest_int(name, dimension.low, dimension.high, log=dimension.log)
        case Float():
            trial.suggest_float(name, dimension.low, dimension.high, log=dimension.log)
        case RateSpan():
            trial.suggest_float(name, *dimension.span, log=True)
