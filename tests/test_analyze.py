"""The command `ablate analyze`, from a table to its report."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from ablate.cli import app
from ablate.commands.analyze import Place, run
from ablate.errors import AblateError
from ablate.foreign import Asked

# Whatever is imported beside these would be missing on a machine that only reads.
WITHOUT_TRAINING = """
import sys

class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras", "mlflow", "ray"):
            raise ImportError(f"{name} is not to be imported")

sys.meta_path.insert(0, Forbidden())
sys.argv = ["ablate", "analyze", "sweep.csv"]
from ablate.cli import main

main()
"""


def table(n_seeds=6):
    """norm helps by 10 points, width does nothing; noise that a seed shares cancels."""
    rng = np.random.default_rng(0)
    shared = rng.normal(scale=0.05, size=n_seeds)
    rows = [
        {"norm": norm, "width": width, "seed": seed}
        | {"acc": 0.6 + 0.1 * (norm == "batch") + shared[seed] + rng.normal(scale=0.0002)}
        for norm in ("none", "batch")
        for width in (50, 100)
        for seed in range(n_seeds)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table().to_csv("sweep.csv", index=False)
    return tmp_path


def analyze(source, *, name="", asked=None):
    place = Place(source, None, "sqlite:///mlflow.db", name, Path("reports"))
    run(place, asked or Asked(), command_line=f"ablate analyze {source}")


def test_a_table_becomes_a_report_without_the_libraries_that_train(folder):
    done = subprocess.run([sys.executable, "-c", WITHOUT_TRAINING], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "Factors: norm, width." in said
    assert "Norm matters most: batch helps by 10.0" in said
    assert "report reports/sweep/report.html" in said
    facts = json.loads((folder / "reports/sweep/provenance.json").read_text())
    assert (facts["source"], facts["study"], facts["command"]) == ("sweep.csv", "sweep", "ablate analyze sweep.csv")
    effects = pd.read_csv(folder / "reports/sweep/effects.csv").set_index("variant")
    assert effects.loc["norm=batch", "mean"] == pytest.approx(0.1, abs=0.005)
    assert effects.loc["norm=batch", "verdict"] == "helps"


def test_the_same_name_is_written_again_but_never_over_a_study(folder, capsys):
    study = folder / "reports" / "sweep"
    study.mkdir(parents=True)
    table().assign(trial="t", phase="search").to_csv(study / "results.csv")
    with pytest.raises(AblateError, match=r"reports/sweep: holds the results of a study\n  give .* --name"):
        analyze("sweep.csv")
    with pytest.raises(AblateError, match="--name a/b: must have letters"):
        analyze("sweep.csv", name="a/b")
    analyze("sweep.csv", name="mine")
    analyze("sweep.csv", name="mine", asked=Asked(reference="norm=batch"))
    assert "none hurts by 10" in " ".join(capsys.readouterr().out.split())


def test_a_results_table_of_our_own_needs_no_options_and_keeps_what_is_known_of_it(folder, capsys):
    analyze("sweep.csv")
    first = (folder / "reports/sweep/effects.csv").read_bytes()
    analyze("reports/sweep/results.csv")  # in place
    analyze("reports/sweep/results.csv", name="copy")
    assert "A results table of ablate's own" in capsys.readouterr().out
    assert (folder / "reports/copy/effects.csv").read_bytes() == first
    assert json.loads((folder / "reports/copy/provenance.json").read_text())["source"] == "reports/sweep/results.csv"


def test_the_command_line_hands_over_what_was_asked(folder):
    arguments = ["analyze", "sweep.csv", "--factors", "norm, width", "--score", "acc", "--seed", "seed", "--direction",
                 "minimize", "--margin", "0.2", "--name", "asked", "--target", "norm=none"]  # fmt: skip
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    facts = json.loads((folder / "reports/asked/provenance.json").read_text())
    assert facts["metric"] == {"name": "acc", "direction": "minimize", "unit": "", "scale": 1, "margin": 0.2}
    assert facts["target"]["norm"] == "none"
    assert facts["factors"] == ["norm", "width"]
