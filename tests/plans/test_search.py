import math
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from records import epoch_of_classes

from ablate.errors import AblateError, StorageError
from ablate.plans import search_storage
from ablate.plans.search import SearchPlan
from ablate.plans.search_storage import SearchFile
from ablate.storage.journal import Entry
from ablate.study.space import Float, Space
from ablate.study.trial import Epoch, Label, Outcome


@pytest.fixture
def study(tiny_study):
    return with_search(tiny_study, trials=8, trials_per_round=4)


def with_search(study, **changes):
    return study.model_copy(update={"search": study.search.model_copy(update=changes)})


def entry(spec, outcome, *epochs) -> Entry:
    return Entry(spec, outcome, tuple(epochs), "")


def score_of(spec) -> float:
    """A made-up accuracy that depends on the configuration alone."""
    bonus = {"adam": 0.2, "sgd": 0.0}[spec.factors["optimizer"]] + (spec.factors["normalization"] == "batch") * 0.1
    return 0.5 + bonus


def epoch(spec, number: int, accuracy: float) -> Epoch:
    return epoch_of_classes(spec.trial, number, 1.0, 0.5, 1.0, accuracy, 0.01, 1.0)


def run(plan, *, at_once: int, limit: int = 100, score=score_of):
    """Train everything; results arrive in reverse order of asking, as they may with several workers."""
    specs = []
    while len(specs) < limit and (asked := plan.ask(at_once)):
        specs += asked
        for spec in reversed(asked):
            plan.tell(Outcome(spec.trial, "finished", score=score(spec)))
    return specs


def test_the_baseline_is_the_first_trial(study, tmp_path):
    plan = SearchPlan(study, storage=tmp_path / "s.db", chance=0.1, known=[])
    first = plan.ask(1)[0]
    assert first.factors == study.baseline
    assert (first.trial, first.seed, first.test) == ("search-0000", 0, False)
    assert first.label == Label("search", number=0)


def test_configurations_lie_in_the_space_and_there_are_as_many_as_asked_for(study, tmp_path):
    specs = run(SearchPlan(study, storage=tmp_path / "s.db", chance=0.1, known=[]), at_once=4)
    assert len(specs) == 8
    assert all(study.space.contains(spec.factors) for spec in specs)


def test_the_search_is_the_same_for_one_worker_and_for_several(study, tmp_path):
    alone = run(SearchPlan(study, storage=tmp_path / "1.db", chance=0.1, known=[]), at_once=1)
    together = run(SearchPlan(study, storage=tmp_path / "4.db", chance=0.1, known=[]), at_once=4)
    assert sorted(alone, key=lambda s: s.trial) == sorted(together, key=lambda s: s.trial)


def test_an_interrupted_search_goes_on_as_if_nothing_had_happened(study, tmp_path):
    whole = run(SearchPlan(study, storage=tmp_path / "1.db", chance=0.1, known=[]), at_once=1)
    plan, known, first = SearchPlan(study, storage=tmp_path / "2.db", chance=0.1, known=[]), [], []
    for _ in range(6):  # the second round is half done: one told, one killed while running
        spec = plan.ask(1)[0]
        first.append(spec)
        plan.report(epoch(spec, 1, 0.5))
        outcome = Outcome(spec.trial, "finished", score=score_of(spec))
        if len(first) < 6:
            known.append(entry(spec, outcome))
        plan.tell(outcome if len(first) < 6 else Outcome(spec.trial, "killed"))
    resumed = SearchPlan(study, storage=tmp_path / "2.db", chance=0.1, known=known)
    rest = run(resumed, at_once=1)
    assert [*first[:5], *rest] == whole
    states = {t.state for t in optuna.load_study(study_name="tiny", storage=f"sqlite:///{tmp_path}/2.db").trials}
    assert states == {optuna.trial.TrialState.COMPLETE}


def test_the_median_rule_gives_up_a_trial_that_lags_behind_the_rounds_before(study, tmp_path):
    study = with_search(study, trials=8, trials_per_round=4, pruner="median")
    plan = SearchPlan(study, storage=tmp_path / "s.db", chance=0.1, known=[])
    for spec in plan.ask(4):
        assert plan.report(epoch(spec, 1, 0.8))
        plan.tell(Outcome(spec.trial, "finished", score=0.8))
    bad, good = plan.ask(2)
    assert not plan.report(epoch(bad, 1, 0.3))
    assert plan.report(epoch(good, 1, 0.9))


