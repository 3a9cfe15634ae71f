import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

import pytest
from in_process import InProcess
from records import epoch_of_classes

from ablate import system
from ablate.plans.filters import Deduplicated
from ablate.plans.search import SearchPlan
from ablate.storage import conditions, trial_cache
from ablate.storage.facts import Facts
from ablate.storage.files import kept
from ablate.storage.files.trimming import CacheLimit, remove_files
from ablate.storage.trial_cache import TRIALS, CachedTrial, TrialCache, cache_files, open_cache, trial_key
from ablate.study.model_ref import ModelRef
from ablate.study.settings import LrTest, Transfer
from ablate.study.trial import ACCURACY, Label, Outcome, RateTest, TrialSpec, counted, stopped

FACTORS = {"optimizer": "adam", "learning_rate": "find"}
SPEC = TrialSpec("ablation-reference-s1", Label("ablation", "reference"), 1, FACTORS, test=True)
TEST = RateTest("abc123", (1e-3, 1e-2), (2.0, 1.0), {"steepest": 1e-3, "valley": None}, 1e-3, "determined", "", 0.5)
EPOCHS = tuple(epoch_of_classes(SPEC.trial, n, 1.0, 0.5, 1.5, 0.4 + n / 10, 1e-3, 2.0) for n in (1, 2))
TESTED = {"test_accuracy": 0.55, "test_loss": 1.6}
DONE = Outcome(SPEC.trial, "finished", 0.6, 2, 2, {"val_accuracy": 0.6, "val_loss": 1.5, **TESTED}, None, 1e-3,
               parameters=100, seconds=4.0, timings={"train": 3.0}, data="f00",
               notes=("n",), rate_test=TEST)  # fmt: skip


@pytest.fixture
def facts(tiny_study, digits) -> Facts:
    return Facts(tiny_study, digits, "tiny", "ablate study tiny", 2, 1, "sqlite:///mlflow.db", "2026-11-21")


@pytest.fixture
def cache(facts, tmp_path) -> TrialCache:
    (tmp_path / "lr_tests").mkdir()
    (tmp_path / "lr_tests" / "abc123.json").write_text(json.dumps(asdict(TEST)))  # as the range tests are kept
    return TrialCache(tmp_path, facts, stack=None)


def files(folder):
    return sorted(folder.glob("trials/*/*.json"))


def test_what_is_kept_is_found_by_another_study(cache, facts, tmp_path):
    cache.keep(SPEC, DONE, EPOCHS)
    other = TrialCache(tmp_path, replace(facts, label="other", study=facts.study.model_copy(update={"name": "o"})),
                       stack=None)  # fmt: skip
    named = replace(SPEC, trial="x", label=Label("ablation", "best", mode="find", design="path", number=2))
    assert other.find(named) == CachedTrial(f"tiny/{SPEC.trial}", DONE, EPOCHS, ACCURACY)
    (path,) = files(tmp_path)
    assert path.stem == cache.digest(SPEC, tested=True)
    assert path.parent.name == path.stem[:2]
    assert "losses" not in path.read_text()  # the range test has a file of its own


def test_a_trial_whose_model_is_to_be_kept_is_never_taken_from_another_study(cache, facts, tmp_path):
    cache.keep(SPEC, DONE, EPOCHS)
    for keep, is_found in {"none": True, "best": True, "all": False}.items():  # the best of the search, which it is not
        other = replace(facts, label="other", study=changed(facts.study, "training", keep=keep))
        assert (TrialCache(tmp_path, other, stack=None).find(SPEC) is not None) == is_found
        assert TrialCache(tmp_path, other, stack=None).digest(SPEC, tested=True) == cache.digest(SPEC, tested=True)


def test_a_trial_with_test_scores_serves_without_them_and_not_the_other_way_round(cache):
    untested = replace(DONE, metrics={"val_accuracy": 0.6, "val_loss": 1.5})
    cache.keep(replace(SPEC, test=False), untested, EPOCHS)
    assert cache.find(SPEC) is None
    assert cache.find(replace(SPEC, test=False)).outcome == untested
    tested = replace(DONE, test_predictions="eJw=")
    cache.keep(SPEC, tested, EPOCHS)
    assert cache.find(SPEC).outcome == tested
    assert cache.find(SPEC).stopped_after(1).test_predictions == ""
    assert cache.find(replace(SPEC, test=False)).outcome == untested


