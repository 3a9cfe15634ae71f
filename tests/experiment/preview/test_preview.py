from dataclasses import replace

import pytest

from ablate.analysis.statistics import minimum_detectable_effect
from ablate.experiment.preview.preview import preview_study
from ablate.plans import ablation_specs
from ablate.storage.journal import Entry
from ablate.storage.trial_cache import CachedTrial
from ablate.study.settings import Ablation
from ablate.study.trial import Label, Outcome, TrialSpec


def outlook(study, entries=None, cache=None):
    return preview_study(study, entries or {}, chance=0.1, cache=cache, undecided=lambda _: frozenset())


def entry(spec: TrialSpec, score: float = 0.5) -> Entry:
    return Entry(spec, Outcome(spec.trial, "finished", score=score), (), "")


def searched(study, n: int) -> dict[str, Entry]:
    factors = {**study.baseline, "normalization": "batch"}
    trials = [TrialSpec(f"search-{i:04d}", Label("search"), 0, factors) for i in range(n)]
    return {spec.trial: entry(spec) for spec in trials}


def test_all_is_left_before_the_first_trial(tiny_study):
    ahead = outlook(tiny_study)
    assert {part: str(count) for part, count in ahead.counts.items() if count.most} == {"search": "4", "ablation": "8"}
    assert (len(ahead.left), ahead.unknown, ahead.reused, ahead.done) == (8, 4, 0, {})
    assert (ahead.contrasts, ahead.n_seeds) == (3, (2,))


def test_what_is_done_is_not_left(tiny_study):
    specs = ablation_specs(tiny_study, tiny_study.baseline)
    entries = {**searched(tiny_study, 4), **{spec.trial: entry(spec) for spec in specs[:3]}}
    ahead = outlook(tiny_study, entries)
    assert ahead.done == {"search": 4, "ablation": 3}
    assert [spec.trial for spec in ahead.left] == [spec.trial for spec in specs[3:]]
    assert ahead.unknown == 0


def test_a_trial_of_another_study_is_not_trained_again(tiny_study):
    class Elsewhere:
        def find(self, spec):
            outcome = Outcome("x", "finished", score=0.5)
            return CachedTrial("other/x", outcome, (), "val_accuracy") if spec.label.variant == "reference" else None

        def keep(self, *_):
            raise AssertionError("a look ahead writes nothing")

    ahead = outlook(tiny_study, cache=Elsewhere())
    assert (len(ahead.left), ahead.reused) == (6, 2)


def test_equal_trials_are_trained_once(tiny_study):
    study = tiny_study.model_copy(update={"ablation": replace_in(tiny_study, learning_rate=("find", "carry"))})
    plain, both = outlook(tiny_study), outlook(study)
    # The learning rate's own contrast is the same in both modes.
    assert both.reused == 2
    assert len(both.left) == len(plain.left) + 2 * 2


def replace_in(study, **settings) -> Ablation:
    return Ablation(**{**dict(study.ablation), **settings})


def test_a_part_that_has_ended_grows_no_more(tiny_study):
    study = tiny_study.model_copy(update={"ablation": replace_in(tiny_study, learning_rate=("tune",))})
    rate = {"learning_rate": "find*2"}  # at which nothing is tuned, or its result would be taken
    entries = {
        name: replace(one, spec=replace(one.spec, factors={**one.spec.factors, **rate}))
        for name, one in searched(study, 4).items()
    }
    start = outlook(study, entries)
    assert start.unknown == start.counts["tune"].most - start.counts["tune"].least == 9
    middle = {"find*0.3162": 0.6, "find": 0.9}  # no end of a grid is best
    while tuning := [spec for spec in outlook(study, entries).left if spec.label.phase == "tune"]:
        entries |= {spec.trial: entry(spec, middle.get(spec.factors["learning_rate"], 0.5)) for spec in tuning}
    tuned = outlook(study, entries)
    assert tuned.unknown == 0
    assert {spec.label.phase for spec in tuned.left} == {"ablation"}
    entries |= {spec.trial: entry(spec) for spec in tuned.left}
    ended = outlook(study, entries)
    assert (list(ended.left), ended.unknown) == ([], 0)


def test_before_the_search_has_ended_what_depends_on_it_is_a_range(tiny_study):
    study = tiny_study.model_copy(update={"ablation": replace_in(tiny_study, reference="best")})
    ahead = outlook(study, searched(study, 1))
    assert list(ahead.left) == []
    assert ahead.unknown == 3 + ahead.counts["ablation"].most
    known = outlook(study, searched(study, 4))
    assert {spec.factors["normalization"] for spec in known.left if spec.label.variant == "reference"} == {"batch"}
    assert known.unknown == 0


def test_what_can_be_shown_is_said_for_each_look(tiny_study):
    settings = replace_in(tiny_study, seeds="auto", max_seeds=12, looks=2)
    ahead = outlook(tiny_study.model_copy(update={"ablation": settings}))
    assert ahead.n_seeds[-1] == 12
    assert ahead.detectable() == pytest.approx([minimum_detectable_effect(n, contrasts=3) for n in ahead.n_seeds])
    assert ahead.unknown == 4 + 4 * (12 - ahead.n_seeds[0])
    assert replace(ahead, contrasts=0).detectable()[0] < ahead.detectable()[0]


def test_waves_of_all_trials_and_of_those_that_are_left(tiny_study):
    specs = ablation_specs(tiny_study, tiny_study.baseline)
    start = outlook(tiny_study)
    assert start.waves == start.waves_left == {"search": [2, 2], "ablation": [8]}
    ahead = outlook(tiny_study, {**searched(tiny_study, 2), **{spec.trial: entry(spec) for spec in specs[:3]}})
    assert (ahead.waves, ahead.waves_left) == (start.waves, {"search": [2], "ablation": [5]})


def test_paths_are_a_batch_a_step_once_the_best_is_known(tiny_study):
    study = tiny_study.model_copy(update={"ablation": replace_in(tiny_study, design=("path",))})
    ahead = outlook(study, searched(study, 4))
    assert ahead.waves == {"search": [2, 2], "path": [8]}  # one flip and the start, in both directions, two seeds
