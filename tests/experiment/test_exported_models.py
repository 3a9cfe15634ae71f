"""Models of whole trials, loaded where this package is not: Keras alone predicts the recorded test scores."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from in_process import Alone

import ablate as ablate_package
from ablate.cli import main
from ablate.data.raw_columns import to_columns
from ablate.experiment.options import open_data
from ablate.storage.models import model_path
from ablate.study.load import load_study
from ablate.study.trial import Label, TrialSpec
from ablate.training.engine.context import TrainingContext
from ablate.training.run_range_test import RateFinder
from ablate.training.stack import run_trials

# Keras' own writer, with NumPy 2.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")]
STUDIES = Path(__file__).parents[2] / "studies"
SETTINGS = ("training.keep=all", "training.epochs=2", "lr_test.seeds=1")
LOADER = """
import sys
sys.modules["ablate"] = None  # importing it fails
sys.path[:] = [path for path in sys.path if path not in ("", ".")] + json.loads(sys.argv[2])
import keras
import numpy as np

for model, data, metric in json.loads(sys.argv[1]):
    arrays = np.load(data, allow_pickle=True)
    y, x = arrays["y"], {name[2:]: arrays[name] for name in arrays if name != "y"}
    made = keras.models.load_model(model).predict(x if set(x) != {""} else x[""], verbose=0)
    if metric == "accuracy":
        score = np.mean(made.argmax(-1) == y)
    elif metric == "mae":
        score = np.abs(made.reshape(y.shape) - y).mean()
    else:
        made, classes = made.argmax(-1), range(made.shape[-1])
        score = np.mean([np.sum((made == k) & (y == k)) / np.sum((made == k) | (y == k)) for k in classes])
    print(json.dumps(float(score)))
"""


def trained(name: str, folder: Path) -> tuple[str, str, str, float]:
    """A trial of a bundled study's baseline: its model, its raw test examples, its metric and the recorded score."""
    study = load_study(STUDIES / f"{name}.toml", overrides=SETTINGS, quick=True)
    data = open_data(study, None, announce=lambda _: None)
    context, feed = TrainingContext(study, data, stack=1, kept_in=folder / name), Alone(lambda _: True)
    spec = TrialSpec("reference", Label("ablation", "reference"), 1, study.baseline, test=True, frozen="f")
    run_trials([spec], context, RateFinder(context, cache=None), feed)
    (outcome,) = feed.outcomes
    assert outcome.state == "finished", outcome.traceback
    x = to_columns(data.x_test, data.columns) if data.columns else {"": data.x_test}
    arrays = folder / f"{name}.npz"
    np.savez(arrays, y=data.y_test, **{f"x_{key}": array for key, array in x.items()})
    metric = study.metric.name or "accuracy"
    return str(model_path(folder / name, "reference")), str(arrays), metric, outcome.metrics[f"test_{metric}"]


def test_each_kind_of_bundled_model_predicts_its_recorded_score_without_this_package(tmp_path):
    names = ["digits_mlp", "mnist_cnn", "docstrings", "eeg", "shapes", "diabetes"]
    tried = [trained(name, tmp_path) for name in names]
    paths = [str(Path(keras.__file__).parents[1]), str(Path(np.__file__).parents[1])]
    code = f"import json\n{LOADER}"
    arguments = [json.dumps([one[:3] for one in tried]), json.dumps(paths)]
    command = [sys.executable, "-I", "-S", "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    scores = dict(zip(names, map(json.loads, done.stdout.split()), strict=True))
    assert scores == {name: pytest.approx(one[3], rel=1e-5) for name, one in zip(names, tried, strict=True)}


def ablate(*arguments: str, capsys) -> tuple[int, str, str]:
    code = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["ablate", *arguments])
        try:
            main.main()
        except SystemExit as end:
            code = int(end.code or 0)
    return code, *capsys.readouterr()


def test_a_study_keeps_its_best_model_and_any_other_is_trained_once_more(tiny_file, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    studied = ("study", str(tiny_file), "--workers", "1", "--set", "training.keep=best")
    code, out, err = ablate(*studied, capsys=capsys)
    assert code == 0, err
    (kept,) = (tmp_path / "reports" / "tiny" / "models").glob("*.keras")
    assert f"model    reports/tiny/models/{kept.name}" in out
    code, out, err = ablate("export", str(tiny_file), "best.keras", "--register", "tiny", capsys=capsys)
    assert code == 0, err
    assert Path("best.keras").read_bytes() == kept.read_bytes()
    assert f"{kept.stem}, the best search trial" in out
    assert "registered as tiny, version 1" in out
    other = "ablation-reference-s1"
    code, out, err = ablate("export", str(tiny_file), "other.keras", "--trial", other, capsys=capsys)
    assert code == 0, err
    assert f"{other}: its model was not kept, so the trial is trained once more" in out
    assert "trained once more: its numbers are equal to the record" in out
    assert keras.models.load_model("other.keras").input_shape == (None, 8, 8, 1)
    assert ablate_package.read("reports/tiny").best_model().input_shape == (None, 8, 8, 1)
    code, out, err = ablate("export", str(tiny_file), "best.keras", capsys=capsys)
    assert (code, "exists already" in err) == (2, True)
