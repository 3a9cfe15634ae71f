"""Draft a study from what a user has: a table, arrays, a folder of images, or a script of Keras."""

from ablate.experiment.drafting.draft import Draft, text_of
from ablate.experiment.drafting.fitting_time import Fitted, fit_to_time
from ablate.experiment.drafting.from_data import draft_of_data
from ablate.experiment.drafting.from_script import draft_of_script
from ablate.experiment.drafting.writing import write_draft

__all__ = ["Draft", "Fitted", "draft_of_data", "draft_of_script", "fit_to_time", "text_of", "write_draft"]