@pytest.mark.parametrize("state", ["pruned", "killed", "failed", "out_of_memory"])
def test_only_what_ended_by_itself_is_kept(cache, tmp_path, state):
    cache.keep(SPEC, replace(DONE, state=state), EPOCHS)
    cache.keep(SPEC, replace(DONE, same_as="other/a"), EPOCHS)
    cache.keep(SPEC, DONE, EPOCHS[:1])  # an epoch was lost
    cache.keep(SPEC, replace(DONE, metrics={"val_accuracy": 0.6, "val_loss": 1.5}), EPOCHS)
    cache.keep(SPEC, replace(DONE, parts=2), EPOCHS)  # elsewhere memory may be enough for whole batches
    cache.keep(SPEC, replace(DONE, rate_test=replace(TEST, key="abc123-2-parts")), EPOCHS)
    cache.keep(replace(SPEC, test=False), DONE, EPOCHS)
    assert files(tmp_path) == []


def test_a_trial_that_diverged_is_kept_without_its_last_epoch(cache):
    lost = replace(
        DONE, state="diverged", epochs=3, metrics={"val_accuracy": 0.6, "val_loss": 1.5}, reason="NaN in epoch 3"
    )
    cache.keep(SPEC, lost, EPOCHS)
    assert cache.find(SPEC).outcome == lost


def test_what_is_found_is_a_first_attempt(cache):
    cache.keep(SPEC, replace(DONE, attempt=3), EPOCHS)
    assert cache.find(SPEC).outcome == DONE


def test_a_broken_file_is_written_over(cache, tmp_path):
    cache.keep(SPEC, DONE, EPOCHS)
    files(tmp_path)[0].write_text("{")
    assert cache.find(SPEC) is None
    cache.keep(SPEC, DONE, EPOCHS)
    assert cache.find(SPEC).outcome == DONE


def test_the_first_trial_of_a_digest_stays(cache, tmp_path):
    cache.keep(SPEC, DONE, EPOCHS)
    before = files(tmp_path)[0].read_bytes()
    cache.keep(replace(SPEC, trial="later"), DONE, EPOCHS)
    assert files(tmp_path)[0].read_bytes() == before


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-20],
        lambda _: "null",
        lambda text: text.replace('"finished"', '"pruned"'),
        lambda text: text.replace('"epochs": 2', '"epochs": 5'),
        lambda text: text.replace('"score": 0.6', '"score": "high"'),
        lambda text: text.replace('"digest": "', '"digest": "0'),
        lambda text: text.replace("abc123", "../lr_tests/abc123"),
        lambda text: text.replace("abc123", "abc124"),
        lambda text: text + " " * 5000,
    ],
)
def test_a_broken_or_foreign_file_counts_as_not_there(cache, tmp_path, monkeypatch, spoil):
    cache.keep(SPEC, DONE, EPOCHS)
    (path,) = files(tmp_path)
    whole = path.read_text()
    spoilt = spoil(whole)
    assert spoilt != whole
    path.write_text(spoilt)
    monkeypatch.setattr(kept, "MAX_BYTES", 5000)
    assert cache.find(SPEC) is None
    path.write_text(whole)
    assert cache.find(SPEC).outcome == DONE


def test_a_cache_that_cannot_be_written_is_done_without(cache, tmp_path):
    (tmp_path / "trials").write_text("in the way")
    cache.keep(SPEC, DONE, EPOCHS)
    assert cache.find(SPEC) is None


def changed(study, section, **changes):
    return study.model_copy(update={section: getattr(study, section).model_copy(update=changes)})


def test_all_that_decides_the_numbers_is_in_the_digest(cache, facts, tmp_path, monkeypatch):
    def digest(*, spec=SPEC, tested=True, stack=None, **changes):
        return TrialCache(tmp_path, replace(facts, **changes), stack=stack).digest(spec, tested=tested)

    study, typed = facts.study, replace(SPEC, factors={**SPEC.factors, "learning_rate": 0.1})
    same = cache.digest(SPEC, tested=True)
    assert digest() == same
    assert digest(label="other", study=changed(study, "search", trials=99)) == same
    assert digest(study=changed(study, "data", train=640)) == same  # as it is
    assert digest(spec=typed) == digest(spec=typed, study=changed(study, "lr_test", seeds=2))
    others = [
        digest(tested=False),
        digest(stack=4),
        digest(spec=replace(SPEC, seed=2)),
        digest(spec=typed),
        digest(threads=2),
        digest(data=replace(facts.data, digest="0" * 64)),
        digest(study=study.model_copy(update={"seed": 1})),
        digest(study=changed(study, "data", validation=100)),
        digest(study=changed(study, "data", scaling="unit")),
        digest(study=changed(study, "metric", name="f1")),
        digest(study=changed(study, "metric", also=("f1",))),
        digest(study=changed(study, "training", loss="sparse_categorical_crossentropy")),
        digest(study=study.model_copy(update={"model": replace(study.model, options={"depth": 3})})),
        digest(study=changed(study, "training", epochs=4)),
        digest(study=changed(study, "training", precision="mixed_bfloat16")),
        digest(study=changed(study, "lr_test", seeds=2)),
    ]
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
    others.append(digest())
    monkeypatch.delenv("XLA_FLAGS")
    monkeypatch.setattr(conditions, "package_digest", lambda: "changed")
    others.append(digest())
    monkeypatch.undo()
    monkeypatch.setattr(system, "versions", lambda: {"keras": "0"})
    others.append(digest())
    monkeypatch.undo()
    monkeypatch.setattr(system, "count_gpus", lambda: 1)
    others.append(digest())
    assert len({same, *others}) == 1 + len(others)


