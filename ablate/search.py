"""A study into a plan that asks Optuna: ask and tell on an SQLite storage, pruning epoch by epoch.

Trials are asked for in rounds, and a round's results are told together, in the order in which they were asked. Neither
the sampler nor the median rule sees a result of its own round, so the search is the same for any number of workers up
to the round's size. (Hyperband compares a trial with others that are still running: with it, that holds for one worker
only.)
"""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import optuna
from optuna.trial import TrialState

from ablate import seeds
from ablate.levels import Rate, format_rate, parse_rate
from ablate.records import Epoch, Factors, Level, Outcome, TrialSpec
from ablate.space import Choice, Dimension, Float, Int, RateSpan
from ablate.study import Search, Study


class SearchPlan:
    """The search phase of a study, which goes on where an earlier run of it stopped.

    `storage` is an SQLite file. `chance` is the score of guessing, told for a trial that diverged, so that the sampler
    learns from it. `known` are the outcomes of trials that were settled in earlier runs.
    """

    def __init__(self, study: Study, *, storage: Path, chance: float, known: Mapping[str, Outcome]) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        storage.parent.mkdir(parents=True, exist_ok=True)
        self._config, self._chance = study, chance
        self._study = optuna.create_study(
            storage=f"sqlite:///{storage}",
            study_name=study.name,
            direction="maximize",
            load_if_exists=True,
            sampler=optuna.samplers.RandomSampler(seed=0),  # a sampler of its own is set before each trial
            pruner=_pruner(study.search, epochs=study.training.epochs),
        )
        if not self._study.get_trials(deepcopy=False) and (start := _parameters_of(study.baseline, study)):
            self._study.enqueue_trial(start)
        # Trials that an earlier run had asked for: Optuna has no public way back from a stored trial to a live one.
        running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        self._round = {_name(t.number): optuna.Trial(self._study, t._trial_id) for t in running}
        self._reported = {(_name(t.number), step) for t in running for step in t.intermediate_values}
        self._told = {trial: known[trial] for trial in self._round if trial in known}
        self._handed_out = set(self._told)

    def ask(self, n: int) -> Sequence[TrialSpec]:
        """Up to `n` specs of this round; none while its last ones are running, and none when all are told."""
        if self._round and len(self._told) == len(self._round):
            self._settle()
        if not self._round:
            left = self._config.search.trials - len(self._study.get_trials(deepcopy=False, states=_SETTLED))
            for _ in range(min(self._config.search.trials_per_round, left)):
                trial = self._ask()
                self._round[_name(trial.number)] = trial
        waiting = [name for name in self._round if name not in self._handed_out][:n]
        self._handed_out.update(waiting)
        return [self._spec(name) for name in waiting]

    def report(self, epoch: Epoch) -> bool:
        """Tell the pruner; False where it gives the trial up."""
        trial = self._round[epoch.trial]
        if (epoch.trial, epoch.epoch) not in self._reported:  # by an earlier attempt, with the same value
            by_accuracy = self._config.training.monitor == "val_accuracy"
            trial.report(epoch.val_accuracy if by_accuracy else -epoch.val_loss, epoch.epoch)
        return not trial.should_prune()

    def tell(self, outcome: Outcome) -> None:
        """Keep the outcome until its round is complete; a killed trial stays open for the next run."""
        if outcome.state != "killed":
            self._told[outcome.trial] = outcome

    def _settle(self) -> None:
        for name, trial in self._round.items():
            outcome = self._told[name]
            match outcome.state:
                case "finished":
                    self._study.tell(trial, outcome.score)
                case "diverged":
                    self._study.tell(trial, self._chance)
                case "pruned":
                    self._study.tell(trial, state=TrialState.PRUNED)
                case _:
                    self._study.tell(trial, state=TrialState.FAIL)
        self._round, self._told, self._handed_out = {}, {}, set()

    def _ask(self) -> optuna.Trial:
        # The sampler's seed depends on the trial's number alone, so a resumed search asks what it would have.
        number = len(self._study.get_trials(deepcopy=False, states=(*_SETTLED, TrialState.RUNNING)))
        seed = seeds.integer(self._config.seed, seeds.SEARCH_REPLICATE, "search", layer=number)
        self._study.sampler = _sampler(self._config.search, seed=seed)
        trial = self._study.ask()
        for name, dimension in self._config.space.dimensions.items():
            _suggest(trial, name, dimension)
        return trial

    def _spec(self, name: str) -> TrialSpec:
        trial, dimensions = self._round[name], self._config.space.dimensions
        levels = {factor: _level(trial.params[factor], dimension) for factor, dimension in dimensions.items()}
        factors: Factors = {**self._config.baseline, **levels}
        return TrialSpec(
            trial=name,
            phase="search",
            variant="",
            factor="",
            level="",
            mode="",
            seed=seeds.SEARCH_REPLICATE,
            factors=factors,
        )


_SETTLED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


def _name(number: int) -> str:
    return f"search-{number:04d}"


def _sampler(settings: Search, *, seed: int) -> optuna.samplers.BaseSampler:
    if settings.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    startup = max(settings.trials_per_round, min(10, settings.trials // 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # group and constant_liar
        return optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=startup, multivariate=True, group=True, constant_liar=True
        )


def _pruner(settings: Search, *, epochs: int) -> optuna.pruners.BasePruner:
    match settings.pruner:
        case "median":
            # The first fifth of the epochs says too little: learning curves still cross.
            return optuna.pruners.MedianPruner(n_startup_trials=settings.trials_per_round, n_warmup_steps=epochs // 5)
        case "hyperband":
            return optuna.pruners.HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=3)
        case "none":
            return optuna.pruners.NopPruner()


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


def _level(value: Level, dimension: Dimension) -> Level:
    """A suggested value as a level; four digits say it, so that a table's row can be typed in again."""
    match dimension:
        case Float():
            return min(max(float(f"{value:.4g}"), dimension.low), dimension.high)
        case RateSpan():
            return format_rate(Rate(None, float(value)))
        case _:
            return value


def _parameters_of(factors: Factors, study: Study) -> dict[str, Level]:
    """A configuration as Optuna's parameters; empty where it lies outside the space."""
    if not study.space.contains(factors):
        return {}
    spans = {name for name, dimension in study.space.dimensions.items() if isinstance(dimension, RateSpan)}
    return {
        name: parse_rate(factors[name]).multiplier if name in spans else factors[name]
        for name in study.space.dimensions
    }
