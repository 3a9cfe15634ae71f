"""Trials that a user's function trains, from specs to outcomes, without a process and without TensorFlow."""

import random
import subprocess
import sys

import numpy as np
import pytest

from ablate.data import save_arrays
from ablate.data.variants import check_levels, open_examples
from ablate.errors import StudyError
from ablate.study.load import load_study
from ablate.study.trial import Label, TrialSpec
from ablate.training.open_trainer import open_trainer
from ablate.training.trainers import TrainerTask

STUDY = """\
{data}
[model]
train = "my.py:train"
{options}
[training]
epochs = 3
[metric]
name = "mae"
[baseline]
kind = "plain"
strength = 1.0
[space]
kind = ["plain", "odd"]
strength = {{ low = 0.1, high = 2.0, ablate = [0.5] }}
"""


class Kept:
    """A feed that keeps what it hears."""

    def __init__(self, verdict=lambda _: True):
        self.epochs, self.outcomes, self.verdict = [], [], verdict

    def more(self, _n):
        return []

    def report(self, epochs):
        self.epochs += epochs
        return [self.verdict(epoch) for epoch in epochs]

    def tell(self, outcome):
        self.outcomes.append(outcome)


@pytest.fixture
def trials(tmp_path):
    """Opens the trainer of a study with this function."""

    def trials(code, *, data="", options=""):
        (tmp_path / "my.py").write_text(code)
        (tmp_path / "x.toml").write_text(STUDY.format(data=data, options=options))
        study = load_study(tmp_path / "x.toml", overrides=(), quick=False)
        examples = check_levels(study, open_examples(study, study.baseline))
        arrays = save_arrays(examples, tmp_path / "arrays")
        return open_trainer(TrainerTask(study, arrays, 1, tmp_path / "trials"))

    return trials


def spec(seed=1, *, test=False, **factors):
    label = Label("ablation" if test else "search")
    levels = {"kind": "plain", "strength": 1.0, **factors}
    return TrialSpec(f"t{seed}", label, seed, levels, test=test, frozen="x" if test else "")


def outcome_of(trainer, one, **kwargs):
    feed = Kept(**kwargs)
    trainer.check()
    trainer.train([one], feed)
    return feed.outcomes[0], feed


def test_a_function_gets_what_it_lists(trials):
    code = """
def train(factors, seed, report, test, epochs, depth, folder, strength):
    (folder / "seen").write_text("x")
    report(epoch=1, mae=seed + depth + epochs + strength)
    return {"mae": len(factors), "test_mae": 9.0 if test else 8.0}
"""
    trainer = trials(code, options="depth = 100")
    outcome, feed = outcome_of(trainer, spec(7))
    assert feed.epochs[0].metrics == {"val_mae": 7 + 100 + 3 + 1.0}
    assert (outcome.state, outcome.score, outcome.discarded) == ("finished", -2.0, ("test_mae",))
    assert outcome.trained_by == "function: my.py:train"
    assert outcome_of(trainer, spec(7, test=True))[0].metrics["test_mae"] == 9.0


def test_factors_may_be_listed_by_name_or_taken_by_kwargs(trials):
    outcome, _ = outcome_of(trials("def train(kind, strength):\n    return len(kind) + strength"), spec())
    assert outcome.score == -6.0
    outcome, _ = outcome_of(trials("def train(kind, **others):\n    return others['strength'] * len(others)"), spec())
    assert outcome.score == -1.0


def test_a_wrapper_that_lists_nothing_gets_everything(trials):
    code = """
def logged(function):
    def wrapper(*args, **kwargs):
        wanted = ("seed", "report", "kind")
        return function(*args, **{name: kwargs[name] for name in wanted})
    return wrapper

@logged
def train(seed, report, kind):
    report(mae=seed)
    return len(kind)
"""
    outcome, feed = outcome_of(trials(code), spec(7))
    assert (outcome.score, feed.epochs[0].metrics) == (-5.0, {"val_mae": 7.0})


@pytest.mark.parametrize(
    ("code", "kind"),
    [("async def train(factors):\n    return 1", "is async"), ("def train(factors):\n    yield 1", "is a generator")],
)
def test_what_only_begins_when_it_is_called_is_refused(trials, code, kind):
    with pytest.raises(StudyError, match=f"my.py:train {kind}, so calling it trains nothing"):
        trials(code).check()


def test_a_factor_that_the_function_does_not_get_is_refused_before_anything_trains(trials):
    with pytest.raises(StudyError, match="does not get the factor strength, so its levels would change nothing"):
        trials("def train(kind):\n    return 1").check()


def test_a_name_that_nothing_is_known_for_is_refused(trials):
    with pytest.raises(StudyError, match=r"model.train: my.py:train lists data, but ablate has no value of that name"):
        trials("def train(factors, data):\n    return 1").check()
    with pytest.raises(StudyError, match="has no function"):
        trials("def fit(factors):\n    return 1")