def test_a_diverged_trial_has_no_value_where_guessing_is_unknown(study, tmp_path):
    plan = SearchPlan(study, storage=tmp_path / "s.db", chance=math.nan, known=[])
    known = [entry(spec, Outcome(spec.trial, "diverged" if n == 1 else "finished", score=None if n == 1 else 0.5))
             for n, spec in enumerate(plan.ask(4))]  # fmt: skip
    for one in known:
        plan.tell(one.outcome)
    plan.ask(4)
    again = SearchPlan(study, storage=tmp_path / "s.db", chance=math.nan, known=known)
    assert [spec.trial for spec in again.ask(4)] == [f"search-000{n}" for n in range(4, 8)]
    states = [trial.state.name for trial in again._study.get_trials()[:4]]
    assert states == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]


def test_a_diverged_trial_teaches_the_sampler_and_a_failed_one_does_not(study, tmp_path):
    plan = SearchPlan(study, storage=tmp_path / "s.db", chance=0.1, known=[])
    for spec, state in zip(plan.ask(4), ["diverged", "failed", "pruned", "finished"], strict=True):
        plan.report(epoch(spec, 1, 0.4))
        plan.tell(Outcome(spec.trial, state, score=0.6 if state == "finished" else None))
    plan.ask(1)
    trials = optuna.load_study(study_name="tiny", storage=f"sqlite:///{tmp_path}/s.db").trials[:4]
    assert [(t.state.name, t.value) for t in trials] == [
        ("COMPLETE", 0.1), ("FAIL", None), ("PRUNED", 0.4), ("COMPLETE", 0.6),
    ]  # fmt: skip


def verdicts(plan, *, at_most: int, known: list):
    """Train one trial after the other, `at_most` epochs in all; every configuration and every verdict."""
    log, left = [], at_most
    while asked := plan.ask(1):
        spec, epochs = asked[0], []
        log.append((spec.trial, dict(spec.factors)))
        for number in (1, 2, 3):
            if not left:
                return log
            left -= 1
            # Later trials lag behind at first, so that both pruners give some up.
            accuracy = score_of(spec) * number / 3 - 0.01 * int(spec.trial[-4:])
            epochs.append(epoch(spec, number, accuracy))
            log.append((spec.trial, number, goes_on := plan.report(epochs[-1])))
            if not goes_on:
                break
        outcome = Outcome(spec.trial, "finished" if goes_on else "pruned", score=accuracy)
        plan.tell(outcome)
        known.append(entry(spec, outcome, *epochs))
    return log


@pytest.mark.parametrize("pruner", ["median", "hyperband", "none"])
def test_a_search_that_was_killed_decides_as_an_undisturbed_one(study, tmp_path, pruner):
    study = with_search(study, trials=12, pruner=pruner)
    whole = verdicts(SearchPlan(study, storage=tmp_path / "whole.db", chance=0.1, known=[]), at_most=99, known=[])
    assert any(not entry[-1] for entry in whole) == (pruner != "none")
    for at_most in (0, 5, 13, 20):
        storage, known = tmp_path / f"{at_most}.db", []
        first = verdicts(SearchPlan(study, storage=storage, chance=0.1, known=[]), at_most=at_most, known=known)
        resumed = SearchPlan(study, storage=storage, chance=0.1, known=list(known))
        both = [*first, *verdicts(resumed, at_most=99, known=[])]
        again = [
            entry for i, entry in enumerate(both) if entry not in both[:i]
        ]  # the killed one's first epochs came twice
        assert again == whole


def test_a_trial_that_died_before_it_was_written_down_is_decided_on_anew(study, tmp_path):
    study = with_search(study, pruner="median")
    plan = SearchPlan(study, storage=tmp_path / "s.db", chance=0.1, known=[])
    spec = plan.ask(1)[0]
    plan.report(epoch(spec, 1, 0.5))
    plan.tell(Outcome(spec.trial, "finished", score=0.5))  # and the process ends before the journal has it
    resumed = SearchPlan(study, storage=tmp_path / "s.db", chance=0.1, known=[])
    assert resumed.ask(1) == [spec]
    assert resumed.report(epoch(spec, 1, 0.6))
    resumed.tell(Outcome(spec.trial, "finished", score=0.6))
    assert curve_of(tmp_path / "s.db", 0) == {1: 0.6}


