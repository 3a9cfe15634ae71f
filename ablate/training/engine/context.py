"""The training context shared by a study's trials in a process: data on the device, splits, models and programs."""

import gc
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np

from ablate.clock import Clock
from ablate.data import Dataset, Split, split_dataset, split_sizes
from ablate.data.placement import UNKNOWN, Room
from ablate.data.tasks import data_task
from ablate.data.trees import n_examples
from ablate.data.variants import is_made_for
from ablate.errors import StudyError, explained
from ablate.models.build import build_model, count_parameters
from ablate.models.layers import LayerSeeds, weights_digest
from ablate.models.model_data import model_data
from ablate.models.outputs import Reading
from ablate.models.own_training import why_fit
from ablate.models.process_settings import settings_kept
from ablate.models.registry import find_builder
from ablate.storage.conditions import of_process
from ablate.study import seeds
from ablate.study.catalog import Structure, is_transferred, structure_of
from ablate.study.looked_up import LookedUp
from ablate.study.settings import StudySettings
from ablate.study.task import LOSS
from ablate.study.trial import Factors
from ablate.study.user_functions import named_function
from ablate.training.engine import backend
from ablate.training.engine.batches import WHOLE, Indices, MicroBatches, evaluation_chunks
from ablate.training.engine.compile_notices import compile_notices
from ablate.training.engine.compiled_optimizer import optimizer_for, own_optimizer, why_own_optimizer
from ablate.training.engine.device import device_name, threads_set
from ablate.training.engine.examination import Examiner, ModelKind, check_changes
from ablate.training.engine.head import PretrainedWeights, take_over
from ablate.training.engine.learning import Learning, learning_of
from ablate.training.engine.placing import place_examples, readable
from ablate.training.engine.program import Scaling
from ablate.training.engine.programs import Programs
from ablate.training.engine.scaling import is_weighted, stacked_scaling, weighs_places
from ablate.training.engine.settings import (
    batch_size_of,
    mc_samples_of,
    scaling_of,
    settings_of,
    target_scaling_of,
    unfreeze_schedule_of,
)
from ablate.training.engine.start import Start, WeightSource
from ablate.training.ramp_plan import plan_ramps
from ablate.training.trial_error import TrialError

LEAST_SCALE = 0.01  # of a loss whose guess is unknown: its limit is relative to the loss at the start, or to this


