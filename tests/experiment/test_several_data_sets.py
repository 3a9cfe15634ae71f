"""A study on several data sets: what its parts are, and one on data whose truth is known, to its end."""

import json

import numpy as np
import pandas as pd
import pytest
from in_process import workers_here

from ablate.cli.commands.plan import several_said
from ablate.errors import StudyError
from ablate.experiment import run_parts
from ablate.experiment.data_sets import check_together, list_parts, parts, run_on_data_sets
from ablate.experiment.options import Options
from ablate.storage.folder import StudyFolder
from ablate.storage.provenance import read_provenance
from ablate.study.load import load_study

STUDY = """
[data]
validation = 200
[data.sources]
rough = {{ name = "rough.npz" }}
smooth = {{ name = "smooth.npz" }}
[model]
name = "mlp"
depth = 1
width = 16
[training]
epochs = 6
{more}
[baseline]
scaling = "none"
normalization = "none"
activation = "relu"
initializer = "he_normal"
dropout = 0.0
optimizer = "adam"
learning_rate = 0.01
[space]
scaling = ["none", "standardize"]
[search]
trials = 2
[ablation]
seeds = 6
learning_rate = "carry"
"""


def write(folder, more=""):
    """Two data sets of one rule; the inputs of the rough one have other sizes, and are far from 0."""
    for name, seed, size, shift in (("rough", 1, 1e4, 1e5), ("smooth", 2, 1.0, 0.0)):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((1600, 8)).astype("float32")
        y = (x[:, 0] + x[:, 1] + 0.3 * rng.standard_normal(1600) > 0).astype("int64")
        x = x * np.float32(size) + np.float32(shift)
        np.savez(folder / f"{name}.npz", x_train=x[:1000], y_train=y[:1000], x_test=x[1000:], y_test=y[1000:])
    path = folder / "two.toml"
    path.write_text(STUDY.format(more=more))
    return path


def study_in(folder, *overrides, more=""):
    return load_study(write(folder, more), overrides=overrides, quick=False)


def options_in(folder, **more) -> Options:
    return Options(folder / "reports", f"sqlite:///{folder / 'mlflow.db'}", "ablate study two", workers=1, **more)


def test_the_parts_are_studies_on_one_data_set_and_only_the_first_one_searches(tmp_path):
    (one, first), (other, second) = parts(study_in(tmp_path))
    assert (one, other) == ("rough", "smooth")
    assert (first.name, second.name) == ("two.rough", "two.smooth")
    assert (first.search.trials, second.search.trials) == (2, 0)
    assert first.data_sets == second.data_sets == {}
    assert second.baseline == first.baseline


def test_the_others_start_from_the_best_of_the_first_ones_search(tmp_path):
    study = study_in(tmp_path, "ablation.reference=best")
    best = {**study.baseline, "scaling": "standardize"}
    (_, first), (_, second) = parts(study, best=best)
    assert (first.ablation.reference, first.baseline) == ("best", study.baseline)
    assert (second.ablation.reference, second.baseline) == ("baseline", best)
    assert list_parts(study, StudyFolder(tmp_path / "two.rough"))[1].baseline == study.baseline


def test_data_sets_that_are_judged_by_other_metrics_are_refused_before_anything_trains(tmp_path):
    study = study_in(tmp_path)
    with np.load(tmp_path / "smooth.npz") as arrays:
        numbers = {name: arrays[name] for name in arrays}
    numbers |= {name: numbers[name] + np.float32(0.5) for name in ("y_train", "y_test")}
    np.savez(tmp_path / "smooth.npz", **numbers)
    with pytest.raises(StudyError, match=r"rough is judged by accuracy .* and smooth by"):
        check_together(study, options_in(tmp_path), lambda _: None)


def test_a_margin_in_the_unit_of_a_loss_is_refused(tmp_path):
    study = study_in(tmp_path, "metric.name=loss", "metric.margin=0.1")
    with pytest.raises(StudyError, match=r"metric\.margin: 0\.1 has no meaning on several data sets"):
        check_together(study, options_in(tmp_path), lambda _: None)


@pytest.mark.parametrize(("k", "said"), [(2, "about these 2 data sets"), (5, "data sets like these 5")])
def test_the_plan_says_what_claims_will_be_about(tmp_path, k, said):
    study = study_in(tmp_path)
    study = study.model_copy(update={"data_sets": {f"d{i}": study.data for i in range(k)}})
    assert said in "\n".join(several_said(study))
    assert "the search runs on d0 alone" in "\n".join(several_said(study))


@pytest.mark.slow
def test_the_truth_is_found_on_each_data_set_and_the_study_resumes(tmp_path, monkeypatch):
    """Standardizing helps where inputs are far from 0, and does nothing where they are standard normal."""
    monkeypatch.setattr(run_parts, "open_workers", workers_here)
    study = study_in(tmp_path)
    done = run_on_data_sets(study, options_in(tmp_path), lambda _: None)
    folder = done.folder.path
    assert done.ending.complete
    assert done.states == {"finished": 2 + 2 * 12}
    effects = pd.read_csv(folder / "tables" / "effects-by-data-set.csv").set_index("data_set")
    assert effects.loc["rough", "verdict"] == "helps"
    assert effects.loc["smooth", "verdict"] in ("equivalent", "inconclusive")
    answer = " ".join(done.report.headline)
    assert "Scaling standardize helps on rough by" in answer.replace("\N{NO-BREAK SPACE}", " ")
    assert "the effect differs between data sets" in answer

    results = pd.read_csv(folder / "results.csv", keep_default_na=False, dtype=str)
    assert results.groupby("data_set").size().to_dict() == {"rough": 14, "smooth": 12}
    assert results["trial"].is_unique
    confirmed = results[results["phase"] == "ablation"]
    assert confirmed.groupby("data_set")["seed"].agg(set).map(sorted).tolist() == [list("123456")] * 2
    part = pd.read_csv(tmp_path / "reports" / "two.smooth" / "results.csv", keep_default_na=False, dtype=str)
    assert "data_set" not in part
    same = results[results["data_set"] == "smooth"].reset_index(drop=True)
    assert same["test_accuracy"].tolist() == part["test_accuracy"].tolist()

    facts = read_provenance(folder / "provenance.json")
    assert [data.name for data in facts.data_sets] == ["rough", "smooth"]
    assert facts.parts == ["two.rough", "two.smooth"]
    assert facts.frozen.contrasts == 2
    page = (folder / "report.html").read_text()
    assert "2 comparisons, digest" in page
    frozen = json.loads((folder / "frozen.json").read_text())
    assert list(frozen["declared"]["rules"]["data_sets"]) == ["rough", "smooth"]
    assert "One of several data sets" in (tmp_path / "reports" / "two.rough" / "report.html").read_text()

    before = (folder / "results.csv").read_bytes()
    again = run_on_data_sets(study, options_in(tmp_path), lambda _: None)
    assert again.ending.complete
    assert (folder / "results.csv").read_bytes() == before

    fewer = study.model_copy(update={"data_sets": {**study.data_sets, "third": study.data}})
    with pytest.raises(StudyError, match=r"preregistered at .* and differ now"):
        run_on_data_sets(fewer, options_in(tmp_path), lambda _: None)