def curve_of(path, number: int) -> dict[int, float]:
    return SearchFile(path, study="tiny", announce=print).trials(told=[number])[number].intermediate_values


def test_a_verdict_touches_no_file(study, tmp_path):
    path = tmp_path / "s.db"
    plan = SearchPlan(study, storage=path, chance=0.1, known=[])
    spec = plan.ask(1)[0]
    before = path.read_bytes()
    assert all(plan.report(epoch(spec, number, 0.1 * number)) for number in (1, 2, 3))
    assert path.read_bytes() == before
    plan.tell(Outcome(spec.trial, "finished", score=0.3))
    assert curve_of(path, 0) == pytest.approx({1: 0.1, 2: 0.2, 3: 0.3})


def test_an_attempt_that_starts_over_reports_its_epochs_again(study, tmp_path):
    plan = SearchPlan(study, storage=tmp_path / "s.db", chance=0.1, known=[])
    spec = plan.ask(1)[0]
    assert [plan.report(epoch(spec, number, 0.2)) for number in (1, 2, 1, 2, 3)] == [True] * 5


@pytest.mark.parametrize("settings", [{"sampler": "random"}, {"pruner": "hyperband"}, {"pruner": "none"}])
def test_every_sampler_and_pruner_runs(study, tmp_path, settings):
    plan = SearchPlan(with_search(study, **settings), storage=tmp_path / "s.db", chance=0.1, known=[])
    while asked := plan.ask(2):
        for spec in asked:
            going = all(plan.report(epoch(spec, number, score_of(spec) * number / 3)) for number in (1, 2, 3))
            plan.tell(Outcome(spec.trial, "finished" if going else "pruned", score=score_of(spec)))


@pytest.fixture
def conditional(tiny_study):
    """A study in which momentum counts for sgd only, and comes before the optimizer in the file."""
    dimensions = {"momentum": Float(0.5, 0.99), **tiny_study.space.dimensions}
    changes = {
        "baseline": {**tiny_study.baseline, "momentum": 0.9},
        "space": Space(dimensions, conditions={"momentum": {"optimizer": ("sgd",)}}, inactive_levels={"momentum": 0.9}),
    }
    return with_search(tiny_study.model_copy(update=changes), trials=24, trials_per_round=4)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_factor_is_searched_only_where_it_counts(conditional, tmp_path, sampler):
    study = with_search(conditional, sampler=sampler)
    specs = run(SearchPlan(study, storage=tmp_path / "s.db", chance=0.1, known=[]), at_once=4)
    assert specs[0].factors == study.baseline
    moments = {
        name: [s.factors["momentum"] for s in specs if s.factors["optimizer"] == name] for name in ("adam", "sgd")
    }
    assert set(moments["adam"]) == {0.9}
    assert len(set(moments["sgd"])) == len(moments["sgd"]) > 2
    assert [spec.factors for spec in specs] == [study.space.settled(spec.factors) for spec in specs]
    trials = optuna.load_study(study_name="tiny", storage=f"sqlite:///{tmp_path}/s.db").trials
    assert all(("momentum" in trial.params) == (trial.params["optimizer"] == "sgd") for trial in trials)


def test_a_baseline_at_which_a_conditional_factor_counts_is_tried_first_as_a_whole(conditional, tmp_path):
    study = conditional.model_copy(update={"baseline": {**conditional.baseline, "optimizer": "sgd"}})
    plan = SearchPlan(study, storage=tmp_path / "s.db", chance=0.1, known=[])
    assert plan.ask(1)[0].factors == study.baseline


def test_an_interrupted_search_under_conditions_goes_on_as_if_nothing_had_happened(conditional, tmp_path):
    whole = run(SearchPlan(conditional, storage=tmp_path / "1.db", chance=0.1, known=[]), at_once=1)
    first = run(SearchPlan(conditional, storage=tmp_path / "2.db", chance=0.1, known=[]), at_once=1, limit=10)
    known = [entry(spec, Outcome(spec.trial, "finished", score=score_of(spec))) for spec in first]
    rest = run(SearchPlan(conditional, storage=tmp_path / "2.db", chance=0.1, known=known), at_once=1)
    assert [*first, *rest] == whole


class Died(BaseException):
    """The process ends here."""


def later_is_better(spec) -> float:
    return 0.5 + 0.01 * int(spec.trial[-4:])


