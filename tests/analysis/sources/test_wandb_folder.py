"""W&B's local folders; that in `logs` was written by W&B's program, see logs/make_logs.py."""

import json
import shutil
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest

from ablate.analysis.imports import ImportOptions, read_imported
from ablate.analysis.sources import read_file_runs
from ablate.analysis.sources.wandb_folder import EXPORT, has_runs, read_wandb
from ablate.analysis.sources.yaml_text import yaml_record
from ablate.errors import DataError

LOGS = Path(__file__).parent / "logs"


@pytest.fixture
def local(tmp_path):
    """A copy of a local folder, to be damaged."""
    return Path(shutil.copytree(LOGS / "wandb", tmp_path / "mine" / "wandb"))


def files(local, number):
    return local / f"run-20261130_120000-run{number:02}" / "files"


def test_the_config_and_the_summary_of_each_run_are_read():
    runs = read_wandb(LOGS / "wandb")
    assert set(runs.factors) == {"optimizer", "dropout", "seed", "model.depth", "sizes"}
    assert (len(runs.table), runs.name) == (18, "logs")
    for row in runs.table.to_dict("records"):
        saved = json.loads(
            (files(LOGS / "wandb", int(row["run"].removeprefix("run"))) / "wandb-summary.json").read_text()
        )
        assert float(row["val_accuracy"]) == saved["val_accuracy"]
        assert row["loss"] == "nan"
    assert set(runs.table["sizes"]) == {"[1, 2]"}
    assert "_wandb" not in runs.table


def test_the_effect_is_found_and_a_run_that_ended_early_is_pointed_out():
    read = read_imported(read_wandb(LOGS / "wandb"), ImportOptions(reference="optimizer=sgd,dropout=0"))
    assert (read.facts.seed_column, sorted(read.facts.factors)) == ("seed", ["dropout", "optimizer"])
    scores = read.results.query("design == 'one-factor'").groupby("variant")["score"].mean()
    assert scores["optimizer=adam"] - scores["reference"] == pytest.approx(0.03, abs=0.01)
    said = " ".join(read.notes)
    assert "W&B's local files do not say how runs ended" in said
    assert "The last _step differs between" in said


@pytest.mark.parametrize("at", ["mine", "mine/wandb"])
def test_the_folder_is_found_by_itself_and_in_its_project(local, at):
    assert has_runs(local)
    assert not has_runs(local.parent)
    runs = read_file_runs(local.parents[1] / at)
    assert (len(runs.table), runs.name) == (18, "mine")


def test_offline_runs_have_only_a_binary_file_and_are_refused_with_the_way_out(tmp_path):
    run = tmp_path / "wandb" / "offline-run-20261130_120000-abc"
    (run / "files").mkdir(parents=True)
    (run / "run-abc.wandb").write_bytes(b":W&B\xe1\xbe\x00")
    with pytest.raises(
        DataError, match=r"its binary \.wandb files are not read\n  sync offline runs with: wandb sync"
    ) as err:
        read_file_runs(tmp_path)
    assert "wandb.Api().runs(" in str(err.value)
    with pytest.raises(DataError, match=r"is W&B's binary log of a run, which is not read\n  analyze the folder"):
        read_file_runs(run / "run-abc.wandb")


def test_a_run_without_a_config_is_left_out_in_words_and_one_without_a_summary_did_not_finish(local):
    (files(local, 0) / "config.yaml").unlink()
    (files(local, 1) / "wandb-summary.json").unlink()
    runs = read_wandb(local)
    assert len(runs.table) == 17
    assert any("Left out 1 run without a config.yaml" in note and "run00" in note for note in runs.notes)
    assert "1 run without a wandb-summary.json did not finish." in runs.notes
    assert runs.table.set_index("run")["state"].to_dict()["run01"] == "unfinished"
    assert read_imported(runs, ImportOptions()).results["state"].isin(["killed"]).any()


def test_of_a_resumed_run_the_newest_folder_counts(local):
    again = local / "run-20261201_120000-run00"
    shutil.copytree(files(local, 0), again / "files")
    (again / "files" / "wandb-summary.json").write_text('{"val_accuracy": 0.9, "_step": 2}')
    runs = read_wandb(local)
    assert runs.table.set_index("run")["val_accuracy"]["run00"] == "0.9"
    assert len(runs.table) == 18


def test_pictures_are_no_results_and_summaries_of_a_metric_are(local):
    summary = {
        "acc": {"max": 0.9, "min": 0.1},
        "picture": {"_type": "image-file", "size": 3},
        "note": "text",
        "ok": True,
    }
    (files(local, 0) / "wandb-summary.json").write_text(json.dumps(summary))
    runs = read_wandb(local)
    row = runs.table.set_index("run").loc["run00"]
    assert (row["acc.max"], row["acc.min"], row["ok"]) == ("0.9", "0.1", "True")
    assert not {"picture.size", "note"} & set(runs.table)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("config.yaml", "lr:\n  value: [1", "is not YAML"),
        ("config.yaml", "lr: 0.1\n", '"lr" has no value, as W&B writes it'),
        ("config.yaml", "", "must hold a table of names"),
        ("wandb-summary.json", '{"val_accuracy": 0.', "is not JSON"),
        ("wandb-summary.json", "3", "must hold a JSON object"),
    ],
)
def test_a_damaged_file_is_named_with_the_way_to_leave_the_run_out(local, name, content, why):
    (files(local, 3) / name).write_text(content)
    with pytest.raises(DataError, match=rf"run03/files/{name}: {why}.*\n  delete the folder run-20261130_120000-run03"):
        read_wandb(local)


def test_a_setting_that_is_named_like_a_result_gets_another_name(local):
    config = files(local, 0) / "config.yaml"
    config.write_text(config.read_text() + "val_accuracy:\n  value: 1\n")
    assert "val_accuracy_setting" in read_wandb(local).factors


def test_the_lines_that_the_message_shows_write_a_table_that_is_read(tmp_path, monkeypatch):
    def run(path):
        config = {name: each["value"] for name, each in yaml_record(path / "config.yaml", way_out="").items()}
        summary = json.loads((path / "wandb-summary.json").read_text())
        del config["_wandb"]
        return SimpleNamespace(
            name=path.parent.name, state="finished", config=config, summary=SimpleNamespace(_json_dict=summary)
        )

    api = SimpleNamespace(runs=lambda _: [run(path) for path in sorted((LOGS / "wandb").glob("*/files"))])
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(Api=lambda: api))
    monkeypatch.chdir(tmp_path)
    exec(textwrap.dedent(EXPORT), {})
    read = read_imported(read_file_runs(Path("runs.csv")), ImportOptions())
    assert sorted(read.facts.factors) == ["dropout", "optimizer"]
    assert (read.facts.seed_column, read.facts.metric.name) == ("config.seed", "summary.val_accuracy")
