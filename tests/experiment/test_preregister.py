"""Studies in one results folder, trained by a function: which scores each of them had read before, at which level."""

from dataclasses import replace

import pytest
from in_process import InProcess
from records import epoch_of_classes

from ablate.experiment.interim import open_contrasts
from ablate.experiment.preregister import origins, preregister, preregistration_facts, spent_level
from ablate.experiment.recording import Record
from ablate.experiment.stages import ComparisonStages
from ablate.storage.facts import Facts
from ablate.storage.folder import StudyFolder
from ablate.storage.journal import Journal
from ablate.storage.preregistration import declare
from ablate.storage.provenance import EarlierFacts
from ablate.storage.reads import ScoreReads
from ablate.storage.trial_cache import open_cache
from ablate.study.load import load_study
from ablate.study.trial import Outcome

OVERRIDES = ["search.trials=0", 'ablation.learning_rate="carry"']


def train(spec, on_epoch):
    """A made-up trial whose score depends on its seed."""
    on_epoch(epoch_of_classes(spec.trial, 1, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0))
    score = 0.8 + spec.seed / 100
    tested = {"test_accuracy": score, "test_loss": 1.0} if spec.may_test() else {}
    metrics = {"val_accuracy": 0.5, "val_loss": 1.0, **tested}
    return Outcome(spec.trial, "finished", score, 1, 1, metrics)


class NoTracker:
    """A tracker that writes nothing."""

    def __init__(self):
        self.run_ids = {}

    def check(self):
        pass

    wait_until_open = note_end = check

    def log_preregistration(self, _freeze):
        pass


class Beside:
    """Runs studies in one results folder, and gives what the provenance of each says of its preregistration."""

    def __init__(self, folder, file, digits):
        self.folder, self._file, self._digits = folder, file, digits
        self._cache = folder / ".cache"

    def facts(self, *overrides, label="tiny"):
        study = load_study(self._file, overrides=[*OVERRIDES, *overrides], quick=False)
        return Facts(study, self._digits, label, "ablate study", 2, 1, "sqlite:///mlflow.db", "2026-11-21")

    def run(self, *overrides, label="tiny", fresh=False, reuse=True, known_reads=True):
        facts, folder = self.facts(*overrides, label=label), StudyFolder(self.folder / label)
        cache = open_cache(self._cache, facts, stack=None) if reuse else None
        reads = ScoreReads(self._cache, facts) if known_reads else None
        with folder.lock(fresh=fresh):
            journal = Journal(folder.journal)
            record = Record(journal, NoTracker(), lambda _: None, cache=cache, reads=reads)
            comparison = ComparisonStages(facts.study, best=None, chance=0.1, undecided=lambda _: frozenset())
            made = []

            def freeze(specs):
                made.append(preregister(specs, facts, looks=comparison.looks, folder=folder.path, cache=self._cache))
                record.freeze(made[0])

            for stage in comparison.stages(journal.known, freeze):
                InProcess(train).run(record.around(stage.plan))
            entries = list(journal.entries.values())
            return preregistration_facts(made[0], entries, origins=origins(self._cache))


@pytest.fixture
def beside(tmp_path, tiny_file, digits) -> Beside:
    return Beside(tmp_path / "reports", tiny_file, digits)


def before(facts):
    return [(one.study, one.scores) for one in facts.read_before]


SIX = ("ablation.seeds=6", 'ablation.factors=["normalization", "optimizer"]')
EIGHT = ("ablation.seeds=8", 'ablation.factors=["optimizer"]')