def test_a_search_that_died_while_it_asked_for_a_round_asks_for_the_rest_of_it(study, tmp_path, monkeypatch):
    whole = run(SearchPlan(study, storage=tmp_path / "w.db", chance=0.1, known=[]), at_once=4, score=later_is_better)
    plan = SearchPlan(study, storage=tmp_path / "s.db", chance=0.1, known=[])
    first = run(plan, at_once=4, limit=4, score=later_is_better)
    known = [entry(spec, Outcome(spec.trial, "finished", score=later_is_better(spec))) for spec in first]
    add, added = SearchFile.add, []

    def add_two(self, trial):
        if len(added) == 2:
            raise Died
        added.append(trial)
        add(self, trial)

    monkeypatch.setattr(SearchFile, "add", add_two)
    with pytest.raises(Died):
        plan.ask(4)
    monkeypatch.undo()
    again = SearchPlan(study, storage=tmp_path / "s.db", chance=0.1, known=known)
    assert [*first, *run(again, at_once=4, score=later_is_better)] == whole
    assert states_in(tmp_path / "s.db") == {"COMPLETE"}


def states_in(path) -> set[str]:
    return {trial.state.name for trial in optuna.load_study(study_name="tiny", storage=f"sqlite:///{path}").trials}


def test_a_search_that_died_before_its_last_round_was_written_down_leaves_nothing_running(study, tmp_path):
    plan, known = SearchPlan(study, storage=tmp_path / "s.db", chance=0.1, known=[]), []
    while len(known) < 8:
        for spec in plan.ask(4):
            known.append(entry(spec, Outcome(spec.trial, "finished", score=score_of(spec))))
            plan.tell(known[-1].outcome)
    assert states_in(tmp_path / "s.db") == {"COMPLETE", "RUNNING"}
    assert SearchPlan(study, storage=tmp_path / "s.db", chance=0.1, known=known).ask(4) == []
    assert states_in(tmp_path / "s.db") == {"COMPLETE"}


