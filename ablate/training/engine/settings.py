"""Derive the settings of a trial from its study and configuration: the changes of [training] and [data] by factors."""

from collections.abc import Mapping
from dataclasses import dataclass

from ablate.study.catalog import SETTINGS, known_factor, level_in
from ablate.study.settings import StudySettings, Training
from ablate.study.trial import Factors

HEAD_ONLY = "head_only"  # a setting of the optimizer's state: above 0, the model's last layer trains alone


@dataclass(frozen=True, slots=True)
class UnfreezeSchedule:
    """The epoch from which all layers of a trial train, and the rate from then on."""

    after: int = 0  # epochs in which only its head trains; 0: all layers train from the start
    rate: float = 1.0  # factor on the learning rate from then on


def training_of(study: StudySettings, factors: Factors) -> Training:
    """The [training] settings of a trial: with its batch size, and with its fraction of the epochs, at least one."""
    settings = study.training
    epochs = max(1, round(float(level_in(factors, "budget")) * settings.epochs))
    return settings.model_copy(update={"epochs": epochs, "batch_size": batch_size_of(study, factors)})


def batch_size_of(study: StudySettings, factors: Factors) -> int:
    """Examples of a training batch."""
    return int(factors.get("batch_size", study.training.batch_size))


def scaling_of(study: StudySettings, factors: Factors) -> str:
    """The scaling of examples: a name of `ablate.data.SCALINGS`."""
    return str(factors.get("scaling", study.data.scaling))


def target_scaling_of(study: StudySettings) -> str:
    """The scaling of numbers to predict: by default the models of this package standardize them, those of users do not.

    A user's model has been written for the numbers as they are.
    """
    return study.data.target_scaling or ("none" if study.model.registered is None else "standardize")


def unfreeze_schedule_of(study: StudySettings, factors: Factors) -> UnfreezeSchedule:
    """The unfreeze schedule: after the same fraction of a trial's epochs, with at least one epoch left."""
    if study.transfer is None or level_in(factors, "transfer") != "frozen_then_unfrozen":
        return UnfreezeSchedule()
    epochs = training_of(study, factors).epochs
    frozen = round(study.transfer.frozen_epochs * epochs / study.training.epochs)
    return UnfreezeSchedule(max(1, min(frozen, epochs - 1)), study.transfer.unfrozen_rate)


def hyperparameters_of(factors: Factors) -> list[str]:
    """The optimizer's settings that are inputs of a program."""
    return [*(name for name in SETTINGS if name in factors), *([HEAD_ONLY] if "transfer" in factors else [])]


def settings_of(factors: Factors, *, head_only: bool) -> Mapping[str, float]:
    """The values of `hyperparameters_of` in a trial, while only its head trains or afterwards."""
    values = {name: float(factors[name]) for name in SETTINGS if name in factors}
    return values | ({HEAD_ONLY: float(head_only)} if "transfer" in factors else {})


def mc_samples_of(study: StudySettings, factors: Factors) -> int:
    """The number of passes with dropout that a prediction averages; 0: a single pass without dropout."""
    is_known = known_factor("mc_samples", model=study.model.name) is not None
    return int(level_in(factors, "mc_samples")) if is_known else 0