@pytest.mark.parametrize("reuse", [True, False])
def test_a_fresh_start_with_more_seeds_rests_on_scores_that_were_read_before(beside, reuse):
    first = beside.run(*SIX)
    assert (first.level, first.scores, before(first), first.undated) == (0.05, 18, [], 0)
    second = beside.run(*EIGHT, fresh=True, reuse=reuse)  # trained again, a seed gives the same score
    assert (second.scores, before(second), second.undated) == (16, [("tiny", 12)], 0)
    # One of two comparisons is judged again, on scores that were read: it may be the better one.
    assert (second.level, second.among, second.earlier) == (0.0125 / 2, 2, [EarlierFacts("tiny", first.at)])
    assert second.read_before == [EarlierFacts("tiny", first.at, 12)]


def test_another_study_is_no_way_around_it(beside):
    beside.run(*SIX, label="first")
    second = beside.run(*EIGHT, label="second")
    assert (second.level, before(second)) == (0.0125 / 2, [("first", 12)])
    third = beside.run("ablation.seeds=10", 'ablation.factors=["optimizer"]', label="third")
    assert third.level == 0.05 / 16 / 2
    assert before(third) == [("first", 12), ("second", 4)]


def test_new_seeds_pass_but_are_judged_at_the_level_that_is_left(beside):
    beside.run(*SIX)
    second = beside.run(*EIGHT, "seed=1", fresh=True)
    assert (second.level, second.among, before(second), second.undated) == (0.0125, None, [], 0)


def test_the_same_study_resumed_or_started_again_keeps_its_time_and_level(beside):
    first = beside.run(*SIX)
    assert beside.run(*SIX) == first
    assert beside.run(*SIX, fresh=True) == first
    beside.run(*EIGHT, label="second")
    assert beside.run(*SIX, fresh=True) == first


def test_other_comparisons_have_the_whole_level(beside):
    beside.run("ablation.seeds=6", 'ablation.factors=["normalization"]')
    second = beside.run(*EIGHT, label="second")
    assert (second.level, before(second)) == (0.05, [("tiny", 6)])  # the reference's


def test_a_journal_of_an_older_version_leaves_it_unknown(beside):
    old = beside.run(*SIX, known_reads=False)
    assert (old.scores, old.undated, before(old)) == (18, 18, [])
    cached = beside.run(*EIGHT, label="second")
    assert before(cached) == [(None, 12)]  # found in the cache without a record


def test_interim_looks_use_the_level_that_is_left(beside):
    facts = beside.facts('ablation.seeds="auto"', "ablation.max_seeds=14")
    beside.run('ablation.seeds="auto"', "ablation.max_seeds=14")
    entries = list(Journal(beside.folder / "tiny" / "trials.jsonl").entries.values())
    gains = iter((0.03, 0.05, 0.04, 0.06, 0.03, 0.05, 0.04) * 3)

    def better(entry):
        score = 0.5 + (next(gains) if entry.spec.label.variant == "optimizer=sgd" else 0.0)
        return replace(
            entry,
            outcome=replace(entry.outcome, metrics={**entry.outcome.metrics, "test_accuracy": score, "test_loss": 1.0}),
        )

    seven = [better(entry) for entry in entries if entry.spec.seed <= 7]
    at_all = open_contrasts(seven, facts, seeds=(7, 14), look=1, alpha=0.05)
    left = open_contrasts(seven, facts, seeds=(7, 14), look=1, alpha=0.05 / 64)
    assert ("optimizer=sgd", "carry") in left - at_all


def test_a_plan_asks_the_same_as_the_study_will(beside):
    first = beside.run(*SIX)
    facts = beside.facts(*EIGHT)
    comparison = ComparisonStages(facts.study, best=None, chance=0.1, undecided=lambda _: frozenset())
    specs = comparison.confirmed({})
    declared = declare(specs, facts.study, data=facts.fingerprint(), looks=comparison.looks)
    spent = spent_level(declared, specs, facts, cache=beside.folder / ".cache")
    assert (spent.level, spent.earlier, spent.among) == (0.00625, (("tiny", first.at),), 2)
    assert spent.sentence()[0].startswith("Judged at 0.625 %, not 5 %, since comparisons of the same configurations, ")
