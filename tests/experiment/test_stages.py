from dataclasses import replace

import pytest

from ablate.errors import StudyError
from ablate.experiment.stages import ComparisonStages
from ablate.study.settings import Ablation
from ablate.study.trial import Outcome


def with_ablation(study, **settings):
    return study.model_copy(update={"ablation": Ablation(**{**dict(study.ablation), **settings})})


def comparison(study, best=None, undecided=lambda _: frozenset()):
    return ComparisonStages(study, best=best, chance=0.1, undecided=undecided)


class Driven:
    """Trains the stages in no time: the score is `score(spec)`, the order of events is kept."""

    def __init__(self, compared, score=lambda _: 0.5, stop_after=10**9):
        self.known, self.events, left = {}, [], stop_after
        for stage in compared.stages(lambda: self.known, self.freeze):
            self.events.append((stage.part, stage.trials, stage.done))
            while left and (specs := stage.plan.ask(min(3, left))):
                for spec in specs:
                    left -= 1
                    outcome = Outcome(spec.trial, "finished", score=score(spec))
                    self.known[spec.trial] = outcome
                    stage.plan.tell(outcome)

    def freeze(self, specs):
        assert all(spec.test for spec in specs)
        self.events.append(("freeze", len(specs), len(self.known)))


def test_without_seeds_nothing_is_compared(tiny_study):
    compared = comparison(with_ablation(tiny_study, seeds=0))
    assert Driven(compared).events == []
    assert compared.is_complete({})


def test_what_is_compared_is_frozen_before_the_first_of_it_is_handed_out(tiny_study):
    compared = comparison(tiny_study)
    driven = Driven(compared)
    assert driven.events == [("freeze", 8, 0), ("ablation", 8, 0)]  # the reference and three variants × 2 seeds
    assert compared.is_complete(driven.known)


def test_tuned_rates_are_known_before_the_freeze_and_used_after_it(tiny_study):
    study = with_ablation(tiny_study, learning_rate=("tune",))
    compared = comparison(study)
    driven = Driven(compared, score=lambda spec: 0.9 if spec.factors["learning_rate"] == "find*3.162" else 0.5)
    assert driven.events == [("tune", 15, 0), ("freeze", 8, 15), ("ablation", 8, 0)]
    of_ablation = [spec for spec in compared.confirmed(driven.known) if spec.label.factor != "learning_rate"]
    assert {spec.factors["learning_rate"] for spec in of_ablation} == {"find*3.162"}
    facts = compared.tuning_facts(driven.known)
    assert facts is not None
    assert (facts.points, facts.extended, facts.at_edge) == (5, [], [])
    rates = {rate["variant"]: rate["level"] for rate in facts.rates}
    assert rates == dict.fromkeys(("reference", "normalization=batch", "optimizer=sgd"), "find*3.162")


def test_nothing_is_frozen_while_rates_are_untuned(tiny_study):
    compared = comparison(with_ablation(tiny_study, learning_rate=("tune",)))
    driven = Driven(compared, stop_after=4)
    assert [event[0] for event in driven.events] == ["tune"]
    assert not compared.is_complete(driven.known)


def test_seeds_are_added_where_a_comparison_is_open(tiny_study):
    study = with_ablation(tiny_study, seeds="auto", max_seeds=12, looks=2)
    asked = []

    def undecided(look):
        asked.append(look)
        return frozenset({("optimizer=sgd", "find")})

    compared = comparison(study, undecided=undecided)
    driven = Driven(compared)
    first, last = compared.looks
    seeds = {}
    for name in driven.known:
        variant = name.rsplit("-s", 1)[0]
        seeds[variant] = seeds.get(variant, 0) + 1
    assert seeds == {
        "ablation-reference": last,
        "ablation-normalization=batch-find": first,
        "ablation-optimizer=sgd-find": last,
        "ablation-learning_rate=find*0.3-find": first,
    }
    assert set(asked) == {1}
    assert compared.is_complete(driven.known)


def test_paths_come_last_and_read_no_test_set(tiny_study):
    best = {**tiny_study.baseline, "normalization": "batch", "optimizer": "sgd"}
    compared = comparison(with_ablation(tiny_study, design=("one-factor", "path")), best=best)
    driven = Driven(compared)
    assert [event[0] for event in driven.events] == ["freeze", "ablation", "path"]
    assert all(not spec.test for spec in compared.wanted(driven.known) if spec.label.design == "path")
    assert compared.is_complete(driven.known)


def test_a_best_configuration_that_is_not_there_is_said(tiny_study):
    with pytest.raises(StudyError, match=r'ablation.design: "path" needs a finished search trial'):
        comparison(with_ablation(tiny_study, design=("path",)))
    with pytest.raises(StudyError, match=r'ablation.reference: "both" needs a finished search trial'):
        comparison(with_ablation(tiny_study, reference="both"))


def test_a_study_that_goes_on_knows_what_was_done(tiny_study):
    compared = comparison(tiny_study)
    driven = Driven(compared)
    driven.known.popitem()
    again = list(compared.stages(lambda: driven.known, lambda _: None))
    assert [(stage.part, stage.trials, stage.done) for stage in again] == [("ablation", 8, 7)]
    assert len(again[0].plan.ask(10)) == 1
    killed = {name: replace(outcome) for name, outcome in driven.known.items()}
    assert not compared.is_complete(killed)
