"""Search with Optuna: ask for trials in rounds, prune after each epoch, tell the results.

Trials are asked for in rounds, and a round's results are told together, in the order in which they were asked. Neither
the sampler nor the median rule sees a result of its own round, so the search is the same for any number of workers up
to the round's size. (Hyperband and asynchronous successive halving compare a trial with others that are still running:
with these, that holds for one worker only. What they decide is written to the file at once, so that a resumed search
stands by it.) Of the objective "seconds" this holds for equal recorded seconds, which a resumed search reads again.

Optuna decides in memory, and the file serves the next run: a verdict that reads and writes SQLite takes 2 to 6 ms, one
in memory 0.02 ms, and no other worker gets a verdict meanwhile.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from ablate.errors import AblateError
from ablate.plans.optuna_terms import (
    directions,
    heeds_running,
    make_pruner,
    make_sampler,
    suggest_all,
    to_factors,
    to_parameters,
)
from ablate.plans.search_endings import Endings
from ablate.plans.search_storage import STOPPED, DamageError, SearchFile
from ablate.storage.journal import Entry
from ablate.study import seeds
from ablate.study.objectives import SearchObjective
from ablate.study.settings import StudySettings
from ablate.study.trial import ACCURACY, Epoch, Label, Monitor, Outcome, TrialSpec, score_of

_SETTLED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


class SearchPlan:
    """The search phase of a study; resumes where an earlier run stopped.

    `storage` is an SQLite file. `chance` is the score of guessing, told to Optuna for a diverged trial, so that the
    sampler learns from it. `known` are the search trials that were settled in earlier runs. They take precedence: if
    the file contradicts them, or is lost or damaged, it is put aside, and the same trials are asked for again and told
    the known results. `announce` receives a message about that, and about waiting for a file that another program has
    locked.

    With several `objectives` nothing is pruned. `epochs_of` gives the epochs of any trial of the study, which a search
    trial may repeat.
    """

    def __init__(
        self,
        study: StudySettings,
        *,
        storage: Path,
        chance: float,
        known: Iterable[Entry],
        monitor: Monitor = ACCURACY,
        announce: Callable[[str], None] = lambda _: None,
        objectives: Sequence[SearchObjective] = (),
        epochs_of: Callable[[str], Sequence[Epoch]] = lambda _: (),
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._config, self._monitor, self._is_pruned = study, monitor, not objectives
        self._is_recorded = heeds_running(study.search)
        self._known = {entry.spec.trial: entry for entry in known}
        self._endings = Endings(objectives, chance=chance, sign=monitor.sign, epochs_of=epochs_of, announce=announce)
        self._study = optuna.create_study(
            study_name=study.name,
            directions=directions(objectives),
            sampler=optuna.samplers.RandomSampler(seed=0),  # replaced before each trial by a sampler of its own
            pruner=make_pruner(study.search, epochs=study.training.epochs),
        )
        self._file = SearchFile(storage, study=study.name, announce=announce, directions=directions(objectives))
        self._note_known()
        trials = self._stored()
        self._study.add_trials(trials)
        if not trials and (start := to_parameters(study.baseline, study)):
            self._study.enqueue_trial(start)
        # Trials that an earlier run had asked for: Optuna has no public way to reopen a stored trial.
        running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        self._round = {_name(t.number): optuna.Trial(self._study, t._trial_id) for t in running}
        self._told = {trial: self._known[trial].outcome for trial in self._round if trial in self._known}
        self._handed_out = set(self._told)
        self._settle_if_told()
        if self._round:
            self._fill_round()

    def ask(self, n: int) -> Sequence[TrialSpec]:
        """Up to `n` specs of this round; none while its last trials are running, and none at the end of the search."""
        self._settle_if_told()
        while not self._round and self._fill_round():
            self._settle_if_told()
        waiting = [name for name in self._round if name not in self._handed_out][:n]
        self._handed_out.update(waiting)
        return [self._spec(name) for name in waiting]

    def report(self, epoch: Epoch) -> bool:
        """Report to the pruner; False if it stops the trial. An attempt that starts over gets the same verdicts."""
        if not self._is_pruned:
            self._endings.pass_epoch(epoch)
            return True
        trial = self._round[epoch.trial]
        before = self._frozen(trial)
        if epoch.epoch in before.intermediate_values:  # an earlier attempt reported it
            return before.user_attrs.get(STOPPED) != epoch.epoch
        trial.report(score_of(epoch, self._monitor), epoch.epoch)
        stops = trial.should_prune()
        if stops:
            trial.set_user_attr(STOPPED, epoch.epoch)
        if self._is_recorded and (stops or self._frozen(trial).system_attrs != before.system_attrs):
            self._file.keep_curve(self._frozen(trial))
        return not stops

    def tell(self, outcome: Outcome) -> None:
        """Keep the outcome until its round is complete; a killed trial stays open for the next run."""
        if outcome.state != "killed":
            self._file.keep_curve(self._frozen(self._round[outcome.trial]))
            self._endings.note(outcome, number=self._round[outcome.trial].number)
            self._told[outcome.trial] = outcome

    def _note_known(self) -> None:
        for epoch in (epoch for entry in self._known.values() for epoch in entry.epochs):
            self._endings.pass_epoch(epoch)
        for entry in self._known.values():
            self._endings.note(entry.outcome, number=entry.spec.label.number or 0)

    def _stored(self) -> list[FrozenTrial]:
        """The trials in the file; none if it contradicts the known trials and was replaced by an empty file."""
        try:
            known = [n for n in range(self._config.search.trials) if _name(n) in self._known]
            trials = self._file.trials(told=known, recorded=self._is_recorded)
            for number, trial in enumerate(trials):
                self._compare(trial, number)
        except DamageError as err:
            self._file.begin_anew(str(err))
            return []
        return trials

    def _compare(self, trial: FrozenTrial, number: int) -> None:
        """Raise `DamageError` if trial `number` of the file differs from the known trial."""
        entry = self._known.get(_name(number))
        try:
            factors = to_factors(trial.params, self._config)
        except (KeyError, ValueError, TypeError) as err:
            raise DamageError(f"{_name(number)} has unknown levels") from err
        if trial.number != number or (entry is not None and entry.spec.factors != factors):
            raise DamageError(f"{_name(number)} is a different trial than in the journal")
        if trial.state.is_finished():
            values = trial.values if trial.state is TrialState.COMPLETE else None
            if entry is None or (trial.state, values) != self._endings.of(entry.outcome):
                raise DamageError(f"{_name(number)} ended differently than in the journal")

    def _fill_round(self) -> bool:
        """Ask for the trials that the round lacks; False if none are left. Known trials are told at once."""
        settled = len(self._study.get_trials(deepcopy=False, states=_SETTLED))
        size = min(self._config.search.trials_per_round, self._config.search.trials - settled)
        while len(self._round) < size:
            trial = self._ask()
            self._round[_name(trial.number)] = trial
        for name in self._round:
            if name in self._known and name not in self._told:
                self._recall(self._known[name])
        return bool(self._round)

    def _recall(self, entry: Entry) -> None:
        """Repeat a known trial that the file had lost."""
        trial = entry.spec.trial
        if self._spec(trial).factors != entry.spec.factors:
            raise AblateError(
                f"{self._file.path}: {trial} differs from the trial that was trained, so the search cannot resume\n"
                "  results.csv and trials.jsonl are complete; --fresh starts again and reuses cached trials"
            )
        for epoch in entry.epochs:
            self.report(epoch)
        self._handed_out.add(trial)
        self.tell(entry.outcome)

    def _settle_if_told(self) -> None:
        """Write the results of a round to the file, once all are known and the journal has them."""
        if not self._round or len(self._told) < len(self._round):
            return
        for name, trial in self._round.items():
            state, values = self._endings.of(self._told[name])
            self._study.tell(trial, values, state=state if values is None else None)
            self._file.settle(self._frozen(trial))
        self._round, self._told, self._handed_out = {}, {}, set()

    def _ask(self) -> optuna.Trial:
        # The sampler's seed depends on the trial's number alone, so that a resumed search asks for the same trials.
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
        trial = self._round[name]
        factors = to_factors(trial.params, self._config)
        return TrialSpec(name, Label("search", number=trial.number), seeds.SEARCH_REPLICATE, factors)


def _name(number: int) -> str:
    return f"search-{number:04d}"