def test_a_factor_that_is_never_looked_up_is_told(trials):
    outcome, _ = outcome_of(trials("def train(factors):\n    return len(factors['kind'])"), spec())
    assert outcome.notes == ("my.py:train did not look up strength",)


def test_a_stopped_trial_ends_where_it_reports_and_frees_what_it_holds(trials):
    code = """
def train(factors, report, folder):
    try:
        for epoch in range(5):
            try:
                report(mae=5 - epoch)
            except Exception:
                raise AssertionError
    finally:
        (folder / "freed").write_text("x")
        1 / 0
"""
    outcome, feed = outcome_of(trials(code), spec(), verdict=lambda epoch: epoch.epoch < 2)
    assert (outcome.state, outcome.score, len(feed.epochs)) == ("pruned", -4.0, 2)


@pytest.mark.parametrize(
    ("body", "state", "reason"),
    [
        ("raise ValueError('no')", "failed", "ValueError: no"),
        ("raise SystemExit(3)", "failed", "SystemExit: 3"),
        ("raise MemoryError", "out_of_memory", "MemoryError"),
        ("raise RuntimeError('CUDA out of memory')", "out_of_memory", "RuntimeError: CUDA out of memory"),
        ("return float('nan')", "diverged", "its mae is nan"),
        ("return 'good'", "failed", "my.py:train returns: mae must be a number"),
        ("pass", "failed", "my.py:train reports no mae"),
    ],
)
def test_any_error_becomes_the_outcome_of_its_trial(trials, body, state, reason):
    trainer = trials(f"def train(factors):\n    {body}")
    outcome, _ = outcome_of(trainer, spec())
    assert outcome.state == state
    assert outcome.reason.startswith(reason)


def test_a_trial_does_not_depend_on_the_trials_before_it(trials):
    code = "import random\nimport numpy as np\ndef train(factors):\n    return random.random() + np.random.rand()"
    trainer = trials(code)
    first = outcome_of(trainer, spec(3))[0].score
    outcome_of(trainer, spec(4))
    random.random()
    assert outcome_of(trainer, spec(3))[0].score == first


def test_examples_are_split_for_the_seed_and_without_a_test_part_before_the_freeze(trials, tmp_path):
    x = np.arange(100, dtype=np.float32)
    np.savez(tmp_path / "d.npz", x_train=x[:80, None], y_train=x[:80], x_test=x[80:, None], y_test=x[80:])
    code = """
def train(factors, data, test):
    both = {*data.x_train.ravel(), *data.x_validation.ravel()}
    assert len(both) == 80 and data.input_shape == (1,), data.input_shape
    assert data.y_train.tolist() == data.x_train.ravel().tolist()
    data.x_train[:] = 0
    assert len(data.x_test) == len(data.y_test) == (20 if test else 0)
    return {"mae": data.x_validation.sum(), "test_mae": 1.0}
"""
    trainer = trials(code, data='[data]\nname = "./d.npz"\nvalidation = 20')
    one, two = (outcome_of(trainer, spec(seed))[0] for seed in (1, 2))
    assert one.state == "finished", one.reason
    assert one.score != two.score
    assert len({one.data, two.data}) == 2
    assert outcome_of(trainer, spec(1, test=True))[0].metrics == {"val_mae": -one.score, "test_mae": 1.0}


def test_examples_may_depend_on_factors(trials, tmp_path):
    (tmp_path / "load.py").write_text("""
import numpy as np
def load(seed, factors):
    x = np.arange(60.0)[:, None] * factors["strength"]
    return {"x_train": x, "y_train": np.arange(60.0)}
""")
    code = "def train(kind, data):\n    return data.x_train.max() / 59"
    trainer = trials(code, data='[data]\nname = "load.py:load"\nvalidation = 10\ntest = 10')
    scores = [outcome_of(trainer, spec(strength=strength))[0].score for strength in (1.0, 0.5, 1.0)]
    assert scores[0] == scores[2] != scores[1]
    assert scores[1] == scores[0] / 2


def test_no_heavy_library_is_imported_for_a_function(tmp_path):
    (tmp_path / "my.py").write_text("def train(factors):\n    return 1.0")
    (tmp_path / "x.toml").write_text(STUDY.format(data="", options=""))
    code = f"""
import sys
from pathlib import Path
from ablate.data import save_arrays
from ablate.data.variants import open_examples
from ablate.study.load import load_study
from ablate.training.open_trainer import open_trainer
from ablate.training.trainers import TrainerTask
folder = Path({str(tmp_path)!r})
study = load_study(folder / "x.toml", overrides=(), quick=False)
arrays = save_arrays(open_examples(study, study.baseline), folder / "arrays")
open_trainer(TrainerTask(study, arrays, 1, folder)).check()
print(sorted({{"tensorflow", "keras", "mlflow", "optuna", "matplotlib", "torch"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
