"""The environment variables by which a program finds out about its trial."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from ablate.study.own_trial import variable_of
from ablate.study.trial import Factors, Level
from ablate.training.command.report_file import REPORT, VARIABLE


def program_environment(values: Mapping[str, Level], factors: Factors, *, trial: str, folder: Path) -> dict[str, str]:
    """This process's environment with the values of a trial, each also as ABLATE_NAME; true and false as 1 and 0.

    Python is asked not to hold back what a program prints: a line is a step at which its trial may end.
    """
    own = {variable_of(name): _text(value) for name, value in (*factors.items(), *values.items())}
    return {
        "PYTHONUNBUFFERED": "1",
        **os.environ,
        **own,
        "ABLATE_FACTORS": json.dumps(dict(factors)),
        "ABLATE_TRIAL": trial,
        "ABLATE_FOLDER": str(folder),
        VARIABLE: str(folder / REPORT),
    }


def _text(value: Level) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