def lose(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def garble(path: Path) -> None:
    path.write_bytes(os.urandom(100) + path.read_bytes()[100:])


def execute(path: Path, command: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(command)


def change_level(path: Path) -> None:
    execute(path, "UPDATE trial_params SET param_value = 1 - param_value WHERE param_name = 'optimizer'")


def change_score(path: Path) -> None:
    execute(path, "UPDATE trial_values SET value = value + 0.001")


def change_kind(path: Path) -> None:
    execute(path, "UPDATE trial_params SET distribution_json = '{'")


OTHERS = (lose, empty, garble, change_level, change_score, change_kind)


@pytest.mark.parametrize("damage", [truncate, *(pytest.param(damage, marks=pytest.mark.slow) for damage in OTHERS)])
def test_a_damaged_file_is_put_aside_and_the_search_goes_on_as_an_undisturbed_one(study, tmp_path, damage):
    study = with_search(study, trials=8, pruner="median")
    whole = verdicts(SearchPlan(study, storage=tmp_path / "whole.db", chance=0.1, known=[]), at_most=99, known=[])
    assert any(not line[-1] for line in whole)
    storage, known, said = tmp_path / "s.db", [], []
    first = verdicts(SearchPlan(study, storage=storage, chance=0.1, known=[]), at_most=14, known=known)
    damage(storage)
    resumed = SearchPlan(study, storage=storage, chance=0.1, known=list(known), announce=said.append)
    both = [*first, *verdicts(resumed, at_most=99, known=known)]
    assert [line for i, line in enumerate(both) if line not in both[:i]] == whole
    assert states_in(storage) == {"COMPLETE", "PRUNED"}
    asides = list(tmp_path.glob("s.db~*"))
    assert len(asides) == len(said) == (damage not in (lose, empty))
    assert not said or said[0].startswith(f"{storage} is damaged (")
    assert SearchPlan(study, storage=storage, chance=0.1, known=known, announce=said.append).ask(1) == []
    assert len(said) == len(asides)


@pytest.mark.slow
@pytest.mark.parametrize("pruner", ["hyperband", "none"])
@pytest.mark.parametrize("at_most", [5, 13, 20])
def test_a_lost_file_is_made_anew_at_any_point_under_any_pruner(study, tmp_path, pruner, at_most):
    study = with_search(study, trials=12, pruner=pruner)
    whole = verdicts(SearchPlan(study, storage=tmp_path / "whole.db", chance=0.1, known=[]), at_most=99, known=[])
    storage, known = tmp_path / "s.db", []
    first = verdicts(SearchPlan(study, storage=storage, chance=0.1, known=[]), at_most=at_most, known=known)
    storage.unlink()
    both = [*first, *verdicts(SearchPlan(study, storage=storage, chance=0.1, known=known), at_most=99, known=[])]
    assert [line for i, line in enumerate(both) if line not in both[:i]] == whole


def test_a_trial_that_ended_in_the_file_alone_is_trained_again(study, tmp_path):
    specs = run(SearchPlan(study, storage=tmp_path / "s.db", chance=0.1, known=[]), at_once=4)
    known = [entry(spec, Outcome(spec.trial, "finished", score=score_of(spec))) for spec in specs]
    resumed = SearchPlan(study, storage=tmp_path / "s.db", chance=0.1, known=known[:-1])
    assert resumed.ask(4) == [specs[-1]]


def test_a_search_that_comes_out_otherwise_is_not_gone_on_with(study, tmp_path):
    specs = run(SearchPlan(study, storage=tmp_path / "s.db", chance=0.1, known=[]), at_once=4)
    known = [entry(spec, Outcome(spec.trial, "finished", score=score_of(spec))) for spec in specs]
    (tmp_path / "s.db").unlink()
    other = with_search(study, sampler="random").model_copy(update={"seed": 7})
    with pytest.raises(
        AblateError,
        match=r"s\.db: search-0001 differs from the trial that was trained(.|\n)*trials\.jsonl are complete",
    ):
        SearchPlan(other, storage=tmp_path / "s.db", chance=0.1, known=known).ask(4)


def test_a_file_that_another_program_has_locked_is_waited_for_and_then_given_up(study, tmp_path, monkeypatch):
    monkeypatch.setattr(search_storage, "ATTEMPT", 0.05)
    said, path = [], tmp_path / "s.db"
    plan = SearchPlan(study, storage=path, chance=0.1, known=[], announce=said.append)
    one, two = plan.ask(2)
    viewer = sqlite3.connect(path, check_same_thread=False)
    viewer.execute("BEGIN EXCLUSIVE")
    timer = threading.Timer(0.5, viewer.rollback)
    timer.start()
    plan.tell(Outcome(one.trial, "finished", score=0.5))
    timer.join()
    assert said == [f"{path} is locked by another program: waiting for up to a minute"]
    viewer.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr(search_storage, "PATIENCE", 0.1)
    with pytest.raises(StorageError, match=r"s\.db: cannot be written: database is locked\n"):
        plan.tell(Outcome(two.trial, "finished", score=0.5))
    viewer.close()
    plan.tell(Outcome(two.trial, "finished", score=0.5))


def test_a_disk_that_is_full_is_said_and_the_search_goes_on_once_it_is_not(study, tmp_path, monkeypatch):
    def nearly_full(path, **settings):
        database = connect(path, **settings)
        database.execute("PRAGMA max_page_count = 40")
        return database

    connect, path = sqlite3.connect, tmp_path / "s.db"
    whole = run(SearchPlan(study, storage=tmp_path / "whole.db", chance=0.1, known=[]), at_once=1)
    monkeypatch.setattr(sqlite3, "connect", nearly_full)
    plan = SearchPlan(study, storage=path, chance=0.1, known=[])
    spec = plan.ask(1)[0]
    for number in range(1, 10_000):
        plan.report(epoch(spec, number, 0.5))
    with pytest.raises(
        StorageError, match=r"s\.db: cannot be written: database or disk is full\n.* run the same command to resume"
    ):
        plan.tell(Outcome(spec.trial, "finished", score=score_of(spec)))
    monkeypatch.undo()
    assert run(SearchPlan(study, storage=path, chance=0.1, known=[]), at_once=1) == whole


def test_a_file_that_is_damaged_under_way_is_said(study, tmp_path):
    plan = SearchPlan(study, storage=tmp_path / "s.db", chance=0.1, known=[])
    spec = plan.ask(1)[0]
    (tmp_path / "s.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(StorageError, match=r"s\.db: is damaged: .*\n  run the same command to rebuild it and resume"):
        plan.tell(Outcome(spec.trial, "finished", score=0.5))


def test_a_path_with_signs_that_mean_something_in_a_url_is_a_path(study, tmp_path):
    path = tmp_path / "a ?b#{c}%d" / "s.db"
    plan = SearchPlan(study, storage=path, chance=0.1, known=[])
    assert plan.ask(1)
    assert path.stat().st_size > 0
