"""Compile the programs of a study's structures, each once per process, with a compile policy for the device."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import keras
import numpy as np

from ablate.data import Split
from ablate.storage.conditions import Conditions
from ablate.study.catalog import Structure, structure_of
from ablate.study.settings import StudySettings
from ablate.study.trial import Factors
from ablate.training.engine import compiling
from ablate.training.engine.batches import WHOLE, EpochPart, MicroBatches, epoch_batches, evaluation_chunks
from ablate.training.engine.compiled_optimizer import optimizer_for, optimizer_key
from ablate.training.engine.examples import Examples
from ablate.training.engine.head import TrainingState
from ablate.training.engine.learning import Learning
from ablate.training.engine.program import Program, Scaling
from ablate.training.engine.settings import batch_size_of

CountedPart: TypeAlias = Literal["train", "evaluate"]  # of a trial: how its examples count
MEASURED_SECONDS = 0.2  # seconds of training steps measured for each compile policy


class Programs:
    """The programs of one study in this process.

    `split` returns a split; all have the same shapes. An epoch has at least `min_rows` rows, an evaluation
    capacity for `room` examples. `memory` is a folder in which choices outlive the process; None: nothing is kept.
    `learning` says how a configuration's model learns, `scaling` gives that of splits.
    """

    def __init__(
        self,
        study: StudySettings,
        examples: Examples,
        split: Callable[[], Split],
        conditions: Conditions,
        *,
        min_rows: int,
        room: int,
        memory: Path | None,
        learning: Callable[[keras.Model, Factors], Learning],
        scaling: Callable[[Sequence[Split], CountedPart], Scaling],
    ) -> None:
        self._study, self._examples, self._split, self._learning = study, examples, split, learning
        self._scaling_of = scaling
        self._min_rows, self._room, self._memory = min_rows, room, memory
        self._conditions, self._on_gpu = conditions, conditions.device.startswith("GPU")
        self._programs: dict[tuple[Structure, int, bool, int | None, str], Program] = {}
        self._xla: dict[Structure, bool] = {}
        self._rejected: dict[Structure, str] = {}  # notes on structures that XLA cannot compile
        # The micro-batches of structures that ran out of memory. Kept as long as the process, so
        # that only the first of 20 trials of a structure fails; other structures begin with whole batches.
        self._pieces: dict[Structure, MicroBatches] = {}
        self._best_size: int | None = None

    def get(self, model: keras.Model, factors: Factors, *, size: int, own: int | None = None) -> Program:
        """The program for `size` trials of the structure of `model`.

        `own` is the replicate of a model with constants made from its training examples, which no other shares.
        """
        structure = self._structure(factors)
        if structure not in self._xla:
            self._xla[structure] = self._choose_xla(model, factors, structure, size=size, own=own)
        return self._compiled(model, factors, size=size, xla=self._xla[structure], own=own)

    def best_size(self, build: Callable[[], keras.Model], factors: Factors) -> int:
        """The number of trials per program on this device, measured once per study with the first structure."""
        if not self._on_gpu:
            return 1  # measured: on a CPU, two trials in one program take 1.5 times as long each as in sequence
        if self._best_size is None:
            model = build()

            def seconds(size: int) -> float:
                return self._seconds_a_step(self.get(model, factors, size=size), model, batch=self.batch(factors))

            self._best_size = compiling.remembered(
                self._place("size"), lambda: compiling.best_size(seconds, most=compiling.MOST), kind=compiling.SIZE
            )
        return self._best_size

    def pieces(self, factors: Factors) -> MicroBatches:
        """How a trial of this structure splits its batches if it trains alone."""
        return self._pieces.get(self._structure(factors), WHOLE)

    def cut(self, factors: Factors) -> bool:
        """Use smaller micro-batches from now on if this structure trains alone, and release its programs.

        False if nothing smaller may be tried: then its programs stay as they are.
        """
        structure = self._structure(factors)
        for key in [key for key in self._programs if key[0] == structure]:
            del self._programs[key]
        smaller = self.pieces(factors).smaller(batch=self.batch(factors), doublings=self._study.retries.out_of_memory)
        if smaller is not None:
            self._pieces[structure] = smaller
        return smaller is not None

    def batch(self, factors: Factors) -> int:
        """Examples of a full batch of this structure."""
        return min(batch_size_of(self._study, factors), len(self._split().train))

    def _choose_xla(
        self, model: keras.Model, factors: Factors, structure: Structure, *, size: int, own: int | None
    ) -> bool:
        known = compiling.uses_xla(model, on_gpu=self._on_gpu)
        if known:
            reason = compiling.rejected(lambda: self._compiled(model, factors, size=size, xla=True, own=own))
            if reason:
                self._rejected[structure] = f"trained without XLA, which cannot compile it: {reason}"
            return not reason
        if known is not None:
            return known

        def seconds(xla: bool) -> float:
            program = self._compiled(model, factors, size=1, xla=xla)
            return self._seconds_a_step(program, model, batch=self.batch(factors))

        return compiling.remembered(
            self._place("xla", *structure), lambda: compiling.faster_with_xla(seconds), kind=compiling.YES_OR_NO
        )

    def _compiled(
        self, model: keras.Model, factors: Factors, *, size: int, xla: bool, own: int | None = None
    ) -> Program:
        key = self._structure(factors), size, xla, own, optimizer_key(model, factors)
        if key not in self._programs:
            optimizer = optimizer_for(model, factors, precision=self._study.training.precision)
            pieces = self.pieces(factors) if size == 1 else WHOLE
            learning = self._learning(model, factors)
            program = Program(
                model,
                optimizer,
                size=size,
                xla=xla,
                pieces=pieces,
                objective=learning.objective,
                prepare=learning.prepare,
                host=learning.host,
                kinds=learning.kinds,
                notes=(*learning.notes, *([self._rejected[key[0]]] if key[0] in self._rejected else [])),
            )
            self._compile(program, program.stacked([program.initial_state(model)]), batch=self.batch(factors))
            self._programs[key] = program
        return self._programs[key]

    def _compile(self, program: Program, state: TrainingState, *, batch: int) -> None:
        for part in self._batches(program, batch):
            self._train(program, state, part, n_steps=0)
        validation = [self._split().validation] * program.size
        order = evaluation_chunks(validation, room=self._room, chunk=program.pieces.chunk)
        n = 0 if not program.objective.is_exact else order.shape[2]  # an exact evaluation is compiled by its shapes
        scaling = self._scaling(program.size, "evaluate")
        program.evaluate(state, self._examples, scaling, order=order, n=min(n, len(validation[0])))

    def _seconds_a_step(self, program: Program, model: keras.Model, *, batch: int) -> float:
        state = program.stacked([program.initial_state(model)])
        part = self._batches(program, batch)[0]

        def seconds(n_steps: int) -> float:
            began = time.perf_counter()
            self._train(program, state, part, n_steps=n_steps)
            return time.perf_counter() - began

        seconds(1)  # the first call allocates
        n = max(1, min(part.n_steps, round(MEASURED_SECONDS / seconds(1))))
        return min(seconds(n) for _ in range(3)) / n

    def _batches(self, program: Program, batch: int) -> list[EpochPart]:
        train = [self._split().train] * program.size
        return epoch_batches(train, batch, min_rows=self._min_rows, is_padded=program.is_padded)

    def _train(self, program: Program, state: TrainingState, part: EpochPart, *, n_steps: int) -> None:
        program.train(
            state,
            self._examples,
            self._scaling(program.size),
            order=part.order,
            sizes=part.sizes,
            rates=np.zeros(part.order.shape[:2], np.float32),
            n_steps=np.full(program.size, n_steps, np.int32),
            max_loss=np.inf,
        )

    def _scaling(self, size: int, part: CountedPart = "train") -> Scaling:
        return self._scaling_of([self._split()] * size, part)

    def _structure(self, factors: Factors) -> Structure:
        return structure_of(factors, model=self._study.model.name)

    def _place(self, *what: object) -> Path | None:
        if self._memory is None:
            return None
        study = self._study
        depends_on = [
            what,
            study.model.ingredients(),
            [study.training.batch_size, study.training.precision, self._examples.shapes()],
            self._conditions.digest(),
        ]
        digest = hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()[:16]
        return self._memory / f"{what[0]}-{digest}.json"
