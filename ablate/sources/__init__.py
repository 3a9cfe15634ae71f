"""Other tools' records of runs into one kind of table: a CSV file, an Optuna storage. MLflow's are in `tracking`."""

from ablate.sources.csv_file import read_csv_runs
from ablate.sources.optuna_storage import is_storage_url, read_optuna_runs
from ablate.sources.runs import Runs

__all__ = ["Runs", "is_storage_url", "read_csv_runs", "read_optuna_runs"]
