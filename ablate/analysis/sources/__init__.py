"""Read runs recorded by other tools: table files and Optuna storages. MLflow's are in `tracking`."""

from ablate.analysis.sources.csv_file import read_csv_runs
from ablate.analysis.sources.optuna_storage import is_storage_url, read_optuna_runs
from ablate.analysis.sources.runs import Runs
from ablate.analysis.sources.table_file import read_file_runs

__all__ = ["Runs", "is_storage_url", "read_csv_runs", "read_file_runs", "read_optuna_runs"]
