"""A study and a configuration into the settings of one trial: what its factors change of [training] and [data]."""

from collections.abc import Mapping
from dataclasses import dataclass

from ablate.study.catalog import SETTINGS, known_factor, level_in
from ablate.study.settings import Study, Training
from ablate.study.trial import Factors

HEAD_ONLY = "head_only"  # a setting of the optimizer's state: above 0, the model's last layer trains alone


@dataclass(frozen=True, slots=True)
class UnfreezeSchedule:
    """When all layers of a trial train, and at which rate."""

    after: int = 0  # so many epochs in which its head alone trains; 0: all layers do from the start
    rate: float = 1.0  # from then on, over what it would be


def training_of(study: Study, factors: Factors) -> Training:
    """[training] as a trial has it: with its batch size, and with its share of the epochs, at least one."""
    settings = study.training
    epochs = max(1, round(float(level_in(factors, "budget")) * settings.epochs))
    return settings.model_copy(update={"epochs": epochs, "batch_size": batch_size_of(study, factors)})


def batch_size_of(study: Study, factors: Factors) -> int:
    """Examples of a training batch."""
    return int(factors.get("batch_size", study.training.batch_size))


def scaling_of(study: Study, factors: Factors) -> str:
    """How examples are scaled: a name of `ablate.data.SCALINGS`."""
    return str(factors.get("scaling", study.data.scaling))


def thaw_of(study: Study, factors: Factors) -> UnfreezeSchedule:
    """When all layers train: after the same share of its epochs in a trial that has fewer of them, one is left."""
    if study.transfer is None or level_in(factors, "transfer") != "frozen_then_unfrozen":
        return UnfreezeSchedule()
    epochs = training_of(study, factors).epochs
    frozen = round(study.transfer.frozen_epochs * epochs / study.training.epochs)
    return UnfreezeSchedule(max(1, min(frozen, epochs - 1)), study.transfer.unfrozen_rate)


def varied_of(factors: Factors) -> list[str]:
    """The optimizer's settings that are inputs of a program."""
    return [*(name for name in SETTINGS if name in factors), *([HEAD_ONLY] if "transfer" in factors else [])]


def settings_of(factors: Factors, *, head_only: bool) -> Mapping[str, float]:
    """The values of `varied_of` in a trial, while its head alone trains or not."""
    values = {name: float(factors[name]) for name in SETTINGS if name in factors}
    return values | ({HEAD_ONLY: float(head_only)} if "transfer" in factors else {})


def samples_of(study: Study, factors: Factors) -> int:
    """How many passes with dropout a prediction is the mean of; 0: one pass without."""
    is_known = known_factor("mc_samples", model=study.model.name) is not None
    return int(level_in(factors, "mc_samples")) if is_known else 0
