from pathlib import Path

from ablate import system
from ablate.analysis.effects import Metric
from ablate.cli.commands.plan import backend_line, changes_said, margin_said, pruning_line, trials_said
from ablate.experiment.preview.preview import StudyPreview
from ablate.plans import TrialCount
from ablate.storage.resume import ResumeCheck
from ablate.study.model_ref import ModelRef


def preview(*, counts=None, seeds=(8,), contrasts=1) -> StudyPreview:
    return StudyPreview(counts or {}, {}, [], 0, 0, contrasts, tuple(seeds))


def test_a_changed_study_is_said_to_be_refused_or_to_need_continue():
    barred = changes_said(Path("reports/s"), [ResumeCheck("ablation.seeds 6 → 8", "preregistered")])
    assert barred.endswith("ablate study refuses to go on; this plan counts the saved trials as valid")
    allowed = changes_said(Path("reports/s"), [ResumeCheck("search.trials 4 → 8", "")])
    assert "ablate study goes on only with --continue; this plan" in allowed


def test_a_study_without_seeds_says_that_nothing_is_compared():
    said = trials_said(preview(counts={"search": TrialCount(4, 4)}, seeds=()))
    assert said[-1].split(maxsplit=1) == [
        "ablation", "none, since ablation.seeds is 0: nothing is compared or read on the test set",
    ]  # fmt: skip
    assert trials_said(preview(seeds=())) == ["nothing to train: no search trials and no seeds"]


def test_the_one_margin_of_data_sets_that_have_others_is_said():
    def metric(margin, unit="points"):
        return Metric("test_accuracy", "test_accuracy", 1, 100.0 if unit == "points" else 1.0, unit, 0.1, margin)

    assert "use one: 1.5 points, the mean" in margin_said([metric(0.005), metric(0.025)])[1]
    assert margin_said([metric(0.005), metric(0.005)]) == []
    assert margin_said([metric(0.1, "nats"), metric(0.2, "nats")]) == []  # ratios have another margin


def test_the_plan_says_which_backend_trains_and_what_chose_it(tiny_study, monkeypatch):
    def said(backend="auto", **changes):
        training = tiny_study.training.model_copy(update={"backend": backend})
        return backend_line(tiny_study.model_copy(update={"training": training, **changes}))

    monkeypatch.setattr(system, "versions", lambda: {"jax": "0.10.2", "tensorflow": "2.21.0"})
    monkeypatch.delenv("KERAS_BACKEND")
    assert said() == ["backend   jax 0.10.2 (auto)"]
    assert said("tensorflow") == ["backend   tensorflow 2.21.0 (training.backend)"]
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert said() == ["backend   tensorflow 2.21.0 (KERAS_BACKEND)"]
    assert said(model=ModelRef.of("$ python train.py")) == []


def test_the_plan_names_the_pruner_of_a_search(tiny_study):
    def said(**search):
        return pruning_line(tiny_study.model_copy(update={"search": tiny_study.search.model_copy(update=search)}))

    assert said() == ["pruner    the median rule: below the median of earlier rounds at the same epoch"]
    assert said(pruner="asha", reduction_factor=2) == [
        "pruner    asynchronous successive halving: only the best 1/2 of the trials so far go on after 1 and 2 epochs"
    ]
    assert said(pruner="none") == said(trials=0) == []