def test_what_a_network_was_trained_on_before_is_in_the_digest_of_trials_that_take_it_over(facts, tmp_path):
    def digest(level, *, epochs=2, curves=1):
        changes = {"transfer": Transfer(classes=(0, 1), epochs=epochs)}
        study = facts.study.model_copy(update=changes | {"lr_test": LrTest(seeds=curves)})
        spec = replace(SPEC, factors={"optimizer": "adam", "transfer": level, "learning_rate": 0.1})
        return TrialCache(tmp_path, replace(facts, study=study), stack=None).digest(spec, tested=True)

    assert digest("none") == digest("none", epochs=3) == digest("none", curves=2)
    assert len({digest("unfrozen"), digest("unfrozen", epochs=3), digest("unfrozen", curves=2)}) == 3


def test_a_model_that_imports_what_no_digest_covers_has_no_cache(facts, tmp_path):
    (tmp_path / "mine.py").write_text("import blocks")
    study = facts.study.model_copy(update={"model": ModelRef.of("mine.py:build"), "base": tmp_path})
    assert open_cache(tmp_path, replace(facts, study=study), stack=None) is None
    (tmp_path / "mine.py").write_text("import keras")
    assert open_cache(tmp_path, replace(facts, study=study), stack=None) is not None


def train(spec, on_epoch):
    """A made-up trial that depends on its factors alone; poor ones lag behind, so that a pruner gives some up."""
    accuracy = 0.5 + 0.2 * (spec.factors["optimizer"] == "adam") + 0.1 * (spec.factors["normalization"] == "batch")
    accuracy -= 0.01 * float(str(spec.factors["learning_rate"]).rpartition("*")[2].replace("find", "1"))
    outcome = Outcome(spec.trial, "finished", learning_rate=0.1, rate_test=TEST)
    for n in (1, 2, 3):
        epoch = epoch_of_classes(spec.trial, n, 1.0, 0.5, 1.0, accuracy * n / 3, 0.1, 1.0)
        outcome = counted(outcome, epoch, monitor=ACCURACY)
        if not on_epoch(epoch):
            return stopped(outcome)
    return outcome


class Told:
    """A plan, and what it was told."""

    def __init__(self, plan):
        self._plan, self.outcomes = plan, []
        self.ask, self.report = plan.ask, plan.report

    def tell(self, outcome):
        self.outcomes.append(outcome)
        self._plan.tell(outcome)


def search(study, storage, cache):
    plan, trained = Told(SearchPlan(study, storage=storage, chance=0.1, known={})), []

    def train_and_keep(spec, on_epoch):
        epochs = []
        outcome = train(spec, lambda epoch: epochs.append(epoch) or on_epoch(epoch))
        trained.append(spec.trial)
        if cache is not None:
            cache.keep(spec, outcome, epochs)
        return outcome

    InProcess(train_and_keep).run(Deduplicated(plan, cache=cache))
    return plan.outcomes, trained


def test_a_pruned_search_has_equal_numbers_with_and_without_the_trials_of_another_study(cache, facts, tmp_path):
    others = changed(facts.study, "search", trials=14, sampler="random", pruner="none")
    search(others, tmp_path / "other.db", cache)
    study = changed(others, "search", pruner="median")
    fresh, trained = search(study, tmp_path / "fresh.db", None)
    reused, spared = search(study, tmp_path / "reused.db", cache)
    assert {outcome.state for outcome in fresh} == {"finished", "pruned"}
    assert len(trained) > 8
    assert spared == []
    assert [replace(outcome, same_as="") for outcome in reused] == [replace(outcome, same_as="") for outcome in fresh]
    assert any(outcome.same_as.startswith("tiny/search-") for outcome in reused)


def a_spec(**factors):
    return TrialSpec("a", Label("search"), 0, {"learning_rate": "find", "optimizer": "adam"} | factors)


