"""A study runs from every kind of script, without a main guard, and goes on after Ctrl-C."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import ablate
from ablate.errors import AblateError
from ablate.experiment.verify.conditions import read_recorded

pytestmark = pytest.mark.slow

TRAIN = """
import time
import ablate

SECONDS = {seconds}

def score_of(width, epoch):
    return 0.1 * width + 0.01 * epoch

def train(factors, epochs, report):
    for epoch in range(1, epochs + 1):
        time.sleep(SECONDS)
        report(epoch=epoch, accuracy=score_of(factors["width"], epoch))
    return score_of(factors["width"], epochs)

def study():
    return ablate.Study(
        "own", model={{"train": train}}, metric="accuracy", baseline={{"width": 1}}, space={{"width": [1, 2, 3]}},
        training={{"epochs": 3}}, search={{"trials": 0}}, ablation={{"seeds": 3}},
    )
"""
RUN = "\nprint('script', flush=True)\nresult = study().run(workers=2)\nprint(result)\n"
SCRIPT = TRAIN.format(seconds=0) + RUN
IN_A_THREAD = TRAIN.format(seconds=0) + textwrap.dedent("""
    import threading
    found = []
    thread = threading.Thread(target=lambda: found.append(study().run(workers=2)))
    thread.start()
    thread.join()
    print(found[0])
    """)
IN_PYTEST = TRAIN.format(seconds=0) + textwrap.dedent("""
    def test_of_a_user(tmp_path):
        assert len(study().run(workers=2, out=tmp_path).runs) == 9
    """)
BUILD = """
import keras
import ablate
from layers_of_mine import dense  # beside the script

WIDTH = 8

def build(factors, input_shape, n_classes):
    inputs = keras.Input(input_shape)
    x = dense(WIDTH * factors["width"])(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.layers.Dense(n_classes)(x))

