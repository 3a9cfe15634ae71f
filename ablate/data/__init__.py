"""Load data sets as train, validation and test arrays with a fingerprint, and check them for errors."""

from ablate.data.cautions import data_cautions
from ablate.data.dataset import Dataset, to_dataset
from ablate.data.load import default_data_dir, load_dataset
from ablate.data.shared import load_arrays, save_arrays
from ablate.data.source import Source, to_source
from ablate.data.split import Split, check_sizes, scale_inputs, select_task, split_dataset

__all__ = [
    "Dataset",
    "Source",
    "Split",
    "check_sizes",
    "data_cautions",
    "default_data_dir",
    "load_arrays",
    "load_dataset",
    "save_arrays",
    "scale_inputs",
    "select_task",
    "split_dataset",
    "to_dataset",
    "to_source",
]
