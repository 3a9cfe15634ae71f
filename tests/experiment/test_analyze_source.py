"""One function makes the report on any source, for the command line and Python."""

import json
import shutil
from pathlib import Path

import optuna
import pandas as pd
import pytest

from ablate.analysis.imports import ImportOptions
from ablate.errors import AblateError
from ablate.experiment.analyze import ReportPlace, analyze_source, prepare
from ablate.report.inputs import read_inputs

optuna.logging.set_verbosity(optuna.logging.ERROR)


def table(n_seeds=6, gain=0.1):
    """norm helps by `gain`; a seed's noise is shared."""
    rows = [
        {"norm": norm, "seed": seed, "acc": 0.6 + gain * (norm == "batch") + seed / 50 + 0.001 * ((seed * at) % 3)}
        for seed in range(n_seeds)
        for at, norm in enumerate(("none", "batch"))
    ]
    return pd.DataFrame(rows)


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_table_in_memory_becomes_a_report(tmp_path):
    made = analyze_source(ReportPlace(table()), ImportOptions(), command_line="ablate.analyze(runs)")
    assert (tmp_path / made.folder).resolve() == tmp_path / "reports" / "table"
    assert made.files.html.is_file()
    assert made.notes[0].startswith("Read as: factors norm (--factors); score acc, higher is better")
    assert any("batch helps by 10" in sentence for sentence in made.files.headline)
    facts = json.loads((made.folder / "provenance.json").read_text())
    assert (facts["source"], facts["command"]) == ("the DataFrame", "ablate.analyze(runs)")


def test_more_runs_of_a_table_in_memory_replace_its_report_and_other_tables_do_not():
    prepare(ReportPlace(table()), ImportOptions(), command_line="")
    folder, _ = prepare(ReportPlace(table(n_seeds=7)), ImportOptions(), command_line="")
    assert pd.read_csv(folder / "results.csv")["seed"].nunique() == 7
    with pytest.raises(AblateError, match=r"holds the report of another source, the DataFrame\n  .* --name"):
        prepare(ReportPlace(table().rename(columns={"norm": "width"})), ImportOptions(), command_line="")
    other = ReportPlace(table().rename(columns={"norm": "width"}), name="other")
    assert prepare(other, ImportOptions(), command_line="")[0].name == "other"


def test_a_results_table_of_our_own_in_memory_needs_no_options():
    first, _ = prepare(ReportPlace(table()), ImportOptions(), command_line="")
    own = pd.read_csv(first / "results.csv")
    folder, notes = prepare(ReportPlace(own, name="again"), ImportOptions(), command_line="")
    assert notes == ["This is a results table of ablate, so its columns are known."]
    pd.testing.assert_frame_equal(pd.read_csv(folder / "results.csv"), own)


def test_a_study_in_memory_becomes_a_report_named_after_it():
    study = optuna.create_study(direction="maximize", study_name="tuned")
    for row in table().to_dict("records"):
        study.enqueue_trial({"norm": row["norm"]})
        trial = study.ask()
        trial.suggest_categorical("norm", ["none", "batch"])
        trial.set_user_attr("seed", row["seed"])
        study.tell(trial, row["acc"])
    folder, notes = prepare(ReportPlace(study), ImportOptions(), command_line="")
    assert folder.name == "tuned"
    assert "score value, higher is better" in notes[0]
    results = pd.read_csv(folder / "results.csv").query("design == 'one-factor'")
    gain = results[results["variant"] != "reference"]["score"].mean()
    assert abs(gain - results[results["variant"] == "reference"]["score"].mean()) == pytest.approx(0.1, abs=0.002)


def test_the_name_of_the_report_has_a_rule():
    with pytest.raises(AblateError, match="--name a/b: must have letters"):
        prepare(ReportPlace(table(), name="a/b"), ImportOptions(), command_line="")


LOGS = Path(__file__).parents[1] / "analysis" / "sources" / "logs"  # written by the tools, see make_logs.py there


@pytest.mark.parametrize(
    "name", ["keras_tuner", "keras_tuner_repeats", "tensorboard_torch", "tensorboard_sessions", "wandb"]
)
def test_the_logs_of_a_tool_give_the_verdicts_that_are_true(name):
    folder, _ = prepare(ReportPlace(LOGS / name), ImportOptions(), command_line="")
    effects = read_inputs(folder).effects.set_index("variant")
    assert effects.loc["optimizer=adam", "verdict"] == "helps"
    assert effects.loc["optimizer=adam", "mean"] == pytest.approx(0.03, abs=0.01)
    assert set(effects.drop(index="optimizer=adam")["verdict"]) <= {"inconclusive", "lost runs"}


def test_a_folder_is_one_source_however_it_is_named_and_another_folder_is_another(tmp_path):
    for at in ("a", "b"):
        shutil.copytree(LOGS / "keras_tuner_repeats", tmp_path / at / "tuned")
    for source in ("a/tuned", Path("a/tuned/"), str(tmp_path / "a" / "tuned"), "b/../a/tuned"):
        assert prepare(ReportPlace(source), ImportOptions(), command_line="")[0].name == "tuned"
    with pytest.raises(AblateError, match="holds the report of another source"):
        prepare(ReportPlace("b/tuned"), ImportOptions(), command_line="")
