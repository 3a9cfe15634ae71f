"""The studies that ship with the package: valid, and runnable."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ablate.analysis.statistics import least_seeds
from ablate.cli.commands.studies import run_show
from ablate.storage.results import read_results
from ablate.study.load import load_study
from ablate.study.names import find_study, list_studies
from ablate.study.toml import to_toml

ROOT = Path(__file__).parents[2]
BUNDLED = sorted(study.name for study in list_studies(Path("/nonexistent")) if study.bundled)
# Without a folder of data sets: a function that trains by itself, a program, known data, windows of a series split by
# time for a network of its own, and masks. The other studies that need no file are left to the runs with one.
ALWAYS_RUN = ("boosting", "classifiers", "digits_mlp", "eeg", "shapes")


def test_the_bundled_studies_are_there():
    assert BUNDLED == [
        "augmentation", "batch_norm", "boosting", "cifar_cnn", "cifar_mlp", "classifiers", "depth", "diabetes",
        "digits_mlp", "docstrings", "eeg", "fashion_mlp", "fashion_schedules", "fashion_transfer", "mnist_cnn",
        "mnist_deep_cnn", "rare_cancer", "resnet", "scaling", "shapes", "symmetry",
    ]  # fmt: skip


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_study_is_in_their_readme_and_loads_from_its_resolved_text(name, tmp_path):
    study = load_study(find_study(name, folder=Path("/nonexistent")), overrides=[], quick=False)
    assert f"| `{name}` |" in (ROOT / "studies" / "README.md").read_text(encoding="utf-8")
    (tmp_path / f"{name}.toml").write_text(to_toml(study))
    again = load_study(tmp_path / f"{name}.toml", overrides=[], quick=False)
    assert to_toml(again) == to_toml(study)


def test_the_command_shows_a_bundled_study_with_its_parameters(capsys):
    run_show("mnist_cnn", overrides=['data.name="digits"', "data.validation=300"], quick=True, data_dir=None)
    assert "the baseline's model has 17,210 parameters on digits (8, 8, 1)" in capsys.readouterr().out


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_study_has_the_seeds_that_its_comparisons_need(name):
    study = load_study(find_study(name, folder=Path("/nonexistent")), overrides=[], quick=False)
    assert study.ablation.seeds >= least_seeds(alpha=0.05)
    assert load_study(find_study(name, folder=Path("/nonexistent")), overrides=[], quick=True).quick


@pytest.mark.parametrize("path", ["studies/cifar_mlp.toml", "ablate/study/template.toml"])
def test_what_is_commented_out_for_the_taking_can_be_taken(path, tmp_path):
    taken = tmp_path / "taken.toml"
    text = re.sub(r"(?m)^#(?=\S)", "", (ROOT / path).read_text(encoding="utf-8"))  # prose has a space after the sign
    taken.write_text(text.replace('design = "one-factor"', 'design = ["one-factor", "factorial", "path"]'))
    study = load_study(taken, overrides=[], quick=False)
    assert study.recipes
    assert study.space.conditions
    assert len(study.ablation.factorial) == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_study_runs_quickly_on_real_data(name, tmp_path):
    if name not in ALWAYS_RUN and not os.environ.get("ABLATE_DATA_DIR"):
        pytest.skip("ABLATE_DATA_DIR names no folder with the real data sets")
    command = [sys.executable, "-m", "ablate.cli.main", "study", name, "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "reports" / f"{name}@quick"
    assert set(read_results(folder / "results.csv")["state"]) <= {"finished", "pruned", "diverged"}
    assert (folder / "report.html").stat().st_size < 3_000_000