def test_names_and_testing_do_not_decide_numbers_but_seed_and_rate_do():
    one = a_spec()
    assert trial_key(one) == trial_key(replace(one, test=True))
    assert trial_key(one) == trial_key(replace(one, trial="b", label=Label("ablation", "v", mode="find", number=3)))
    assert trial_key(one) == trial_key(replace(one, rate_factors={"learning_rate": 0.1, "optimizer": "adam"}))
    for other in (
        replace(one, seed=1),
        replace(one, factors={**one.factors, "learning_rate": "find*2"}),
        replace(one, rate_factors={"learning_rate": "find", "optimizer": "sgd"}),
    ):
        assert trial_key(other) != trial_key(one)


def test_a_key_stays_as_it_was_or_no_trial_of_an_older_cache_would_be_found():
    one = replace(a_spec(), factors={"dropout": 0.1, "learning_rate": "find", "optimizer": "adam"}, seed=0)
    assert trial_key(one) == (
        '[[["dropout", 0.1], ["learning_rate", "find"], ["optimizer", "adam"]], '
        '[["dropout", 0.1], ["optimizer", "adam"]], 0]'
    )


def test_a_rate_that_is_typed_in_is_found_for_no_configuration():
    one = a_spec(learning_rate=0.1)
    assert trial_key(one) == trial_key(replace(one, rate_factors={"learning_rate": "find", "optimizer": "sgd"}))


def aged(path, days):
    os.utime(path, (time.time() - days * 86400,) * 2)


def test_before_its_first_trial_a_process_removes_what_was_used_longest_ago(cache, facts, tmp_path, monkeypatch):
    for seed in range(5):
        TrialCache(tmp_path, facts, stack=None).keep(replace(SPEC, seed=seed), DONE, EPOCHS)
    kept = files(tmp_path)
    size = kept[0].stat().st_size
    for age, path in enumerate(kept):
        aged(path, age + 1)
    aged(tmp_path / "lr_tests" / "abc123.json", 0.5)
    (tmp_path / "trials" / "notes.txt").write_text("x" * 10 * size)
    monkeypatch.setattr(trial_cache, "CacheLimit", lambda: CacheLimit(int(3.9 * size)))
    cache.keep(replace(SPEC, seed=9), DONE, EPOCHS)
    assert set(files(tmp_path)) & set(kept) <= set(kept[:3])
    assert kept[0].exists()
    assert not kept[4].exists()
    assert cache.find(replace(SPEC, seed=9)).outcome == DONE
    assert (tmp_path / "trials" / "notes.txt").exists()


def test_the_cache_is_looked_at_again_after_so_many_bytes(cache, monkeypatch):
    looked = []
    monkeypatch.setattr(trial_cache, "cache_files", lambda folder: looked.append(folder) or [])
    monkeypatch.setattr(trial_cache, "TRIM_EVERY", 10)
    cache._written = 10
    for seed in range(3):
        cache.keep(replace(SPEC, seed=seed), DONE, EPOCHS)
    assert len(looked) == 3
    monkeypatch.setattr(trial_cache, "TRIM_EVERY", 10**9)
    cache.keep(replace(SPEC, seed=3), DONE, EPOCHS)
    assert len(looked) == 3


def test_a_trial_that_is_found_counts_as_used_with_its_range_test(cache, tmp_path):
    cache.keep(SPEC, DONE, EPOCHS)
    used = [*files(tmp_path), tmp_path / "lr_tests" / "abc123.json"]
    for path in used:
        aged(path, 3)
    cache.find(SPEC)
    assert all(time.time() - path.stat().st_mtime < 3600 for path in used)


def test_processes_that_write_and_trim_at_once_lose_nothing_but_work(facts, tmp_path):
    """Each trims before every trial; what is found afterwards is whole."""
    (tmp_path / "lr_tests").mkdir()
    (tmp_path / "lr_tests" / "abc123.json").write_text(json.dumps(asdict(TEST)))
    caches = [TrialCache(tmp_path, facts, stack=None) for _ in range(4)]

    def write(number):
        for seed in range(number * 10, number * 10 + 10):
            caches[number]._written = trial_cache.TRIM_EVERY
            caches[number].keep(replace(SPEC, seed=seed), DONE, EPOCHS)
            remove_files(cache_files(tmp_path, (TRIALS,))[:2])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    found = [caches[0].find(replace(SPEC, seed=seed)) for seed in range(40)]
    assert all(one.outcome == DONE for one in found if one)
    assert len([one for one in found if one]) == len(files(tmp_path))


def test_a_part_of_the_cache_that_is_a_link_is_left_alone(cache, tmp_path):
    cache.keep(SPEC, DONE, EPOCHS)
    (tmp_path / "trials").rename(tmp_path / "elsewhere")
    (tmp_path / "trials").symlink_to(tmp_path / "elsewhere")
    assert cache_files(tmp_path, (TRIALS,)) == []
    assert len(cache_files(tmp_path)) == 1
