"""Retrain recorded trials of a study and compare them with the record."""

from ablate.experiment.verify.conditions import read_recorded
from ablate.experiment.verify.retraining import retrain
from ablate.experiment.verify.select_trials import ROUNDING, Prepared, VerifyOptions, prepare

__all__ = ["ROUNDING", "Prepared", "VerifyOptions", "prepare", "read_recorded", "retrain"]