study = ablate.Study(
    "built", data={"name": "digits", "validation": 200, "train": 320}, model=build,
    baseline={"width": 1, "optimizer": "adam", "learning_rate": 0.01}, space={"width": [1, 2]},
    training={"epochs": 1, "batch_size": 32, "keep": "best"}, search={"trials": 0},
    ablation={"seeds": 2, "learning_rate": "carry"},
)
result = study.run(workers=1)
model = result.best_model()
from sklearn.datasets import load_digits
print(model.predict(load_digits().images[:3, ..., None], verbose=0).shape, model.count_params())
print(result.runs["state"].tolist(), list(result.runs["trained_by"].unique()))
"""
PYTHON = Path(sys.executable)


def run(folder, *arguments, given=None, script=SCRIPT):
    (folder / "script.py").write_text(script)
    environment = {**os.environ, "PYTHONPATH": str(Path(ablate.__file__).parents[1])}
    return subprocess.run(
        [PYTHON, *arguments], cwd=folder, env=environment, input=given, capture_output=True, text=True, timeout=240
    )


@pytest.mark.parametrize(
    ("arguments", "given"),
    [(("script.py",), None), (("-m", "script"), None), (("-c", SCRIPT), None), (("-",), SCRIPT)],
    ids=["file", "module", "command", "standard input"],
)
def test_a_script_without_a_main_guard_runs_once_and_its_workers_train(tmp_path, arguments, given):
    done = run(tmp_path, *arguments, given=given)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("script\n") == 1
    assert "Width matters" in done.stdout or "width" in done.stdout.splitlines()[-2].lower()
    assert done.stdout.splitlines()[-1] == "report   reports/own/report.html"
    runs = ablate.read(tmp_path / "reports" / "own").runs
    assert runs["state"].tolist() == ["finished"] * 9
    by_width = runs.groupby("width")["val_accuracy"].unique().map(list).to_dict()
    assert by_width == {1: [pytest.approx(0.13)], 2: [pytest.approx(0.23)], 3: [pytest.approx(0.33)]}


def test_a_study_runs_in_a_thread(tmp_path):
    done = run(tmp_path, "script.py", script=IN_A_THREAD)
    assert done.returncode == 0, done.stderr
    assert "report   reports/own/report.html" in done.stdout


def test_a_study_runs_in_a_test_of_a_user(tmp_path):
    done = run(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "script.py", script=IN_PYTEST)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_build_function_of_a_script_uses_what_lies_beside_it(tmp_path):
    (tmp_path / "layers_of_mine.py").write_text(
        'import keras\n\ndef dense(width):\n    return keras.layers.Dense(width, activation="relu")\n'
    )
    done = run(tmp_path, "script.py", script=BUILD)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2] == "(3, 10) 610"
    assert done.stdout.splitlines()[-1] == "['finished', 'finished', 'finished', 'finished'] ['compiled']"


def test_ctrl_c_saves_and_the_same_script_goes_on(tmp_path):
    (tmp_path / "script.py").write_text(TRAIN.format(seconds=0.3) + RUN)
    environment = {**os.environ, "PYTHONPATH": str(Path(ablate.__file__).parents[1])}
    process = subprocess.Popen(
        [PYTHON, "script.py"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("ablation 2/"):
            process.send_signal(signal.SIGINT)
            break
    _, said = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt: own is saved in reports/own: the same call goes on" in said
    first = ablate.read(tmp_path / "reports" / "own").runs
    assert 2 <= (first["state"] == "finished").sum() < 9
    began = time.monotonic()
    done = run(tmp_path, "script.py", script=TRAIN.format(seconds=0.3) + RUN)
    assert done.returncode == 0, done.stderr
    assert "trials were already done" in done.stdout
    assert len(ablate.read(tmp_path / "reports" / "own").runs) == 9
    assert time.monotonic() - began < 120


def test_a_changed_function_is_said_when_the_study_goes_on(tmp_path):
    assert run(tmp_path, "script.py").returncode == 0
    (tmp_path / "reports" / "own" / "trials.jsonl").is_file()
    reworded = SCRIPT.replace("def train(", "# The same.\ndef train(")
    assert run(tmp_path, "script.py", script=reworded).returncode == 0
    changed = run(tmp_path, "script.py", script=SCRIPT.replace("0.01 * epoch", "0.02 * epoch"))
    assert changed.returncode == 1
    assert (
        "train (defined in script.py), or a function or value that it uses, has changed since the finished trials ran"
        in changed.stderr
    )
    assert "continue_=True resumes with the changed study; fresh=True starts again" in changed.stderr


ARRAYS = """
import numpy as np
import ablate

x = np.random.default_rng(0).normal(size=(60, 4))
y = (x[:, 0] > SHIFT).astype(int)

def train(factors, data):
    return {"accuracy": 0.5 + 0.1 * factors["width"], "test_accuracy": 0.5}

study = ablate.Study(
    "arrays", data={"name": (x, y), "validation": 0.2, "test": 0.2}, model={"train": train}, metric="accuracy",
    baseline={"width": 1}, space={"width": [1, 2]}, search={"trials": 0}, ablation={"seeds": 2},
)
print(study.run(workers=1).notes)
"""


def test_the_same_arrays_go_on_and_others_are_refused(tmp_path):
    first = run(tmp_path, "script.py", script=ARRAYS.replace("SHIFT", "0.0"))
    assert first.returncode == 0, first.stderr
    assert run(tmp_path, "script.py", script="# again\n" + ARRAYS.replace("SHIFT", "0.0")).returncode == 0
    other = run(tmp_path, "script.py", script=ARRAYS.replace("SHIFT", "0.5"))
    assert other.returncode == 1
    assert "the data: fingerprint" in other.stderr
    with pytest.raises(AblateError, match=r"arrays: a script held .*arrays in memory"):
        read_recorded(tmp_path / "reports" / "arrays", beside=None)
