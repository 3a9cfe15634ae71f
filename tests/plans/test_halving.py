"""Asynchronous successive halving: decisions by hand, recorded, and the same after a kill."""

import random
from dataclasses import dataclass, field

import pytest
from records import epoch_of_classes

from ablate.plans.search import SearchPlan
from ablate.storage.journal import Entry
from ablate.study.trial import Outcome


def wide(study, *, trials=16, per_round=8, epochs=20, **changes):
    search = study.search.model_copy(
        update={"trials": trials, "trials_per_round": per_round, "pruner": "asha", **changes}
    )
    training = study.training.model_copy(update={"epochs": epochs})
    return study.model_copy(update={"search": search, "training": training})


def plan_of(study, storage, known=()):
    return SearchPlan(study, storage=storage, chance=0.1, known=list(known))


def epoch(trial: str, number: int, accuracy: float):
    return epoch_of_classes(trial, number, 1.0, 0.5, 1.0, accuracy, 0.01, 1.0)


def test_promotions_by_hand(tiny_study, tmp_path):
    """Of n trials at a rung, the best n // 4 go on, and the very best while there are fewer than 4."""
    study = wide(tiny_study, trials=9, per_round=9, min_resource=1)
    plan = plan_of(study, tmp_path / "s.db")
    names = [spec.trial for spec in plan.ask(9)]
    at_first_rung = [0.5, 0.4, 0.6, 0.55, 0.58, 0.61, 0.5, 0.605, 0.59]
    goes_on = [True, False, True, False, False, True, False, True, False]  # the eighth is second of 8, of which 2 go on
    assert [plan.report(epoch(*pair, value)) for *pair, value in _first(names, at_first_rung)] == goes_on
    # The next rung is after 4 epochs; between rungs no trial is stopped.
    assert [plan.report(epoch(names[0], number, 0.1)) for number in (2, 3, 4)] == [True] * 3  # the first to come there
    assert [plan.report(epoch(names[2], number, 0.05)) for number in (2, 3, 4)] == [True, True, False]


def _first(names, values):
    return [(name, 1, value) for name, value in zip(names, values, strict=True)]


def test_no_trial_is_stopped_after_its_last_epoch(tiny_study, tmp_path):
    plan = plan_of(wide(tiny_study, trials=2, per_round=2, epochs=4, min_resource=1), tmp_path / "s.db")
    best, worse = (spec.trial for spec in plan.ask(2))
    assert plan.report(epoch(worse, 1, 0.3))
    assert plan.report(epoch(best, 1, 0.5))
    for trial, value in ((best, 0.9), (worse, 0.2)):
        assert all(plan.report(epoch(trial, number, value)) for number in (2, 3, 4))


@dataclass
class Pretended:
    """Trials whose epochs come in an order that a clock of random durations decides; `log` has every verdict."""

    plan: SearchPlan
    seed: int
    workers: int = 8
    epochs: int = 20
    running: dict[str, int] = field(default_factory=dict)  # trial -> its last epoch
    known: list[Entry] = field(default_factory=list)
    specs: dict = field(default_factory=dict)
    log: list = field(default_factory=list)
    rest: dict = field(default_factory=dict)  # epochs so far of each trial

    def step(self, rng: random.Random) -> bool:
        """One epoch of one trial; False at the end of the search."""
        for spec in self.plan.ask(self.workers - len(self.running)):
            if spec.trial not in self.running:
                self.log.append((spec.trial, dict(spec.factors)))
            self.specs[spec.trial], self.running[spec.trial], self.rest[spec.trial] = spec, 0, []
        if not self.running:
            return False
        trial = rng.choice(sorted(self.running))
        self.pass_epoch(trial)
        return True

    def pass_epoch(self, trial: str) -> bool:
        self.running[trial] += 1
        number, at = self.running[trial], random.Random(f"{trial}{self.seed}").random()
        one = epoch(trial, number, 0.2 + 0.5 * at + 0.01 * number)
        goes_on = self.plan.report(one)
        self.rest[trial].append(one)
        self.log.append((trial, number, goes_on))
        if not goes_on or number == self.epochs:
            outcome = Outcome(trial, "finished" if goes_on else "pruned", score=0.5 * at if goes_on else None)
            self.plan.tell(outcome)
            self.known.append(Entry(self.specs[trial], outcome, tuple(self.rest[trial]), ""))
            del self.running[trial]
        return goes_on


