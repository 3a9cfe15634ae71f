import optuna
import pytest

from ablate.records import Epoch, Outcome
from ablate.search import SearchPlan


@pytest.fixture
def study(tiny_study):
    return with_search(tiny_study, trials=8, trials_per_round=4)


def with_search(study, **changes):
    return study.model_copy(update={"search": study.search.model_copy(update=changes)})


def score_of(spec) -> float:
    """A made-up accuracy that depends on the configuration alone."""
    bonus = {"adam": 0.2, "sgd": 0.0}[spec.factors["optimizer"]] + (spec.factors["normalization"] == "batch") * 0.1
    return 0.5 + bonus


def epoch(spec, number: int, accuracy: float) -> Epoch:
    return Epoch(spec.trial, number, 1.0, 0.5, 1.0, accuracy, 0.01, 1.0)


def run(plan, *, at_once: int, limit: int = 100):
    """Train everything; results arrive in reverse order of asking, as they may with several workers."""
    specs = []
    while len(specs) < limit and (asked := plan.ask(at_once)):
        specs += asked
        for spec in reversed(asked):
            plan.tell(Outcome(spec.trial, "finished", score=score_of(spec)))
    return specs


def test_the_baseline_is_the_first_trial(study, tmp_path):
    plan = SearchPlan(study, storage=tmp_path / "s.db", chance=0.1, known={})
    first = plan.ask(1)[0]
    assert first.factors == study.baseline
    assert (first.trial, first.seed, first.test) == ("search-0000", 0, False)


def test_configurations_lie_in_the_space_and_there_are_as_many_as_asked_for(study, tmp_path):
    specs = run(SearchPlan(study, storage=tmp_path / "s.db", chance=0.1, known={}), at_once=4)
    assert len(specs) == 8
    assert all(study.space.contains(spec.factors) for spec in specs)


def test_the_search_is_the_same_for_one_worker_and_for_several(study, tmp_path):
    alone = run(SearchPlan(study, storage=tmp_path / "1.db", chance=0.1, known={}), at_once=1)
    together = run(SearchPlan(study, storage=tmp_path / "4.db", chance=0.1, known={}), at_once=4)
    assert sorted(alone, key=lambda s: s.trial) == sorted(together, key=lambda s: s.trial)


def test_an_interrupted_search_goes_on_as_if_nothing_had_happened(study, tmp_path):
    whole = run(SearchPlan(study, storage=tmp_path / "1.db", chance=0.1, known={}), at_once=1)
    plan, known, first = SearchPlan(study, storage=tmp_path / "2.db", chance=0.1, known={}), {}, []
    for _ in range(6):  # the second round is half done: one told, one killed while running
        spec = plan.ask(1)[0]
        first.append(spec)
        plan.report(epoch(spec, 1, 0.5))
        outcome = Outcome(spec.trial, "finished", score=score_of(spec))
        if len(first) < 6:
            known[spec.trial] = outcome
        plan.tell(outcome if len(first) < 6 else Outcome(spec.trial, "killed"))
    resumed = SearchPlan(study, storage=tmp_path / "2.db", chance=0.1, known=known)
    rest = run(resumed, at_once=1)
    assert [*first[:5], *rest] == whole
    states = {t.state for t in optuna.load_study(study_name="tiny", storage=f"sqlite:///{tmp_path}/2.db").trials}
    assert states == {optuna.trial.TrialState.COMPLETE}


def test_the_median_rule_gives_up_a_trial_that_lags_behind_the_rounds_before(study, tmp_path):
    study = with_search(study, trials=8, trials_per_round=4, pruner="median")
    plan = SearchPlan(study, storage=tmp_path / "s.db", chance=0.1, known={})
    for spec in plan.ask(4):
        assert plan.report(epoch(spec, 1, 0.8))
        plan.tell(Outcome(spec.trial, "finished", score=0.8))
    bad, good = plan.ask(2)
    assert not plan.report(epoch(bad, 1, 0.3))
    assert plan.report(epoch(good, 1, 0.9))


def test_a_diverged_trial_teaches_the_sampler_and_a_failed_one_does_not(study, tmp_path):
    plan = SearchPlan(study, storage=tmp_path / "s.db", chance=0.1, known={})
    for spec, state in zip(plan.ask(4), ["diverged", "failed", "pruned", "finished"], strict=True):
        plan.report(epoch(spec, 1, 0.4))
        plan.tell(Outcome(spec.trial, state, score=0.6 if state == "finished" else None))
    plan.ask(1)
    trials = optuna.load_study(study_name="tiny", storage=f"sqlite:///{tmp_path}/s.db").trials[:4]
    assert [(t.state.name, t.value) for t in trials] == [
        ("COMPLETE", 0.1), ("FAIL", None), ("PRUNED", 0.4), ("COMPLETE", 0.6),
    ]  # fmt: skip


@pytest.mark.parametrize("settings", [{"sampler": "random"}, {"pruner": "hyperband"}, {"pruner": "none"}])
def test_every_sampler_and_pruner_runs(study, tmp_path, settings):
    plan = SearchPlan(with_search(study, **settings), storage=tmp_path / "s.db", chance=0.1, known={})
    while asked := plan.ask(2):
        for spec in asked:
            going = all(plan.report(epoch(spec, number, score_of(spec) * number / 3)) for number in (1, 2, 3))
            plan.tell(Outcome(spec.trial, "finished" if going else "pruned", score=score_of(spec)))
