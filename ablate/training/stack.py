"""Train specs of one structure to their outcomes, several trials per program; a free slot takes the next trial.

Slots are refilled at the end of an epoch, as a model server refills a batch. Each slot has its own data order, rate,
step count, early stopping and state, so that a trial's numbers equal those of training alone, up to rounding.
"""

import math
import time
from collections.abc import Sequence
from typing import final

from ablate.clock import Clock
from ablate.study.trial import TrialSpec
from ablate.training.engine.backend import contained
from ablate.training.engine.context import TrainingContext
from ablate.training.fit.trainer import fit_trials
from ablate.training.inspection import inspect_layers
from ablate.training.keeping import keep_compiled
from ablate.training.run_range_test import RateFinder
from ablate.training.slots import Slots
from ablate.training.train import begin, failed
from ablate.training.trainers import Feed
from ablate.training.trial_error import TrialError


def run_trials(specs: Sequence[TrialSpec], context: TrainingContext, finder: RateFinder, feed: Feed) -> None:
    """Train specs of one structure, and those that `feed` adds, to their ends.

    Any error in a trial becomes its outcome. If it is unclear which trial caused it, the trials of a
    stack start over in stacks of half the size; a single trial that runs out of memory starts over with micro-batches.
    """
    if _is_fitted(specs[0], context):
        fit_trials(specs, context, finder, feed)
        return
    waiting, most = list(specs), _most(specs[0], context)
    while waiting:
        if len(waiting) < most:
            waiting += feed.more(most - len(waiting))
        size = min(most, 2 ** math.ceil(math.log2(len(waiting))))
        waiting = Stack(context, finder, feed, size=size).run(waiting)
        most = max(1, min(most, size) // 2) if waiting else most


@final
class Stack:
    """Trials in the slots of one program, taken from a feed and reported to it."""

    def __init__(self, context: TrainingContext, finder: RateFinder, feed: Feed, *, size: int) -> None:
        self._context, self._finder, self._feed, self._size = context, finder, feed, size
        self._slots = Slots(context, size=size)
        self._waiting: list[TrialSpec] = []
        self._again: list[TrialSpec] = []  # specs that could not begin here
        self._spent: dict[str, float] = {}  # seconds spent on trials that start over with micro-batches

    def run(self, specs: Sequence[TrialSpec]) -> list[TrialSpec]:
        """Train until no slot is taken and nothing waits; returns the specs that must start over in a smaller stack."""
        self._waiting = list(specs)
        while self._waiting or self._slots.trials:
            self._fill()
            try:
                if self._slots.trials:
                    self._run_epoch()
            except TrialError as broken:
                trials = self._slots.clear()
                if self._size > 1:
                    return [*self._again, *(trial.spec for trial in trials), *self._waiting]
                trial = trials.pop()
                spec, epochs, seconds = trial.spec, trial.epochs_begun(), trial.clock.total()
                del trial  # releases its memory on the device, too
                self._break(spec, broken, seconds=seconds, epochs=epochs)
        return self._again

    def _fill(self) -> None:
        """Put waiting trials into free slots, and request more while others are running."""
        free = self._slots.free()
        if self._slots.trials and len(self._waiting) < len(free):
            self._waiting += self._feed.more(len(free) - len(self._waiting))
        for slot in free:
            while self._waiting and slot not in self._slots.trials:
                self._admit(self._waiting.pop(0), slot)

    def _admit(self, spec: TrialSpec, slot: int) -> None:
        clock = Clock()

        def enter() -> None:
            trial = begin(spec, self._context, self._finder, clock, size=self._size)
            inspect_layers(trial, self._context, "start")
            self._slots.put(trial, slot)

        try:
            contained(enter)
        except TrialError as broken:
            if self._size > 1:  # unclear cause: some operations cannot be mapped over trials
                self._again.append(spec)
            else:
                self._break(spec, broken, seconds=clock.total())
        else:
            self._slots.trials[slot].seconds = clock.total() + self._spent.get(spec.trial, 0.0)

    def _break(self, spec: TrialSpec, broken: TrialError, *, seconds: float, epochs: int = 0) -> None:
        """End a trial that failed alone, or restart it with micro-batches if it ran out of memory."""
        seconds += self._spent.get(spec.trial, 0.0)
        try:
            self._context.shrink_batches(spec.factors, broken)
        except TrialError as final:
            parts = self._context.pieces(spec.factors).parts
            self._feed.tell(failed(spec, final, seconds=seconds, epochs=epochs, parts=parts))
        else:
            self._spent[spec.trial] = seconds
            self._waiting.insert(0, spec)

    def _run_epoch(self) -> None:
        began, trials = time.perf_counter(), self._slots.trials
        epochs = contained(self._slots.run_epoch)
        verdicts = self._feed.report(list(epochs.values())) if epochs else []
        for slot, goes_on in zip(epochs, verdicts, strict=True):
            if not goes_on:
                trials[slot].prune()
        contained(self._slots.test)
        for trial in trials.values():
            if trial.is_over():
                inspect_layers(trial, self._context, "end")
                keep_compiled(trial, self._context)
        for trial in trials.values():
            trial.seconds += (time.perf_counter() - began) / len(trials)
        for slot, trial in list(trials.items()):
            if trial.is_over():
                del trials[slot]
                self._feed.tell(trial.ended())


def _is_fitted(spec: TrialSpec, context: TrainingContext) -> bool:
    """Whether `model.fit` trains a spec's model; not if it cannot be built."""
    try:
        return contained(lambda: bool(context.why_fit(spec.factors)))
    except TrialError:  # as below
        return False


def _most(spec: TrialSpec, context: TrainingContext) -> int:
    """The maximum number of trials of a spec's structure to train together; 1 if its model cannot be built."""
    try:
        return contained(lambda: context.stack_size(spec.factors))
    except TrialError:  # training it alone shows the error
        return 1