class TrainingContext:
    """The device side of a study. Holds no trial: everything that differs between trials is passed in and returned.

    `stack` is the maximum number of trials of a structure per program; None: as many as suit the device.
    `memory` is a folder in which such choices outlive the process. `origin` is set if the study has pretraining.
    `room` decides whether examples are copied to the device or streamed. `kept_in` is the folder of the study, for the
    models that it keeps; None: it keeps none.
    """

    def __init__(
        self,
        study: StudySettings,
        data: Dataset,
        *,
        stack: int | None = None,
        memory: Path | None = None,
        origin: WeightSource | None = None,
        room: Room = UNKNOWN,
        kept_in: Path | None = None,
    ) -> None:
        self.study, self.data, self._origin, self.kept_in = study, data, origin, kept_in
        self.conditions = of_process(study, threads=threads_set(), on_gpu=device_name().startswith("GPU"))
        self.ramp = plan_ramps(study.lr_test).rates()  # the longest; tests of short trials have fewer steps
        self.task = data_task(study, data)
        self._stack = stack
        guess = abs(self.task.metric_of(LOSS).guess)
        self.loss_scale = guess if math.isfinite(guess) else LEAST_SCALE
        self._reads_examples = False  # whether build has read the training examples, e.g. to adapt a layer
        self.builder = find_builder(study.model, base=study.base)
        self._notices: dict[str, None] = {}  # what of model.compile decides, and what the study decides
        self._models: dict[Structure, keras.Model] = {}  # models that can be reset to new initial weights
        self._examiner = Examiner(study, data, lambda factors: self.split(seeds.SEARCH_REPLICATE, factors))
        self._why_fit: dict[ModelKind, str] = {}
        self.fitted: dict[str, Factors] = {}  # by reason: the first configuration that model.fit trains
        self._splits: dict[tuple[int, str], Split] = {}
        self.others: Callable[[Factors], TrainingContext] | None = None  # contexts by data factors, if there are any
        self.examples, self.placement = place_examples(data, room)
        sizes = split_sizes(data, study.data)
        self._n_evaluated = max(sizes.n_validation, sizes.n_test)
        self._programs = Programs(
            study,
            self.examples,
            lambda: self.split(seeds.SEARCH_REPLICATE, study.baseline),
            self.conditions,
            min_rows=len(self.ramp),
            room=self._n_evaluated,
            memory=memory,
            learning=self.learning,
            scaling=lambda splits, part: self.scaling(splits, part=part),
        )

    def check(self) -> tuple[str, ...]:
        """Build the models of the baseline and of the study's variations once; returns notices for the user.

        Raises `StudyError` if user code fails on the baseline, or if a model needs something that training here would
        not do. A level on which user code fails is left to its trials. Raises `DataError` if the pretraining task
        cannot be learned.
        """
        if self._origin is not None:
            self._origin.check()
        what = f"model.name: {self.study.model.name} fails on the baseline"
        looked_up = explained(lambda: self._examined(self.study.baseline), what) | set(self.data.factors)
        short = (self.placement.said(),) if self.placement.is_short else ()  # a study says itself what does not fit
        if self._examiner.trusts_models:
            return short
        unread = check_changes(self.study, self._examined_there, kind=self._examiner.kind, looked_up=looked_up)
        return (*short, *self._notices, *unread)

    def at(self, factors: Factors) -> "TrainingContext":
        """The context with the examples of a configuration."""
        return self if self.others is None or is_made_for(self.data, factors) else self.others(factors)

    def _examined_there(self, factors: Factors) -> set[str]:
        there = self.at(factors)
        looked_up = there._examined(factors)
        self._notices |= there._notices
        self.fitted = {**there.fitted, **self.fitted}
        return looked_up

    def _examined(self, factors: Factors) -> set[str]:
        noting = LookedUp(factors)
        model = self.model(factors, seeds.SEARCH_REPLICATE, noting=noting)
        if not self.why_fit(factors, model):
            self.learning(model, factors)
            optimizer_for(model, factors, precision=self.study.training.precision)
        elif "optimizer" not in factors:
            own_optimizer(model, factors)
        self._notices |= dict.fromkeys(compile_notices(model, self.study, self.task, factors))
        return noting.names

    def why_fit(self, factors: Factors, model: keras.Model | None = None) -> str:
        """Why a configuration, of which `model` is one, is trained by `model.fit`; "" if by a compiled program."""
        if self._examiner.trusts_models:
            return ""
        kind = self._examiner.kind(factors)
        if kind not in self._why_fit:
            model = self.model(factors, seeds.SEARCH_REPLICATE) if model is None else model
            has_callbacks = self.builder.callbacks is not None
            why = why_fit(model, file=self.study.model.file, has_callbacks=has_callbacks)
            self._why_fit[kind] = why = why or why_own_optimizer(model, factors)
            if why:
                self.fitted.setdefault(why, factors)
        return self._why_fit[kind]

    def reading(self, model: keras.Model, factors: Factors) -> Reading:
        """The kind of a model's outputs. Raises `StudyError` as `examine` does."""
        return self._examiner.reading(model, factors)

    def split(self, replicate: int, factors: Factors) -> Split:
        """The split of a replicate, made once for each kind of scaling; the examples are the same in all kinds."""
        key = replicate, scaling_of(self.study, factors)
        if key not in self._splits:
            self._splits[key] = split_dataset(
                self.data,
                self.study.data,
                seed=self.study.seed,
                replicate=replicate,
                scaling=key[1],
                target_scaling=target_scaling_of(self.study),
            )
        return self._splits[key]

    def scaling(self, splits: Sequence[Split], *, part: Literal["train", "evaluate"] = "train") -> Scaling:
        """The scaling of each slot's examples, fitted on its training split."""
        return stacked_scaling(self.data, splits, part=part)

    def learning(self, model: keras.Model, factors: Factors) -> Learning:
        """How the model of a configuration learns. Raises `StudyError` if it cannot."""
        return learning_of(
            model,
            self.data,
            self.task,
            self._examiner.reading(model, factors),
            load=self.function,
            samples=mc_samples_of(self.study, factors),
            batch_size=batch_size_of(self.study, factors),
            is_weighted=is_weighted(self.study, self.data),
            weighs_places=weighs_places(self.study, self.data),
            loss=self.study.training.loss,
        )

    def function(self, spec: str) -> Callable[..., Any]:  # Any: a user's function
        """The function of "my.py:f", a metric or a loss."""
        return named_function(self.study, spec, setting="metric.name", guard=settings_kept)

    def validation_order(self, splits: Sequence[Split], *, chunk: int) -> Indices:
        """Indices of the validation examples of each slot, (chunks, slots, chunk)."""
        return evaluation_chunks([split.validation for split in splits], room=self._n_evaluated, chunk=chunk)

    def test_order(self, n_slots: int, *, chunk: int) -> Indices:
        """Indices of the test examples: the same for each slot."""
        first, n = n_examples(self.data.x_train), n_examples(self.data.x_test)
        test = np.arange(first, first + n, dtype=np.int32)
        return evaluation_chunks([test] * n_slots, room=self._n_evaluated, chunk=chunk)

    def test_rows(self) -> Indices:
        """Indices of the test examples."""
        first = n_examples(self.data.x_train)
        return np.arange(first, first + n_examples(self.data.x_test), dtype=np.int32)

    def stack_size(self, factors: Factors) -> int:
        """The number of trials of this structure that may train as one program here."""
        if self.pieces(factors) != WHOLE:
            return 1  # several trials would fail like the single one
        if self._reads_examples:
            return 1  # each model has constants of its own replicate
        if self._stack is not None:
            return self._stack
        return self._programs.best_size(lambda: self.model(factors, seeds.SEARCH_REPLICATE), factors)

    def before(self, factors: Factors, *, replicate: int) -> str:
        """A digest of the pretrained weights of a trial; "" without them."""
        return self._origin.key(factors, replicate=replicate) if self._origin and is_transferred(factors) else ""

    def taken(self, factors: Factors, replicate: int, clock: Clock) -> PretrainedWeights | None:
        """The pretrained weights of a trial; None without pretraining."""
        return self._origin.taken(factors, replicate, clock) if self._origin and is_transferred(factors) else None

    def start(
        self, factors: Factors, replicate: int, clock: Clock, *, size: int = 1, taken: PretrainedWeights | None = None
    ) -> Start:
        """The state from which a configuration starts in a replicate, and the program for `size` such trials."""
        with clock.on("build"):
            model = self.model(factors, replicate)
            weights, reading = weights_digest(model), self._examiner.reading(model, factors)
        with clock.on("compile"):
            own = replicate if self._reads_examples else None
            program = self._programs.get(model, factors, size=size, own=own)
        settings = settings_of(factors, head_only=unfreeze_schedule_of(self.study, factors).after > 0)
        with clock.on("build"):
            state = program.initial_state(model, settings)
            notes, parts = program.pieces.notes(model, batch=self._programs.batch(factors)), program.pieces.parts
            if taken is not None:
                state, parts = take_over(model, state, taken), max(parts, taken.parts)
                notes = (*self._notes(taken), *notes)
            said = [note for note in (self.placement.said(), reading.note) if note]
            notes, n = (*said, *program.notes, *notes), count_parameters(model)
            return Start(program=program, state=state, parameters=n, notes=notes, parts=parts, weights=weights)

    def pieces(self, factors: Factors) -> MicroBatches:
        """How a trial of this structure splits its batches if it trains alone."""
        return self._programs.pieces(factors)

    def shrink_batches(self, factors: Factors, broken: TrialError) -> None:
        """Let a structure that ran out of memory alone go on with smaller micro-batches; else raises `TrialError`."""
        if broken.state != "out_of_memory" or broken.is_final:
            raise broken
        tried = self.pieces(factors).tried()
        is_smaller = self._programs.cut(factors)
        gc.collect()  # reference cycles with its frames hold the memory
        if not is_smaller:
            raise broken.as_final(tried)

    def _notes(self, taken: PretrainedWeights) -> tuple[str, ...]:
        assert self.study.transfer is not None
        classes = ", ".join(map(str, self.study.transfer.classes))
        short = (
            f"; low memory there: gradient accumulation over {taken.parts:,} micro-batches" if taken.parts > 1 else ""
        )
        return (f"all layers except the last were pretrained on classes {classes}{short}",)

    def model(self, factors: Factors, replicate: int, *, noting: LookedUp | None = None) -> keras.Model:
        """A model with the initial values of a replicate, to be read before the next call."""
        layer_seeds = LayerSeeds(self.study.seed, replicate)
        structure = structure_of(factors, model=self.study.model.name)
        if structure in self._models and self.builder.restart is not None:
            self.builder.restart(self._models[structure], factors, layer_seeds=layer_seeds)
            return self._models[structure]
        seen = readable(model_data(self.data, lambda: self.split(replicate, factors)), self.placement)
        model = build_model(
            self.builder,
            factors if noting is None else noting,
            seen,
            layer_seeds=layer_seeds,
            options=self.study.model.options,
            precision=self.study.training.precision,
        )
        self._reads_examples |= "train" in seen.noted
        if backend.compile_functions():
            raise StudyError(
                "model: build switches the backend to eager execution, but trials train in compiled programs\n"
                f"  remove {backend.EAGER}"
            )
        if self.builder.restart is not None:
            self._models[structure] = model
        return model
