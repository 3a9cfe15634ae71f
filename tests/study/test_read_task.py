"""A study's task: which metrics are recorded, which decides, the loss and the margin; and what is refused."""

import math

import pytest
from study_texts import GOOD, OWN_MODEL

from ablate.errors import StudyError
from ablate.study.read_task import function_name, task_of
from ablate.study.task import Target, TaskMetric

DIGITS = {"": Target("classes", n_classes=10)}
TAGS = {"": Target("tags", (3,), 3)}
PRICE = {"": Target("numbers")}
BOTH = {"kind": Target("classes", n_classes=3), "price": Target("numbers")}
GUESSES = {"accuracy": 0.2, "sparse_categorical_crossentropy": 2.3, "mae": 4.0, "mse": 25.0, "price.mse": 25.0,
           "kind.sparse_categorical_crossentropy": 1.1, "price.mae": 4.0, "f1": 0.3}  # fmt: skip


def guess(name, **_):
    return GUESSES.get(name, math.nan)


@pytest.fixture
def task(load):
    def task(targets, *tables, text=GOOD):
        tables = "\n".join(tables).replace("\n\n", "\n")
        training = "\n".join(line for line in tables.splitlines() if line.startswith(("monitor", "loss")))
        rest = "\n".join(line for line in tables.splitlines() if not line.startswith(("monitor", "loss")))
        head = "" if "[training]" in text else "[training]\n"
        text = f"{text}{head}{training}\n{rest}"
        return task_of(load(text), targets, guess)

    return task


@pytest.fixture
def refusal(task, tmp_path):
    def refusal(targets, *tables, text=GOOD):
        with pytest.raises(StudyError) as caught:
            task(targets, *tables, text=text)
        return str(caught.value).replace(f"{tmp_path}/", "")

    return refusal


def names(task):
    return [metric.name for metric in task.metrics]


def test_classes_are_judged_by_accuracy_as_ever(task):
    found = task(DIGITS)
    assert found.metrics == (
        TaskMetric("accuracy", "maximize", "points", 0.2, "accuracy"), TaskMetric("loss", "minimize", "nats", 2.3),
    )  # fmt: skip
    assert (found.decides, found.losses) == ("accuracy", {"": "sparse_categorical_crossentropy"})
    assert (found.margin, found.margin_share) == (None, None)


@pytest.mark.parametrize("tables", ['monitor = "val_loss"', '[metric]\nname = "loss"'])
def test_judged_by_the_loss_the_accuracy_is_recorded_too(task, tables):
    found = task(DIGITS, tables)
    assert (names(found), found.decides) == (["accuracy", "loss"], "loss")


@pytest.mark.parametrize(
    ("targets", "recorded", "loss"),
    [
        (PRICE, ["mae", "loss"], {"": "mse"}),
        (TAGS, ["pr_auc", "loss"], {"": "binary_crossentropy"}),
        ({"": Target("one-hot", (4,), 4)}, ["accuracy", "loss"], {"": "categorical_crossentropy"}),
        ({"": Target("none")}, ["loss"], {}),
        (BOTH, ["loss"], {"kind": "sparse_categorical_crossentropy", "price": "mse"}),
        ({"a": Target("numbers"), "b": Target("none")}, ["loss"], {}),
    ],
)
def test_each_kind_of_target_has_a_default_metric_and_loss(task, targets, recorded, loss):
    found = task(targets)
    assert (names(found), found.decides, found.losses) == (recorded, recorded[0], loss)


def test_numbers_are_in_their_own_unit(task):
    mae, loss = task(PRICE).metrics
    assert (mae.goal, mae.unit, mae.guess, loss.unit, loss.guess) == ("minimize", "", 4.0, "", 25.0)


def test_guessing_at_several_outputs_costs_the_sum_of_their_losses(task):
    assert task(BOTH).metric.guess == pytest.approx(26.1)


def test_a_metric_of_one_of_several_outputs_begins_with_its_name(task):
    found = task(BOTH, '[metric]\nname = "price_mae"\nalso = ["kind_f1"]', text=OWN_MODEL)
    assert names(found) == ["price_mae", "kind_f1", "loss"]
    assert (found.metric.guess, found.metric.spec) == (4.0, "price_mae")


def test_the_metric_decides_and_others_are_recorded_before_the_loss(task):
    found = task(DIGITS, '[metric]\nname = "F1Score"\nalso = ["top_3_accuracy", "loss", "f1", "recall"]')
    assert (names(found), found.decides) == (["f1", "top_3_accuracy", "recall", "loss"], "f1")


def test_the_monitor_names_any_metric(task):
    assert task(PRICE, 'monitor = "val_r2"').decides == "r2"
    assert task(PRICE, 'monitor = "val_mean_absolute_error"', '[metric]\nname = "mae"').decides == "mae"


