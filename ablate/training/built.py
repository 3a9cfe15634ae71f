"""Train networks that this package or a user's function builds, by compiled programs or by `model.fit`."""

import time
from collections.abc import Sequence
from functools import partial
from typing import final

from ablate.data import load_arrays
from ablate.study.trial import RateTest, TrialSpec
from ablate.training.engine.backend import contained
from ablate.training.engine.context import TrainingContext
from ablate.training.engine.contexts import Contexts
from ablate.training.fit.check import check_fitted
from ablate.training.keeping import check_keeping
from ablate.training.pretraining import find_origin
from ablate.training.run_range_test import RateFinder
from ablate.training.stack import run_trials
from ablate.training.train import failed
from ablate.training.trainers import Feed, TrainerTask
from ablate.training.trial_error import TrialError


@final
class BuiltModels:
    """Trains specs of one structure at a time, on the examples of their configuration."""

    def __init__(self, task: TrainerTask) -> None:
        self._cache = task.cache
        memory, data = task.cache / "ways" if task.cache else None, load_arrays(task.arrays)
        origin = find_origin(task.study, data, cache=task.cache, room=task.room, on_epoch=task.on_life)
        make = partial(
            TrainingContext,
            task.study,
            stack=task.stack,
            memory=memory,
            origin=origin,
            room=task.room,
            kept_in=task.kept_in,
        )
        self._contexts = Contexts(task.study, data, make, room=task.room)
        self._baseline = task.study.baseline
        self._found: dict[str, RateTest] = {}  # range tests

    def check(self) -> tuple[str, ...]:
        """Build the models of the baseline and its variations; returns notices for the user."""
        context = self._contexts.of(self._baseline)
        notices = context.check()
        return (*check_fitted(context), *notices, *check_keeping(context))

    def train(self, specs: Sequence[TrialSpec], feed: Feed) -> None:
        """Train specs of one structure to their ends."""
        began = time.perf_counter()
        try:
            context = contained(lambda: self._contexts.of(specs[0].factors))
        except TrialError as broken:  # its examples cannot be loaded
            for spec in specs:
                feed.tell(failed(spec, broken, seconds=time.perf_counter() - began))
            return
        finder = RateFinder(context, cache=self._cache / "lr_tests" if self._cache else None, found=self._found)
        run_trials(specs, context, finder, feed)
