"""Rounds of any size: the same search for any number of workers, order of outcomes, and kill."""

import random

import optuna
import pytest

from ablate.plans.optuna_terms import make_sampler
from ablate.plans.search import SearchPlan
from ablate.storage.journal import Entry
from ablate.study.settings import Search
from ablate.study.space import Float, Space
from ablate.study.trial import Outcome

SIZES = [1, 4, pytest.param(24, marks=pytest.mark.slow), pytest.param(100, marks=pytest.mark.slow)]


@pytest.fixture
def study(tiny_study):
    dimensions = {**tiny_study.space.dimensions, "dropout": Float(0.0, 0.9)}
    return tiny_study.model_copy(update={"space": Space(dimensions)})


def rounds_of(study, size: int):
    search = study.search.model_copy(update={"trials": max(12, 2 * size), "trials_per_round": size})
    return study.model_copy(update={"search": search})


def score_of(spec) -> float:
    return 0.9 - (spec.factors["dropout"] - 0.3) ** 2 + 0.05 * (spec.factors["normalization"] == "batch")


def run(study, storage, *, workers: int, known=(), most: int = 10**6):
    """Train up to `most` trials with so many workers; outcomes come in a random order."""
    plan, rng = SearchPlan(study, storage=storage, chance=0.1, known=known), random.Random(workers)
    running, entries = [], list(known)
    while True:
        running += plan.ask(workers - len(running))
        if not running or len(entries) == most:
            return entries
        spec = running.pop(rng.randrange(len(running)))
        entries.append(Entry(spec, Outcome(spec.trial, "finished", score=score_of(spec)), (), ""))
        plan.tell(entries[-1].outcome)


def asked(entries):
    return {entry.spec.trial: entry.spec for entry in entries}


@pytest.mark.parametrize("size", SIZES)
def test_a_search_is_the_same_whatever_the_workers_the_order_and_the_kill(study, tmp_path, size):
    study = rounds_of(study, size)
    alone = run(study, tmp_path / "alone.db", workers=1)
    assert len(alone) == study.search.trials
    assert asked(run(study, tmp_path / "many.db", workers=2 * size)) == asked(alone)
    first = run(study, tmp_path / "killed.db", workers=size, most=size + size // 2 + 1)  # within a round
    assert asked(run(study, tmp_path / "killed.db", workers=3, known=first)) == asked(alone)


def test_a_round_as_large_as_the_search_asks_for_all_trials_at_once(study, tmp_path):
    study = rounds_of(study, 6)
    study = study.model_copy(update={"search": study.search.model_copy(update={"trials_per_round": 1000})})
    plan = SearchPlan(study, storage=tmp_path / "s.db", chance=0.1, known=[])
    assert len(plan.ask(1000)) == 12


def test_a_trial_keeps_away_from_those_of_its_round_that_still_run():
    """The constant liar: what runs counts as poor until its result is known."""

    def next_value(*, running: int) -> float:
        study = optuna.create_study(direction="maximize")
        scale = {"x": optuna.distributions.FloatDistribution(0.0, 1.0)}
        for n in range(12):
            x = n / 11
            study.add_trial(optuna.create_trial(params={"x": x}, distributions=scale, value=-((x - 0.3) ** 2)))
        for _ in range(running):
            study.enqueue_trial({"x": 0.3})
            study.ask(scale)
        study.sampler = make_sampler(Search(trials=24), seed=1)
        return study.ask(scale).params["x"]

    assert abs(next_value(running=20) - 0.3) > abs(next_value(running=0) - 0.3)
