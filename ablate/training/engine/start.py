"""A trial before its first step, and where its pretrained weights come from."""

from dataclasses import dataclass
from typing import Protocol

from ablate.clock import Clock
from ablate.study.trial import Factors
from ablate.training.engine.head import PretrainedWeights, TrainingState
from ablate.training.engine.program import Program


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What is known of a trial's model before its first step."""

    parameters: int
    notes: tuple[str, ...]  # notices on how it trains here
    parts: int = 1  # micro-batches per batch, here or in pretraining
    weights: str = ""  # digest of its model's initial weights, from `weights_digest`


@dataclass(frozen=True, slots=True, kw_only=True)
class Start(ModelFacts):
    """A trial of a compiled program before its first step."""

    program: Program
    state: TrainingState


class WeightSource(Protocol):
    """The source of the pretrained weights of a trial with the factor `transfer`."""

    def check(self) -> None:
        """Raise `AblateError` if the weights cannot be provided."""
        ...

    def key(self, factors: Factors, *, replicate: int) -> str:
        """A digest of everything that decides the weights."""
        ...

    def taken(self, factors: Factors, replicate: int, clock: Clock) -> PretrainedWeights:
        """The weights themselves."""
        ...
