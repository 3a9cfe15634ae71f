"""A search's trials into an SQLite file that Optuna can read, and back: what the next run of a study goes on with.

A trial costs three writes, whatever its epochs: when it is asked for, when it is told (its curve in one piece), and
when its round is settled. One write takes 1.3 ms, and 20 ms where other programs keep the machine busy.
"""

from collections.abc import Collection
from copy import copy
from pathlib import Path

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

CURVE = "curve"  # user attribute of a trial: values by epoch, and the pruner's own notes


class SearchFile:
    """The file of one search. Only the parent process opens it."""

    def __init__(self, path: Path, *, study: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
        try:
            self._study = self._storage.create_new_study([StudyDirection.MAXIMIZE], study)
        except optuna.exceptions.DuplicatedStudyError:
            self._study = self._storage.get_study_id_from_name(study)
        trials = self._storage.get_all_trials(self._study, deepcopy=False)
        self._ids = {trial.number: trial._trial_id for trial in trials}

    def trials(self, *, told: Collection[int]) -> list[FrozenTrial]:
        """All of them, by number. Of those not settled, only the numbers in `told` keep their curve.

        The others are trained again from the start, and their epochs decided on anew.
        """
        trials = self._storage.get_all_trials(self._study)
        return [_with_curve(t, keep=t.state.is_finished() or t.number in told) for t in trials]

    def add(self, trial: FrozenTrial) -> None:
        """Write a trial that was asked for."""
        self._ids[trial.number] = self._storage.create_new_trial(self._study, trial)

    def keep_curve(self, trial: FrozenTrial) -> None:
        """Write what was reported of a trial that ended."""
        curve = {"values": list(trial.intermediate_values.items()), "notes": trial.system_attrs}
        self._storage.set_trial_user_attr(self._ids[trial.number], CURVE, curve)

    def settle(self, trial: FrozenTrial) -> None:
        """Write how a trial ended; nothing changes it after that."""
        self._storage.set_trial_state_values(self._ids[trial.number], trial.state, trial.values)


def _with_curve(trial: FrozenTrial, *, keep: bool) -> FrozenTrial:
    curve = trial.user_attrs.get(CURVE) if keep else None
    whole = copy(trial)
    whole.user_attrs = {}
    whole.intermediate_values = dict(curve["values"]) if curve else {}
    whole.system_attrs = curve["notes"] if curve else trial.system_attrs
    return whole
