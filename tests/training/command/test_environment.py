"""What a program finds in its environment."""

import json
import os
from pathlib import Path

from ablate.training.command.environment import program_environment


def test_values_and_factors_are_variables_and_the_rest_stays(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")  # as the worker set it
    monkeypatch.setenv("ABLATE_SEED", "99")  # of a study in which this one runs
    values = {"seed": 7, "epochs": 20, "test": False}
    factors = {"learning_rate": 1e-05, "Batch size": 32, "augment": True, "kind": "a b"}
    found = program_environment(values, factors, trial="search-0001", folder=Path("/f"))
    inherited = {*os.environ} - {"ABLATE_SEED"}
    own = {name: found[name] for name in {*found} - inherited if name.startswith("ABLATE_") and "FACTORS" not in name}
    assert own == {
        "ABLATE_SEED": "7", "ABLATE_EPOCHS": "20", "ABLATE_TEST": "0", "ABLATE_TRIAL": "search-0001",
        "ABLATE_FOLDER": "/f", "ABLATE_REPORT": "/f/report.jsonl", "ABLATE_LEARNING_RATE": "1e-05",
        "ABLATE_BATCH_SIZE": "32", "ABLATE_AUGMENT": "1", "ABLATE_KIND": "a b",
    }  # fmt: skip
    assert json.loads(found["ABLATE_FACTORS"]) == factors
    assert (found["CUDA_VISIBLE_DEVICES"], found["PYTHONUNBUFFERED"]) == ("1", "1")


def test_a_users_own_setting_of_buffers_stays(monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", "")
    found = program_environment({}, {}, trial="t", folder=Path("/f"))
    assert found["PYTHONUNBUFFERED"] == ""
