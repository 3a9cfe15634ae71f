"""Specs of one structure into outcomes, several trials in one program; a slot that falls free takes the next trial.

Slots are refilled at the end of an epoch, as a model server refills a batch. Each slot has its own data order, rate,
step count, early stopping and verdict, so that a trial's numbers are those it has alone, up to rounding.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol, TypeAlias, final

import numpy as np

from ablate.clock import Clock
from ablate.engine.batches import epoch_batches
from ablate.engine.program import Program, State
from ablate.engine.workbench import Workbench
from ablate.rate_finder import RateFinder
from ablate.records import Epoch, Outcome, TrialSpec
from ablate.training import Pass, Trial, begin, failed

OnEpoch: TypeAlias = Callable[[Epoch], bool]  # False: stop this trial


class Feed(Protocol):
    """Where trials come from, and where what becomes of them goes."""

    def more(self, n: int) -> Sequence[TrialSpec]:
        """Up to `n` more specs of the structure in training; none where there are no such specs now."""
        ...

    def report(self, epochs: Sequence[Epoch]) -> Sequence[bool]:
        """Take note of an epoch of some trials; False stops that trial."""
        ...

    def tell(self, outcome: Outcome) -> None:
        """Take note of how a trial ended."""
        ...


def run_trials(specs: Sequence[TrialSpec], bench: Workbench, finder: RateFinder, feed: Feed) -> None:
    """Train specs of one structure, and those that `feed` adds, to their ends.

    Whatever goes wrong in a trial becomes its outcome. Where it cannot be told whose fault it was, the trials of a
    stack start over in stacks of half the size.
    """
    waiting, most = list(specs), _most(specs[0], bench)
    while waiting:
        if len(waiting) < most:
            waiting += feed.more(most - len(waiting))
        size = min(most, 2 ** math.ceil(math.log2(len(waiting))))
        waiting = Stack(bench, finder, feed, size=size).run(waiting)
        most = max(1, min(most, size) // 2) if waiting else most


def run_trial(spec: TrialSpec, bench: Workbench, finder: RateFinder, on_epoch: OnEpoch = lambda _: True) -> Outcome:
    """Train one spec to its end."""
    feed = _Single(on_epoch)
    Stack(bench, finder, feed, size=1).run([spec])
    return feed.outcomes[0]


@final
class Stack:
    """Slots of one program, and the trials in them."""

    def __init__(self, bench: Workbench, finder: RateFinder, feed: Feed, *, size: int) -> None:
        self._bench, self._finder, self._feed, self._size = bench, finder, feed, size
        self._trials: dict[int, Trial] = {}  # by slot
        self._again: list[TrialSpec] = []  # could not begin here
        self._state: State = (), (), ()  # as long as no slot is taken
        self._settings = bench.study.training

    def run(self, specs: Sequence[TrialSpec]) -> list[TrialSpec]:
        """Train until no slot is taken and nothing waits; the specs that have to start over in a smaller stack."""
        waiting = list(specs)
        while waiting or self._trials:
            try:
                self._fill(waiting)
                if self._trials:
                    self._run_epoch()
            except Exception as err:
                if self._size > 1:
                    return [*self._again, *(trial.spec for trial in self._trials.values()), *waiting]
                for trial in self._trials.values():
                    self._feed.tell(failed(trial.spec, err, seconds=trial.seconds))
                self._trials.clear()
        return self._again

    def _fill(self, waiting: list[TrialSpec]) -> None:
        """Put waiting trials into free slots, and ask for more where others go on meanwhile."""
        free = [slot for slot in range(self._size) if slot not in self._trials]
        if self._trials and len(waiting) < len(free):
            waiting += self._feed.more(len(free) - len(waiting))
        for slot in free:
            while waiting and slot not in self._trials:
                self._admit(waiting.pop(0), slot)

    def _admit(self, spec: TrialSpec, slot: int) -> None:
        clock = Clock()
        try:
            trial = begin(spec, self._bench, self._finder, clock, size=self._size)
        except Exception as err:
            if self._size > 1:  # the trial's fault, or the program's: some operations cannot be mapped over trials
                self._again.append(spec)
            else:
                self._feed.tell(failed(spec, err, seconds=clock.total()))
            return
        program, state = trial.start.program, trial.start.state
        # The first trial fills all slots: those that stay free need some numbers.
        self._state = program.replaced(self._state, slot, state) if self._trials else program.stacked([state])
        trial.seconds = clock.total()
        self._trials[slot] = trial

    def _run_epoch(self) -> None:
        """Train and validate one epoch of every trial, and settle those that are over."""
        began = time.perf_counter()
        passes = self._train()
        with self._timed("evaluate"):
            splits = [trial.split for trial in self._slots()]
            scores = self._program.evaluate(
                self._state,
                self._bench.examples,
                self._bench.scaling(splits),
                order=self._bench.validation_order(splits),
                n=len(splits[0].validation),
            )
        seconds = (time.perf_counter() - began) / len(self._trials)
        epochs = {}
        for slot, trial in self._trials.items():
            if reason := passes[slot].reason or _not_finite(scores.losses[slot]):
                trial.diverge(reason)
            else:
                loss, accuracy = float(scores.losses[slot]), float(scores.accuracies[slot])
                epochs[slot] = passes[slot].to_epoch(trial, val_loss=loss, val_accuracy=accuracy, seconds=seconds)
        self._take(epochs)
        self._test()
        for trial in self._trials.values():
            trial.seconds += (time.perf_counter() - began) / len(self._trials)
        self._settle()

    def _train(self) -> dict[int, Pass]:
        passes = {slot: Pass() for slot in self._trials}
        slots = self._slots()
        permutations = {slot: trial.permutation() for slot, trial in self._trials.items()}
        some = next(iter(permutations.values()))  # stands in for a free slot's
        scaling = self._bench.scaling([trial.split for trial in slots])
        rates = np.array([trial.rate for trial in slots], np.float32)
        orders = [permutations.get(slot, some) for slot in range(self._size)]
        for order, n_steps in epoch_batches(orders, self._settings.batch_size, min_rows=len(self._bench.ramp)):
            going = [slot in passes and not passes[slot].reason for slot in range(self._size)]
            with self._timed("train"):
                steps = self._program.train(
                    self._state,
                    self._bench.examples,
                    scaling,
                    order=order,
                    rates=np.tile(rates, (len(order), 1)),
                    n_steps=np.where(going, n_steps, 0).astype(np.int32),
                    max_loss=self._settings.max_loss,
                )
            self._state = steps.state
            for slot in passes:
                if going[slot]:
                    passes[slot].add(steps, slot, batch=order.shape[2], limit=self._settings.max_loss)
        return passes

    def _take(self, epochs: Mapping[int, Epoch]) -> None:
        for slot, epoch in epochs.items():
            trial = self._trials[slot]
            if trial.take(epoch, settings=self._settings):
                trial.best = self._program.row(self._state, slot)
        verdicts = self._feed.report(list(epochs.values())) if epochs else []
        for slot, goes_on in zip(epochs, verdicts, strict=True):
            if not goes_on:
                self._trials[slot].prune()

    def _test(self) -> None:
        """Score the best weights of trials that are over: the one place where the test set is read."""
        trials = [t for t in self._trials.values() if t.is_over(self._settings) and t.wants_test()]
        if not trials:
            return
        splits = [trial.split for trial in trials]
        with self._timed("evaluate"):
            scores = self._program.evaluate(
                self._program.stacked([trial.best for trial in trials if trial.best is not None]),
                self._bench.examples,
                self._bench.scaling(splits + splits[:1] * (self._size - len(splits))),
                order=self._bench.test_order(self._size),
                n=len(self._bench.data.y_test),
            )
        for row, trial in enumerate(trials):
            loss, accuracy = float(scores.losses[row]), float(scores.accuracies[row])
            trial.outcome = replace(trial.outcome, test_loss=loss, test_accuracy=accuracy)

    def _settle(self) -> None:
        for slot, trial in list(self._trials.items()):
            if trial.is_over(self._settings):
                del self._trials[slot]
                self._feed.tell(trial.ended())

    def _slots(self) -> list[Trial]:
        """The trial of each slot; in a free one, another's stands in and takes no step."""
        some = next(iter(self._trials.values()))
        return [self._trials.get(slot, some) for slot in range(self._size)]

    @property
    def _program(self) -> Program:
        return next(iter(self._trials.values())).start.program

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        """Count the time inside the block on the clocks of all trials, in equal shares."""
        began = time.perf_counter()
        yield
        share = (time.perf_counter() - began) / len(self._trials)
        for trial in self._trials.values():
            trial.clock.add(part, share)


@final
class _Single:
    """The feed of one trial."""

    def __init__(self, on_epoch: OnEpoch) -> None:
        self._on_epoch = on_epoch
        self.outcomes: list[Outcome] = []

    def more(self, n: int) -> Sequence[TrialSpec]:
        del n
        return ()

    def report(self, epochs: Sequence[Epoch]) -> Sequence[bool]:
        return [self._on_epoch(epoch) for epoch in epochs]

    def tell(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


def _most(spec: TrialSpec, bench: Workbench) -> int:
    """How many trials of a spec's structure may train together; 1 where its model cannot be built."""
    try:
        return bench.stack_size(spec.factors)
    except Exception:  # training it alone says what is wrong
        return 1


def _not_finite(loss: float) -> str:
    return "" if math.isfinite(loss) else "the validation loss is not a finite number"
