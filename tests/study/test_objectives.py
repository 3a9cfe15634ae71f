"""The key search.objectives: what it may name, what goes with it, and what a trial's values are."""

import math
from pathlib import Path

import pytest
from records import epoch_of_classes

from ablate.errors import StudyError
from ablate.study.load import load_study
from ablate.study.objectives import SearchObjective, cost, generation_size, measured, objectives_of
from ablate.study.settings import Search, StudySettings
from ablate.study.task import Target, Task, TaskMetric, classification
from ablate.study.toml import to_toml
from ablate.study.trial import Outcome

ACCURACY = SearchObjective("accuracy", "maximize", "points")
RECALL = TaskMetric("recall_at_precision_0_8", "maximize", "points", spec="recall_at_precision(0.8)")
TWO = 'search.objectives=["accuracy", "parameters"]'


def load(path: Path, *overrides: str) -> StudySettings:
    return load_study(path, overrides=overrides, quick=False)


@pytest.mark.parametrize(
    ("names", "others"),
    [
        ('["accuracy", "parameters"]', ()),
        ('["accuracy", "seconds", "parameters"]', ()),
        ('["loss", "parameters"]', ("training.monitor=val_loss",)),
        ('["acc", "seconds"]', ("metric.name=accuracy",)),
        ('["f1", "recall", "loss"]', ("metric.name=f1", 'metric.also=["recall", "precision"]')),
        ('["accuracy", "parameters"]', ("search.sampler=nsga2", "search.pruner=none", "search.tolerance=0.0")),
    ],
)
def test_objectives_are_the_deciding_metric_others_and_costs_and_nothing_is_pruned(tiny_file, names, others):
    study = load(tiny_file, f"search.objectives={names}", *others)
    assert study.search.pruner == "none"
    assert list(study.search.objectives or ()) == [name.strip('"') for name in names.strip("[]").split(", ")]


def test_a_study_with_objectives_is_written_and_read_as_it_was(tiny_file, tmp_path):
    study = load(tiny_file, TWO, "search.tolerance=0.02", "search.sampler=nsga2")
    (tmp_path / "again.toml").write_text(to_toml(study))
    assert load(tmp_path / "again.toml").search == study.search


def test_a_study_without_objectives_is_written_without_these_keys(tiny_file):
    text = to_toml(load(tiny_file))
    assert "objectives" not in text
    assert "tolerance" not in text
    assert 'pruner = "median"' in text


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (['search.objectives=["accuracy"]'], 'must be a list of two or three names, got ["accuracy"]\n  for one'),
        (["search.objectives=accuracy"], 'must be a list of two or three names, got ["accuracy"]'),
        (['search.objectives=["accuracy", "loss", "seconds", "parameters"]'], "must be a list of two or three names"),
        (["search.objectives=[]"], "search.objectives: must not be empty"),
        (['search.objectives=["accuracy", 7]'], 'search.objectives: must be text, in "quotes", got 7'),
        (['search.objectives=["accuracy", "accuracy"]'], "each objective may appear only once"),
        (['search.objectives=["accuracy", "acc"]'], 'each objective may appear only once, got ["accuracy", "acc"]'),
        (['search.objectives=["parameters", "accuracy"]'],
         'the first objective must be the metric that decides, got "parameters"\n'
         '  e.g. objectives = ["accuracy", "parameters"]'),
        (["metric.name=f1", TWO], "the first objective must be the metric that decides, f1, got "
         '"accuracy"\n  write f1 first, or set metric.name = "accuracy"'),
        (['search.objectives=["accuracy", "flops"]'], 'unknown objective "flops"\n  known: accuracy, loss, '
         'parameters, seconds       did you mean "loss"?\n  or record a metric: also = ["flops"] in [metric]'),
        (['search.objectives=["accuracy", "recall"]'], 'unknown objective "recall"'),
        ([TWO, "search.pruner=median"], 'search.pruner: is "median", but pruning compares trials by one objective, and '
         'search.objectives has 2\n  remove pruner, or write pruner = "none"'),
        ([TWO, "search.pruner=hyperband"], 'search.pruner: is "hyperband"'),
        (["search.sampler=nsga2"], 'search.sampler: "nsga2" needs several objectives\n  e.g. objectives = ["accuracy"'),
        (["search.tolerance=0.01"], "search.tolerance: has no effect without search.objectives\n  remove it, or add"),
        ([TWO, "search.tolerance=-0.1"], "search.tolerance: must be at least 0.0, got -0.1"),
        ([TWO, "search.tolerance=inf"], "search.tolerance: must be a finite number"),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_for_is_refused_with_rule_and_way_out(tiny_file, overrides, said):
    with pytest.raises(StudyError) as caught:
        load(tiny_file, *overrides)
    assert said in str(caught.value)


