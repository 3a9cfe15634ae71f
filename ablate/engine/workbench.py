"""What the trials of one study share in a process: data on the device, splits, and one program a structure."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ablate import seeds
from ablate.clock import Clock
from ablate.datasets import Dataset, Split, split_dataset
from ablate.engine.batches import epoch_batches, evaluation_chunks
from ablate.engine.optimizers import make_optimizer
from ablate.engine.program import Inputs, Program, State
from ablate.errors import AblateError, StudyError
from ablate.lr_finder import ramp
from ablate.models import LayerSeeds, build_model, count_parameters, structure
from ablate.records import Factors
from ablate.registry import find_builder
from ablate.study import Study


@dataclass(frozen=True, slots=True)
class Start:
    """A trial before its first step."""

    program: Program
    state: State
    parameters: int


class Workbench:
    """The device side of a study. Holds no trial: what differs between trials goes in and comes out of its methods."""

    def __init__(self, study: Study, data: Dataset) -> None:
        self.study, self.data = study, data
        settings = study.lr_test
        self.ramp = ramp(settings.low, settings.high, steps_per_decade=settings.steps_per_decade).astype(np.float32)
        self._builder = find_builder(study.model.name, base=Path(study.base))
        self._programs: dict[str, Program] = {}
        self._splits: dict[int, Split] = {}
        self._train_set = tf.constant(data.x_train), tf.constant(data.y_train)
        self._test_set = tf.constant(data.x_test), tf.constant(data.y_test)

    def check(self) -> None:
        """Build the baseline's model once. Raises `StudyError` where user code fails or returns something else."""
        try:
            self._build(self.study.baseline, seeds.SEARCH_REPLICATE)
        except AblateError:
            raise
        except Exception as err:
            name = self.study.model.name
            raise StudyError(f"model.name: {name} fails on the baseline: {type(err).__name__}: {err}") from err

    def split(self, replicate: int) -> Split:
        """The split of one replicate, made once."""
        if replicate not in self._splits:
            settings = self.study.data
            self._splits[replicate] = split_dataset(
                self.data,
                n_train=settings.train,
                n_validation=settings.validation,
                scaling=settings.scaling,
                seed=seeds.stream(self.study.seed, replicate, "split"),
            )
        return self._splits[replicate]

    def train_inputs(self, split: Split) -> Inputs:
        """The training file's examples, from which training and validation batches are taken."""
        return Inputs(*self._train_set, tf.constant(split.shift), tf.constant(split.scale))

    def test_inputs(self, split: Split) -> Inputs:
        """The test set, scaled as the training split was."""
        return Inputs(*self._test_set, tf.constant(split.shift), tf.constant(split.scale))

    def start(self, factors: Factors, replicate: int, clock: Clock) -> Start:
        """The state from which a configuration starts in a replicate, and the program of its structure."""
        with clock.on("build"):
            model = self._build(factors, replicate)
        key = repr(sorted(structure(self._builder, factors).items()))
        if key not in self._programs:
            with clock.on("compile"):
                self._programs[key] = self._compile(model, str(factors["optimizer"]))
        program = self._programs[key]
        return Start(program, program.initial_state(model), count_parameters(model))

    def _build(self, factors: Factors, replicate: int) -> keras.Model:
        shape = self.data.x_train.shape[1:]
        layer_seeds = LayerSeeds(self.study.seed, replicate)
        options = self.study.model.options
        return build_model(self._builder, factors, shape, self.data.n_classes, layer_seeds=layer_seeds, options=options)

    def _compile(self, model: keras.Model, optimizer: str) -> Program:
        """Compile ahead for every shape that training will ask for, so that compiling is timed as such."""
        program = Program(model, make_optimizer(optimizer))
        split = self.split(seeds.SEARCH_REPLICATE)
        state, inputs = program.initial_state(model), self.train_inputs(split)
        for order, _ in epoch_batches(split.train, self.study.training.batch_size, min_rows=len(self.ramp)):
            program.train(
                state, inputs, order=order, rates=np.zeros(len(order), np.float32), n_steps=0, max_loss=np.inf
            )
        program.evaluate(state, inputs, order=evaluation_chunks(split.validation), n=0)
        return program


def count_model_parameters(study: Study, input_shape: tuple[int, ...], n_classes: int) -> int:
    """How many weights the model of a study's baseline has, without any data on a device."""
    builder = find_builder(study.model.name, base=study.base)
    layer_seeds, options = LayerSeeds(study.seed, seeds.SEARCH_REPLICATE), study.model.options
    model = build_model(builder, study.baseline, input_shape, n_classes, layer_seeds=layer_seeds, options=options)
    return count_parameters(model)
