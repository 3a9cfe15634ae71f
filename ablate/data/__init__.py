"""Load data sets as train, validation and test arrays with a fingerprint, and check them for errors."""

from ablate.data.cautions import data_cautions
from ablate.data.classes import select_task
from ablate.data.dataset import Dataset, to_dataset
from ablate.data.load import default_data_dir, load_dataset
from ablate.data.set_aside import set_aside_test
from ablate.data.shared import load_arrays, save_arrays
from ablate.data.source import Source, to_source
from ablate.data.split import Split, scale_inputs, split_dataset, split_settings
from ablate.data.split_rules import check_split, split_notes
from ablate.data.split_sizes import SplitSizes, split_sizes

__all__ = [
    "Dataset",
    "Source",
    "Split",
    "SplitSizes",
    "check_split",
    "data_cautions",
    "default_data_dir",
    "load_arrays",
    "load_dataset",
    "save_arrays",
    "scale_inputs",
    "select_task",
    "set_aside_test",
    "split_dataset",
    "split_notes",
    "split_settings",
    "split_sizes",
    "to_dataset",
    "to_source",
]