@pytest.mark.parametrize(
    ("text", "margin", "share"),
    [("[metric]\nmargin = 0.01", 0.01, None), ('[metric]\nmargin = "2%"', None, 0.02),
     ('[metric]\nmargin = " 0.5 %"', None, 0.005), ("[ablation]\nmargin = 0.003", 0.003, None)],
)  # fmt: skip
def test_the_margin_is_a_number_or_a_share(task, text, margin, share):
    found = task(DIGITS, text)
    assert (found.margin, found.margin_share) == (margin, share)


def test_a_function_of_the_users_is_named_after_itself(task):
    found = task(PRICE, '[metric]\nname = "my.py:weighted_error"\nunit = "€"\nalso = "sub/other.py:r2_of_log"')
    assert [(metric.name, metric.goal, metric.unit) for metric in found.metrics] == [
        ("weighted_error", "minimize", "€"), ("r2_of_log", "maximize", ""), ("loss", "minimize", ""),
    ]  # fmt: skip
    assert found.metric.spec == "my.py:weighted_error"
    assert function_name("my.py:weighted_error") == "weighted_error"
    assert math.isnan(found.metric.guess)


def test_a_stated_goal_is_that_of_a_name_that_tells_none(task):
    found = task(PRICE, '[metric]\nname = "my.py:sharpe"\ngoal = "maximize"')
    assert (found.metric.name, found.metric.goal) == ("sharpe", "maximize")


def test_a_users_model_may_be_compiled_with_metrics_of_its_own(task):
    found = task(PRICE, '[metric]\nname = "pinball"\ngoal = "minimize"', text=OWN_MODEL)
    assert (found.metric.name, found.metric.goal, found.metric.spec) == ("pinball", "minimize", "pinball")


COMPILED, BARE = "model.compile(loss='mae')", "import re"


@pytest.fixture
def code(tmp_path):
    def code(text):
        (tmp_path / "nets.py").write_text(f"import keras\n\ndef build(factors):\n    {text}\n    return model\n")

    return code


@pytest.mark.parametrize(
    ("text", "unit", "guessed"), [(COMPILED, "", math.nan), ("pass", "nats", 2.3), ("import torch", "", math.nan)]
)
def test_of_a_model_that_may_come_compiled_the_loss_is_unknown(task, code, text, unit, guessed):
    code(text)
    loss = task(DIGITS, text=OWN_MODEL).metric_of("loss")
    assert (loss.unit, loss.guess) == (unit, pytest.approx(guessed, nan_ok=True))
    stated = task(DIGITS, 'loss = "SparseCategoricalCrossentropy"', text=OWN_MODEL).metric_of("loss")
    assert (stated.unit, stated.guess) == ("nats", 2.3)  # which refuses a compiled model


@pytest.mark.parametrize(
    ("spec", "compiled", "bare"),
    [("iou", "iou", "mean_iou"), ("MeanIoU", "MeanIoU", "mean_iou"), ("f1", "f1", "f1"), ("acc", "acc", "accuracy"),
     ("recall_at_precision(0.5)", "recall_at_precision_0_5", "recall_at_precision_0_5")],
)  # fmt: skip
def test_metrics_of_a_model_that_may_come_compiled_keep_the_name_that_the_study_writes(
    task, code, spec, compiled, bare
):
    targets = {"": Target("classes", n_classes=2)}
    code(COMPILED)
    found = task(targets, f'[metric]\nname = "{spec}"', text=OWN_MODEL).metric
    assert (found.name, found.spec, found.goal, found.unit) == (compiled, spec, "maximize", "points")
    assert math.isnan(found.guess) or found.name == "f1"  # it may be another metric of that name
    code(BARE)
    assert task(targets, f'[metric]\nname = "{spec}"', text=OWN_MODEL).metric.name == bare


def test_two_metrics_of_one_kind_are_told_apart(task, code):
    code(COMPILED)
    tables = '[metric]\nname = "mean_iou"\nalso = ["iou", "precision", "precision_1"]'
    assert names(task(DIGITS, tables, text=OWN_MODEL)) == ["mean_iou", "iou", "precision", "precision_1", "loss"]


def test_a_compiled_metric_may_fit_targets_that_ours_of_its_name_does_not(task, code, refusal):
    code(COMPILED)
    found = task(PRICE, '[metric]\nname = "accuracy"', text=OWN_MODEL).metric
    assert (found.name, found.goal, found.unit) == ("accuracy", "maximize", "")
    code(BARE)
    assert "accuracy needs classes or tags" in refusal(PRICE, '[metric]\nname = "accuracy"', text=OWN_MODEL)


