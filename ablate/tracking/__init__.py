"""Write studies to MLflow as runs, and read them back as rows of the results table. The only code that uses MLflow.

A study is a run; its trials are runs nested in it. Importing this does not import MLflow; opening a study does.
"""

from ablate.tracking.address import DEFAULT_URI, shown_uri
from ablate.tracking.background import BackgroundTracker
from ablate.tracking.database import check_file
from ablate.tracking.model_files import ModelFile, described, register
from ablate.tracking.reading import experiment_rows, mlflow_runs
from ablate.tracking.store import UI_ENVIRONMENT, check_store, experiment_pages, ui_command
from ablate.tracking.study_run import FOLDER, StudyRun
from ablate.tracking.tracker import Tracker

__all__ = [
    "DEFAULT_URI",
    "FOLDER",
    "UI_ENVIRONMENT",
    "BackgroundTracker",
    "ModelFile",
    "StudyRun",
    "Tracker",
    "check_file",
    "check_store",
    "described",
    "experiment_pages",
    "experiment_rows",
    "mlflow_runs",
    "register",
    "shown_uri",
    "ui_command",
]