def test_a_metric_of_which_nobody_knows_whether_more_is_better_is_no_objective(tiny_file):
    (tiny_file.parent / "mine.py").write_text("def thing(y_true, y_pred):\n    return 0.0\n")
    with pytest.raises(StudyError, match='the name "thing" does not tell whether higher values are better'):
        load(tiny_file, 'metric.also=["mine.py:thing"]', 'search.objectives=["accuracy", "mine.py:thing"]')


def test_the_objectives_have_the_names_goals_and_units_of_the_task(tiny_file):
    study = load(
        tiny_file, 'metric.also=["recall_at_precision(0.8)"]',
        'search.objectives=["acc", "recall_at_precision(0.8)", "seconds"]',
    )  # fmt: skip
    accuracy, loss = classification("val_accuracy", 10).metrics
    task = Task({"": Target("classes", n_classes=10)}, (accuracy, RECALL, loss), "accuracy")
    assert objectives_of(study, task) == (
        ACCURACY, SearchObjective("recall_at_precision_0_8", "maximize", "points"),
        SearchObjective("seconds", "minimize", "s"),
    )  # fmt: skip


def test_on_data_that_are_judged_otherwise_objectives_are_refused(tiny_file):
    task = Task({"": Target("numbers")}, (TaskMetric("mae", "minimize"), TaskMetric("loss", "minimize")), "mae")
    with pytest.raises(
        StudyError, match=r'tiny\.toml: search\.objectives: .* decides, mae, got "accuracy"\n  write mae first'
    ):
        objectives_of(load(tiny_file, TWO), task)
    with pytest.raises(StudyError, match=r"must be the metric that decides, mae, got \"loss\"\n  write mae first"):
        objectives_of(load(tiny_file, 'search.objectives=["loss", "parameters"]'), task)


def test_a_search_for_the_score_alone_has_no_objectives(tiny_file):
    assert objectives_of(load(tiny_file), classification("val_accuracy", 10)) == ()


def test_the_values_of_a_trial_are_as_recorded_and_what_it_lacks_is_left_out():
    objectives = (SearchObjective("mae", "minimize"), cost("parameters"), cost("seconds"))
    epochs = [
        epoch_of_classes("a", n, 1.0, 0.5, 1.0, 0.5, 0.01, took) for n, took in enumerate((8.0, 1.0, 2.0, 3.0), 1)
    ]
    whole = Outcome("a", "finished", score=-0.5, parameters=7, metrics={"val_mae": 0.5})
    assert measured(objectives, whole, epochs, sign=-1) == {"mae": 0.5, "parameters": 7.0, "seconds": 2.5}
    assert measured(objectives, Outcome("a", "finished", score=-math.inf), [], sign=-1) == {}


@pytest.mark.parametrize(
    ("trials", "per_round", "size"), [(8, 4, 8), (24, 4, 8), (400, 4, 20), (10_000, 4, 50), (24, 16, 16)]
)
def test_a_generation_is_small_enough_for_the_budget_and_at_least_a_round(trials, per_round, size):
    assert generation_size(Search(trials=trials, trials_per_round=per_round)) == size


def test_the_best_model_of_several_objectives_is_not_known_before_the_end(tiny_file):
    with pytest.raises(
        StudyError, match=r'training\.keep: "best" is not known before the end(.|\n)*write keep = "all"'
    ):
        load(tiny_file, TWO, 'training.keep="best"')
    assert load(tiny_file, TWO, 'training.keep="all"').training.keep == "all"
