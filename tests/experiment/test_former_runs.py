from dataclasses import replace

import pytest

from ablate.experiment.former_runs import FormerRuns, read_former_runs, wall_seconds
from ablate.storage.journal import Entry
from ablate.storage.provenance import Provenance, TuningFacts
from ablate.study.trial import Label, Outcome, TrialSpec

FORMER = Provenance(
    study="tiny", started="10:00", ended="10:30", command="ablate study tiny", versions={"keras": "3.14"}, workers=4,
    threads=2, tune=TuningFacts(points=5), looks=[7, 14], complete=True, time={"total": 50.0, "train": 30.0},
)  # fmt: skip
NOW = Provenance(
    study="tiny", started="12:00", ended="12:01", command="ablate study tiny --only search", versions={"keras": "3.15"},
    workers=1, threads=8, looks=[], complete=True, time={"total": 60.0, "train": 30.0},
)  # fmt: skip


def entry(trial: str, *, attempt=1) -> Entry:
    spec = TrialSpec(trial, Label("ablation", "reference"), 1, {"learning_rate": "find"})
    outcome = Outcome(trial, "finished", score=0.5, timings={"train": 4.0, "compile": 2.0}, attempt=attempt)
    return Entry(spec, outcome, (), "run")


def written(tmp_path, facts: Provenance, *entries: Entry, workers=2) -> FormerRuns:
    path = tmp_path / "provenance.json"
    path.write_text(facts.to_text())
    return read_former_runs(path, entries, workers=workers)


def test_a_run_that_settles_no_trial_leaves_what_is_said_of_those_who_trained(tmp_path):
    former = written(tmp_path, FORMER, entry("a"))
    kept = former.kept_in(NOW, [entry("a")], compared=True)
    assert kept == replace(FORMER, looks=[], tune=None)
    assert former.kept_in(NOW, [entry("a")], compared=False) == FORMER


def test_a_run_that_trains_is_described_and_the_study_still_began_with_the_first(tmp_path):
    former = written(tmp_path, FORMER, entry("a"))
    assert former.kept_in(NOW, [entry("a"), entry("b")], compared=True) == replace(NOW, started="10:00")
    again = [entry("a", attempt=2)]  # retried
    assert former.kept_in(NOW, again, compared=True).command == NOW.command


def test_a_run_of_the_search_alone_keeps_how_comparisons_are_judged(tmp_path):
    former = written(tmp_path, FORMER, entry("a"))
    kept = former.kept_in(NOW, [entry("a"), entry("b")], compared=False)
    assert (kept.looks, kept.tune) == ([7, 14], TuningFacts(points=5))


def test_a_first_run_and_one_without_readable_provenance_say_what_they_know(tmp_path):
    assert written(tmp_path, FORMER).kept_in(NOW, [], compared=True) == NOW  # no trial was settled: began anew
    (tmp_path / "provenance.json").write_text("{")
    lost = read_former_runs(tmp_path / "provenance.json", [entry("a")], workers=1)
    assert lost.kept_in(NOW, [entry("a")], compared=True) == NOW


def test_every_part_of_the_time_is_that_of_all_runs(tmp_path):
    former = written(tmp_path, FORMER, entry("a"))
    here = wall_seconds(former.settled_since([entry("a"), entry("b")]), workers=2) | {"open": 3.0, "total": 10.0}
    now = former.and_now(here)
    assert now["total"] == 60.0
    assert now["train"] == 32.0  # 30 before, and 4 of one of two workers
    assert now["open"] == 3.0
    assert now["compile"] == pytest.approx(2.0)


def test_a_run_that_was_killed_counts_with_what_its_trials_took(tmp_path):
    killed = read_former_runs(tmp_path / "nothing.json", [entry("a"), entry("b")], workers=2)
    assert (killed.seconds["total"], killed.seconds["train"]) == (6.0, 4.0)


def test_the_workers_time_is_shared_among_them():
    spent = wall_seconds([entry("a"), entry("b")], workers=2)
    assert (spent["train"], spent["compile"], spent["evaluate"]) == (4.0, 2.0, 0.0)