def test_the_loss_of_the_study_is_that_of_each_output(task):
    found = task({"a": Target("numbers"), "b": Target("numbers", (2,))}, 'loss = "MeanAbsoluteError"')
    assert found.losses == {"a": "mae", "b": "mae"}
    assert task(PRICE, 'loss = "my.py:pinball"').losses == {"": "my.py:pinball"}


@pytest.mark.parametrize(
    ("targets", "tables", "message"),
    [
        (PRICE, '[metric]\nname = "accuracy"',
         "x.toml: metric.name: accuracy needs classes or tags; these targets are numbers\n"
         "  known for these: mae, rmse, r2"),
        (PRICE, 'monitor = "val_accuracy"',
         "x.toml: metric.name: accuracy needs classes or tags; these targets are numbers\n"
         "  known for these: mae, rmse, r2"),
        (DIGITS, '[metric]\nalso = ["f1", "rmse"]',
         "x.toml: metric.also: rmse needs numbers; these targets are classes\n"
         "  known for these: accuracy, balanced_accuracy, f1"),
        (PRICE, 'loss = "ce"', 'x.toml: training.loss: unknown loss "ce"\n  known: '),
        (TAGS, 'loss = "categorical_crossentropy"',
         "x.toml: training.loss: categorical_crossentropy needs one-hot classes; these targets are tags\n"
         "  known for these: binary_crossentropy"),
        ({"": Target("none")}, 'loss = "mse"',
         'x.toml: training.loss: is "mse", but the data have no targets: the model makes its own loss\n'
         "  remove loss, or give the data targets"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_targets_is_refused_with_what_does(refusal, targets, tables, message):
    assert refusal(targets, tables).startswith(message)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ('[metric]\nname = "acuracy"', 'metric.name: unknown metric "acuracy"\n  known: '),
        ('[metric]\nname = "my.py"', 'metric.name: unknown metric "my.py"\n  known: '),
        ('[metric]\nname = "my.py:2"',
         'metric.name: unknown metric "my.py:2"\n  a function of yours is written "my.py:f"'),
        ('[metric]\nname = "my.py:sharpe"',
         'metric.goal: is missing, and the name "sharpe" does not tell whether higher values are better\n'
         '  write goal = "maximize" or goal = "minimize"'),
        ('[metric]\nalso = ["my.py:sharpe"]',
         'metric.also: the name "sharpe" does not tell whether higher values are better\n  give the function'),
        ('[metric]\nname = "f1"\ngoal = "minimize"',
         'metric.goal: is "minimize", but higher values of f1 are better\n  remove goal'),
        ('[metric]\nname = "recall_at_precision(90)"',
         "metric.name: the number of recall_at_precision must be between 0 and 1, got 90"),
        ('[metric]\nname = "my.py:loss"', 'metric.name: "my.py:loss" would be recorded as loss\n  rename the function'),
        ('[metric]\nname = "my.py:f1"\nalso = ["f1"]',
         'metric.also: "f1" and "my.py:f1" would share the column f1\n  rename one of the functions'),
        ('[metric]\nmargin = "2"',
         'metric.margin: must be a number above 0, or a share of the reference\'s mean such as "2%", got "2"'),
        ('[metric]\nmargin = "100%"', 'metric.margin: must be a number above 0, or a share'),
        ('[metric]\nmargin = 0.01\n[ablation]\nmargin = 0.01',
         "metric.margin: is 0.01, but ablation.margin is 0.01\n  remove ablation.margin"),
        ('monitor = "accuracy"',
         'training.monitor: must be "val_" and the name of a metric, such as "val_loss", got "accuracy"'),
        ('monitor = "val_"', 'training.monitor: must be "val_" and the name of a metric'),
        ('monitor = "val_loss"\n[metric]\nname = "f1"',
         'training.monitor: is "val_loss", but metric.name is "f1"\n  remove training.monitor'),
        ('loss = "sharpe"', 'training.loss: unknown loss "sharpe"\n  known: '),
    ],
)  # fmt: skip
def test_what_no_data_could_mend_is_refused_when_the_file_is_read(refusal, tables, message):
    assert refusal(DIGITS, tables).startswith(f"x.toml: {message}")


def test_an_unknown_metric_of_a_users_model_asks_for_its_goal(refusal):
    message = refusal(PRICE, '[metric]\nname = "pinball"', text=OWN_MODEL)
    assert message.startswith('x.toml: metric.name: unknown metric "pinball"\n  known: ')
    assert message.endswith('\n  or a metric that the model is compiled with: then add goal = "maximize" or "minimize"')


def test_a_metric_of_several_outputs_needs_the_name_of_one(refusal):
    message = refusal(BOTH, '[metric]\nname = "mae"')
    assert (
        message
        == 'x.toml: metric.name: "mae" needs the name of an output, as there are 2\n  known: kind_mae, price_mae'
    )
