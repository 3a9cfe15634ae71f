import subprocess
import sys

import optuna
import pandas as pd
import pytest

from ablate.analysis.sources import is_in_memory, open_source
from ablate.errors import DataError

optuna.logging.set_verbosity(optuna.logging.ERROR)


def study_of(storage=None, name=None):
    study = optuna.create_study(storage=storage, study_name=name, direction="maximize")
    for seed in range(2):
        for opt in ("sgd", "adam"):
            study.enqueue_trial({"opt": opt})
            trial = study.ask()
            trial.suggest_categorical("opt", ["sgd", "adam"])
            trial.set_user_attr("seed", seed)
            study.tell(trial, 0.5 + 0.1 * (opt == "adam") + seed / 100)
    study.ask().suggest_categorical("opt", ["sgd", "adam"])
    return study


def test_a_study_in_memory_gives_what_its_storage_gives(tmp_path):
    study = study_of(f"sqlite:///{tmp_path / 'optuna.db'}", name="mine")
    live = open_source(study)
    for source in (f"sqlite:///{tmp_path / 'optuna.db'}", tmp_path / "optuna.db", str(tmp_path / "optuna.db")):
        stored = open_source(source)
        pd.testing.assert_frame_equal(live.table, stored.table)
        for field in ("name", "factors", "score", "direction", "state", "run_id", "notes"):
            assert getattr(live, field) == getattr(stored, field)
    assert live.place == 'the Optuna study "mine"'
    assert live.notes == ("Left out 1 trial that has not ended.",)
    assert live.table["value"].tolist() == ["0.5", "0.6", "0.51", "0.61"]


def test_a_study_without_a_name_has_none_in_the_report():
    runs = open_source(study_of())
    assert (runs.name, runs.place) == ("study", "the Optuna study")


def test_a_table_and_its_file_give_the_same_runs(tmp_path):
    table = pd.DataFrame({"opt": ["sgd", "adam"], "acc": [0.5, 0.75], "seed": [0, 0]})
    table.to_csv(tmp_path / "runs.csv", index=False)
    for source in (table, tmp_path / "runs.csv", str(tmp_path / "runs.csv")):
        assert open_source(source).table.to_dict("list") == {
            "opt": ["sgd", "adam"], "acc": ["0.5", "0.75"], "seed": ["0", "0"],
        }  # fmt: skip
    assert is_in_memory(table)
    assert not is_in_memory(tmp_path)


@pytest.mark.parametrize("source", [None, 3, [{"acc": 1}], {"acc": [1]}, b"runs.csv", pd.Series([1.0]), print])
def test_another_kind_of_source_is_refused_by_its_type_with_what_is_read(source):
    with pytest.raises(
        DataError, match=rf"of type {type(source).__name__}\n  give a pandas DataFrame, an optuna.Study"
    ):
        open_source(source)


@pytest.mark.parametrize("source", ["", " ", "a\0b"])
def test_a_text_that_is_no_path_is_refused(source):
    with pytest.raises(DataError, match="is not the path of a file or folder\n  give a pandas DataFrame"):
        open_source(source)


def test_a_table_is_read_without_importing_optuna():
    code = (
        "import sys, pandas; from ablate.analysis.sources import open_source; "
        "open_source(pandas.DataFrame({'a': [1]})); print('optuna' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