def run_all(study, storage, *, seed):
    whole, rng = Pretended(plan_of(study, storage), seed), random.Random(seed)
    while whole.step(rng):
        pass
    return whole


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_wide_search_stops_most_trials_early_and_keeps_some(tiny_study, tmp_path, sampler):
    study = wide(tiny_study, sampler=sampler)
    whole = run_all(study, tmp_path / "s.db", seed=1)
    states = [entry.outcome.state for entry in whole.known]
    assert len(states) == 16
    assert 1 <= states.count("finished") <= 8
    assert {len(entry.epochs) for entry in whole.known} == {2, 8, 20}


@pytest.mark.parametrize("pruner", ["asha", "hyperband"])
@pytest.mark.parametrize("at", [0, 3, 9, 17, 40, 63, pytest.param("all", marks=pytest.mark.slow)])
def test_a_search_that_is_killed_at_any_point_goes_on_as_it_would_have(tiny_study, tmp_path, pruner, at):
    study = wide(tiny_study, pruner=pruner)
    whole = run_all(study, tmp_path / "whole.db", seed=2)
    for kill in range(len(whole.log)) if at == "all" else [at]:
        killed_at(study, tmp_path / f"{kill}.db", whole, kill=kill)


def killed_at(study, storage, whole, *, kill):
    """Kill after `kill` epochs: running trials start over and get the same verdicts, then all goes on in order."""
    first, rng = Pretended(plan_of(study, storage), whole.seed), random.Random(whole.seed)
    for _ in range(kill):
        first.step(rng)
    again = Pretended(plan_of(study, storage, first.known), whole.seed, known=first.known)
    for spec in again.plan.ask(again.workers):
        again.specs[spec.trial], again.running[spec.trial], again.rest[spec.trial] = spec, 0, []
    assert set(again.running) >= set(first.running)
    backwards = sorted(first.running, reverse=True)  # another order than the first time
    assert all(again.pass_epoch(trial) for trial in backwards for _ in range(first.running[trial]))
    again.log = [line for line in whole.log if isinstance(line[1], dict) and line[0] in again.running]
    first.log = [line for line in first.log if line not in again.log]
    again.log = [*first.log, *again.log]
    while again.step(rng):
        pass
    assert sorted(map(str, again.log)) == sorted(map(str, whole.log))


def test_a_verdict_to_stop_that_the_kill_cut_off_is_given_again(tiny_study, tmp_path):
    study = wide(tiny_study, trials=4, per_round=4, min_resource=1)
    plan = plan_of(study, tmp_path / "s.db")
    good, bad, third, _ = (spec.trial for spec in plan.ask(4))
    assert plan.report(epoch(good, 1, 0.9))
    assert not plan.report(epoch(bad, 1, 0.5))  # and the process ends before it is told
    resumed = plan_of(study, tmp_path / "s.db")
    assert len(resumed.ask(4)) == 4
    assert not resumed.report(epoch(third, 1, 0.8))  # compared with the good one, which has yet to come again
    assert not resumed.report(epoch(bad, 1, 0.5))
    assert resumed.report(epoch(good, 1, 0.9))


def test_a_lost_file_is_made_anew_from_the_trials_that_ended(tiny_study, tmp_path):
    study = wide(tiny_study)
    whole = run_all(study, tmp_path / "whole.db", seed=3)
    first_round = [entry for entry in whole.known if entry.spec.label.number < 8]
    resumed = plan_of(study, tmp_path / "new.db", first_round)
    nine = resumed.ask(8)
    assert [spec.trial for spec in nine] == [f"search-{number:04d}" for number in range(8, 16)]
    assert [spec.factors for spec in nine] == [whole.specs[spec.trial].factors for spec in nine]
    # The rungs know the trials that ended: one that is worse than all of them is stopped at the first.
    assert resumed.report(epoch(nine[0].trial, 1, 0.01))
    assert not resumed.report(epoch(nine[0].trial, 2, 0.01))
