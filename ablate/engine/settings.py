"""A study and a configuration into the settings of one trial: what its factors change of [training] and [data]."""

from ablate.catalog import known_factor, level_in
from ablate.records import Factors
from ablate.study import Study, Training


def training_of(study: Study, factors: Factors) -> Training:
    """[training] as a trial has it: with its batch size, and with its share of the epochs, at least one."""
    settings = study.training
    epochs = max(1, round(float(level_in(factors, "budget")) * settings.epochs))
    return settings.model_copy(update={"epochs": epochs, "batch_size": batch_size_of(study, factors)})


def batch_size_of(study: Study, factors: Factors) -> int:
    """Examples of a training batch."""
    return int(factors.get("batch_size", study.training.batch_size))


def scaling_of(study: Study, factors: Factors) -> str:
    """How examples are scaled: a name of `ablate.datasets.SCALINGS`."""
    return str(factors.get("scaling", study.data.scaling))


def samples_of(study: Study, factors: Factors) -> int:
    """How many passes with dropout a prediction is the mean of; 0: one pass without."""
    is_known = known_factor("mc_samples", model=study.model.name) is not None
    return int(level_in(factors, "mc_samples")) if is_known else 0
