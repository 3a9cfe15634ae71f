"""A data set's name into train, validation and test arrays with a fingerprint."""

from ablate.datasets.cautions import data_cautions
from ablate.datasets.classes import select_task
from ablate.datasets.dataset import Dataset, to_dataset
from ablate.datasets.load import REGISTERED, default_data_dir, is_path, load_dataset
from ablate.datasets.shared import load_arrays, save_arrays
from ablate.datasets.split import SCALINGS, Split, check_sizes, scale_inputs, split_dataset

__all__ = [
    "REGISTERED",
    "SCALINGS",
    "Dataset",
    "Split",
    "check_sizes",
    "data_cautions",
    "default_data_dir",
    "is_path",
    "load_arrays",
    "load_dataset",
    "save_arrays",
    "scale_inputs",
    "select_task",
    "split_dataset",
    "to_dataset",
]
