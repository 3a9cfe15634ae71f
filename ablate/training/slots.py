"""Train trials in the slots of one program: an epoch of all trials at once, its validation, and the final test."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import final

import numpy as np

from ablate.data import Split
from ablate.data.array import Floats64
from ablate.data.trees import rows_of
from ablate.errors import StudyError
from ablate.study.trial import Epoch
from ablate.training.engine.batches import EpochPart, Indices, epoch_batches, evaluation_chunks
from ablate.training.engine.context import TrainingContext
from ablate.training.engine.head import TrainingState
from ablate.training.engine.objective import Tally, Trees
from ablate.training.engine.program import Program, Scores
from ablate.training.engine.scaling import evaluated_weights
from ablate.training.engine.settings import mc_samples_of, settings_of
from ablate.training.engine.start import Start
from ablate.training.packing import chances_of, pack_outputs
from ablate.training.train import EpochAccumulator, Trial, columns, in_order, lost

_NOTHING: TrainingState = (), (), ()


@final
class Slots:
    """The slots of a program for `size` trials. Errors inside a program are not caught here."""

    def __init__(self, context: TrainingContext, *, size: int) -> None:
        self._context, self._size = context, size
        self.trials: dict[int, Trial[Start]] = {}  # by slot
        self._state = _NOTHING  # while all slots are free
        self._settings = context.study.training

    def free(self) -> list[int]:
        """The slots without a trial."""
        return [slot for slot in range(self._size) if slot not in self.trials]

    def put(self, trial: Trial[Start], slot: int) -> None:
        """Start a trial in a free slot. Raises `StudyError` if its optimizer is another than that of the others."""
        program, state = trial.start.program, trial.start.state
        if self.trials and program is not self._program:
            raise StudyError("model: build compiles models of one structure with different optimizers")
        # The first trial fills all slots: free slots need valid numbers, too.
        self._state = program.replaced(self._state, slot, state) if self.trials else program.stacked([state])
        self.trials[slot] = trial

    def clear(self) -> list[Trial[Start]]:
        """Remove the trials, and release their memory on the device."""
        trials = list(self.trials.values())
        self.trials.clear()
        self._state = _NOTHING
        return trials

    def run_epoch(self) -> dict[int, Epoch]:
        """Train and validate one epoch of every trial. Returns the epochs by slot, without those of diverged trials."""
        began = time.perf_counter()
        self._thaw()
        passes, tally = self._train()
        assert tally is not None  # every epoch has a step
        with self._timed("evaluate"):
            splits = [trial.split for trial in self._all()]
            order = self._context.validation_order(splits, chunk=self._program.pieces.chunk)
            scores = self._scores(self._state, splits, order, n=len(splits[0].validation))
        seconds = (time.perf_counter() - began) / len(self.trials)
        epochs = {}
        for slot, trial in self.trials.items():
            validation = self._validated(scores.metrics[slot], slot)
            if reason := passes[slot].reason or lost(validation, decides=self._context.task.decides):
                trial.diverge(reason)
                continue
            trained = self._program.trained(tally, slot, n=passes[slot].seen)
            epochs[slot] = passes[slot].to_epoch(trial, training=trained, validation=validation, seconds=seconds)
            if trial.take(epochs[slot]):
                trial.best = self._program.row(self._state, slot)
                if mc_samples_of(self._context.study, trial.spec.factors):
                    trial.outcome = replace(trial.outcome, predictive_sd=scores.spreads[slot])
        return epochs

    def test(self) -> None:
        """Score the best weights of finished trials: the only place where the test set is read."""
        trials = [t for t in self.trials.values() if t.is_over() and t.wants_test()]
        if not trials:
            return
        splits = [trial.split for trial in trials]
        with self._timed("evaluate"):
            scores = self._scores(
                self._program.stacked([trial.best for trial in trials if trial.best is not None]),
                splits + splits[:1] * (self._size - len(splits)),
                self._context.test_order(self._size, chunk=self._program.pieces.chunk),
                n=len(self._context.test_rows()),
            )
        for row, trial in enumerate(trials):
            tested = self._context.test_rows()
            outputs = self._outputs(trial.best, trial.split, tested)
            chances = chances_of(self._context.task, self._program.kinds, outputs)
            packed = pack_outputs(self._context.task, chances, self._context.data.y_test, scores.classes_of(row))
            found = self._with_host(scores.metrics[row], outputs, self._context.data.y_test, tested)
            metrics = {**trial.outcome.metrics, **columns(found, "test")}
            trial.outcome = replace(trial.outcome, metrics=metrics, test_predictions=packed)

    def _thaw(self) -> None:
        """Unfreeze all layers, with a new optimizer, after the head has trained alone for long enough."""
        for slot, trial in self.trials.items():
            if trial.thaw.after and trial.outcome.epochs == trial.thaw.after:
                settings = settings_of(trial.spec.factors, head_only=False)
                thawed = self._program.restarted(self._program.row(self._state, slot), settings)
                self._state = self._program.replaced(self._state, slot, thawed)

    def _train(self) -> tuple[dict[int, EpochAccumulator], Tally | None]:
        """Train an epoch of every slot; returns the results by slot, and what the objective has counted."""
        passes = {slot: EpochAccumulator() for slot in self.trials}
        slots = self._all()
        permutations = {slot: trial.permutation() for slot, trial in self.trials.items()}
        some = next(iter(permutations.values()))  # stands in for those of free slots
        scaling = self._context.scaling([trial.split for trial in slots], part="train")
        orders = [permutations.get(slot, some) for slot in range(self._size)]
        batch = slots[0].settings.batch_size  # the same for all trials of a structure
        padded = self._program.is_padded
        parts = epoch_batches(orders, batch, min_rows=len(self._context.ramp), is_padded=padded)
        schedule, first, tally = self._schedule(slots, steps=sum(part.n_steps for part in parts)), 0, None
        for part in self._with_first_step(parts):
            n_steps = part.n_steps
            rates = np.zeros(part.order.shape[:2], np.float32)
            rates[:n_steps] = schedule[first : first + n_steps]
            first += n_steps
            going = [slot in passes and not passes[slot].reason for slot in range(self._size)]
            limits = [np.inf if trial.limit is None else trial.limit for trial in slots]
            with self._timed("train"):
                steps = self._program.train(
                    self._state,
                    self._context.examples,
                    scaling,
                    order=part.order,
                    sizes=part.sizes,
                    rates=rates,
                    n_steps=np.where(going, n_steps, 0).astype(np.int32),
                    max_loss=np.array(limits, np.float32),
                    tally=tally,
                )
            self._state, tally = steps.state, steps.tally
            for slot, trial in self.trials.items():
                if going[slot]:
                    if trial.limit is None:
                        trial.start_at(float(steps.losses[slot][0]))
                    passes[slot].add(steps, slot, sizes=part.sizes, limit=limits[slot])
                    passes[slot].rate = float(schedule[first - 1, slot])
        return passes, tally

    def _with_first_step(self, parts: list[EpochPart]) -> list[EpochPart]:
        """The parts of an epoch; if a trial is at its start, with the first step apart: its loss sets a limit."""
        if all(trial.limit is not None for trial in self.trials.values()) or parts[0].n_steps < 2:
            return parts
        return [*parts[0].split(1), *parts[1:]]

    def _validated(self, metrics: Mapping[str, float], slot: int) -> dict[str, float]:
        """The metrics of a validation, with those of the host."""
        if not self._program.host:
            return dict(metrics)
        split = self.trials[slot].split
        outputs = self._outputs(self._program.row(self._state, slot), split, split.validation)
        y = rows_of(self._context.data.y_train, split.validation)
        return self._with_host(metrics, outputs, y, split.validation)

    def _with_host(self, metrics: Mapping[str, float], outputs: Trees, y: Trees, rows: Indices) -> dict[str, float]:
        weights = evaluated_weights(self._context.data, rows)
        found = {**metrics, **{metric.name: metric.value(y, outputs, weights) for metric in self._program.host}}
        return in_order(found, self._context.task)

    def _outputs(self, state: TrainingState | None, split: Split, rows: Indices) -> Trees:
        """The outputs of a trial for some examples of the whole data."""
        assert state is not None
        chunk = min(len(rows), self._program.pieces.chunk)
        order = evaluation_chunks([rows.astype(np.int32)], room=len(rows), chunk=chunk)
        scaling = self._context.scaling([split], part="evaluate")
        return self._program.outputs(state, self._context.examples, scaling, order=order, n=len(rows))

    def _schedule(self, trials: Sequence[Trial[Start]], *, steps: int) -> Floats64:
        """The learning rates of the epoch's steps, (steps, slots)."""
        shape = self._context.study.schedule
        return np.stack([trial.rates(shape, steps=steps) for trial in trials], axis=1)

    def _scores(self, state: TrainingState, splits: Sequence[Split], order: Indices, *, n: int) -> Scores:
        context = self._context
        scaling = context.scaling(splits, part="evaluate")
        return self._program.evaluate(state, context.examples, scaling, order=order, n=n)

    def _all(self) -> list[Trial[Start]]:
        """The trial of each slot; in a free slot, another trial stands in and takes no step."""
        some = next(iter(self.trials.values()))
        return [self.trials.get(slot, some) for slot in range(self._size)]

    @property
    def _program(self) -> Program:
        return next(iter(self.trials.values())).start.program

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        """Count the time inside the block on the clocks of all trials, in equal shares."""
        began = time.perf_counter()
        yield
        share = (time.perf_counter() - began) / len(self.trials)
        for trial in self.trials.values():
            trial.clock.add(part, share)
