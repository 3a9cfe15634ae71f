"""A study into a plan that asks Optuna: ask and tell, pruning epoch by epoch.

Trials are asked for in rounds, and a round's results are told together, in the order in which they were asked. Neither
the sampler nor the median rule sees a result of its own round, so the search is the same for any number of workers up
to the round's size. (Hyperband compares a trial with others that are still running: with it, that holds for one worker
only.)

Optuna decides in memory, and the file is for the next run: a verdict that reads and writes SQLite takes 2 to 6 ms, one
in memory 0.02 ms, and meanwhile no other worker would get its own.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from ablate import seeds
from ablate.records import Epoch, Outcome, TrialSpec
from ablate.search.file import SearchFile
from ablate.search.terms import make_pruner, make_sampler, suggest_all, to_factors, to_parameters
from ablate.study import Study

_SETTLED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


class SearchPlan:
    """The search phase of a study, which goes on where an earlier run of it stopped.

    `storage` is an SQLite file. `chance` is the score of guessing, told for a trial that diverged, so that the sampler
    learns from it. `known` are the outcomes of trials that were settled in earlier runs.
    """

    def __init__(self, study: Study, *, storage: Path, chance: float, known: Mapping[str, Outcome]) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._config, self._chance = study, chance
        self._study = optuna.create_study(
            study_name=study.name,
            direction="maximize",
            sampler=optuna.samplers.RandomSampler(seed=0),  # a sampler of its own is set before each trial
            pruner=make_pruner(study.search, epochs=study.training.epochs),
        )
        self._file = SearchFile(storage, study=study.name)
        trials = self._file.trials(told=[number for number in range(study.search.trials) if _name(number) in known])
        self._study.add_trials(trials)
        if not trials and (start := to_parameters(study.baseline, study)):
            self._study.enqueue_trial(start)
        # Trials that an earlier run had asked for: Optuna has no public way back from a stored trial to a live one.
        running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        self._round = {_name(t.number): optuna.Trial(self._study, t._trial_id) for t in running}
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
        if epoch.epoch not in self._frozen(trial).intermediate_values:  # by an earlier attempt, with the same value
            by_accuracy = self._config.training.monitor == "val_accuracy"
            trial.report(epoch.val_accuracy if by_accuracy else -epoch.val_loss, epoch.epoch)
        return not trial.should_prune()

    def tell(self, outcome: Outcome) -> None:
        """Keep the outcome until its round is complete; a killed trial stays open for the next run."""
        if outcome.state != "killed":
            self._file.keep_curve(self._frozen(self._round[outcome.trial]))
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
            self._file.settle(self._frozen(trial))
        self._round, self._told, self._handed_out = {}, {}, set()

    def _ask(self) -> optuna.Trial:
        # The sampler's seed depends on the trial's number alone, so a resumed search asks what it would have.
        number = len(self._study.get_trials(deepcopy=False, states=(*_SETTLED, TrialState.RUNNING)))
        seed = seeds.integer(self._config.seed, seeds.SEARCH_REPLICATE, "search", layer=number)
        self._study.sampler = make_sampler(self._config.search, seed=seed)
        trial = self._study.ask()
        suggest_all(trial, self._config)
        self._file.add(self._frozen(trial))
        return trial

    def _frozen(self, trial: optuna.Trial) -> FrozenTrial:
        return self._study.get_trials(deepcopy=False)[trial.number]

    def _spec(self, name: str) -> TrialSpec:
        return TrialSpec(
            trial=name,
            phase="search",
            variant="",
            factor="",
            level="",
            mode="",
            seed=seeds.SEARCH_REPLICATE,
            factors=to_factors(self._round[name].params, self._config),
        )


def _name(number: int) -> str:
    return f"search-{number:04d}"
