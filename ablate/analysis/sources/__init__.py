"""Read runs recorded by other tools: tables, Optuna storages, folders of logs. MLflow's runs are in `tracking`."""

from ablate.analysis.sources.csv_file import read_csv_runs
from ablate.analysis.sources.open_source import is_in_memory, open_source
from ablate.analysis.sources.optuna_storage import is_storage_url, read_optuna_runs
from ablate.analysis.sources.runs import Runs
from ablate.analysis.sources.table_file import read_file_runs

__all__ = [
    "Runs", "is_in_memory", "is_storage_url", "open_source", "read_csv_runs", "read_file_runs", "read_optuna_runs",
]  # fmt: skip
