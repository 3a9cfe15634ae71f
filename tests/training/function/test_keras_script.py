"""A Keras script as people write it becomes a study with a few changed lines, and gives the same numbers."""

import difflib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

SCRIPTS = Path(__file__).parent / "scripts"
STUDY = """\
[model]
train = "digits_trial.py:main"
[metric]
name = "accuracy"
also = ["loss"]
[baseline]
units = 32
dropout = 0.2
[space]
units = [16, 32]
[search]
trials = 0
[ablation]
seeds = 1
"""


def test_at_most_five_lines_change():
    before, after = ((SCRIPTS / f"digits_{name}.py").read_text().splitlines() for name in ("script", "trial"))
    changed = [line for line in difflib.ndiff(before, after) if line.startswith("+ ")]
    assert len([line for line in before if line.strip()]) <= 30
    assert len(changed) == 3


@pytest.mark.slow
def test_a_study_has_the_numbers_of_the_script_by_itself(tmp_path):
    for script in SCRIPTS.iterdir():
        shutil.copy(script, tmp_path)
    (tmp_path / "digits.toml").write_text(STUDY)
    one_processor = {min(os.sched_getaffinity(0))}  # as a worker has
    script = "runpy.run_path('digits_script.py', run_name='__main__')"
    on_it = f"import os, runpy; os.sched_setaffinity(0, {one_processor}); {script}"
    alone = subprocess.run([sys.executable, "-c", on_it], cwd=tmp_path, capture_output=True, text=True, check=True)
    loss, accuracy = map(float, re.findall(r"(?:loss|accuracy): ([\d.]+)", alone.stdout.splitlines()[-1]))
    ablate = [sys.executable, "-m", "ablate.cli.main", "study", "./digits.toml", "--workers", "1"]
    subprocess.run(ablate, cwd=tmp_path, check=True, capture_output=True)
    runs = pd.read_csv(tmp_path / "reports/digits/results.csv").set_index("trial")
    mine = runs.loc["ablation-reference-s1"]
    assert mine["val_accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert mine["val_loss"] == pytest.approx(loss, abs=1e-5)
    epochs = pd.read_csv(tmp_path / "reports/digits/epochs.csv")
    assert {"train_loss", "train_accuracy", "val_loss", "val_accuracy"} <= set(epochs)
    assert epochs["learning_rate"].notna().all()  # ReduceLROnPlateau logs it
