import numpy as np
import pytest

from ablate.analysis.importance.games import greedy_path
from ablate.plans import Paths, SteppedPlan
from ablate.plans.filters import Deduplicated
from ablate.study.space import Choice, Space
from ablate.study.trial import Outcome, number_in

ABC = Space({name: Choice(("off", "on")) for name in "abc"})
OFF = {**dict.fromkeys("abc", "off"), "learning_rate": "find"}
ON = {**dict.fromkeys("abc", "on"), "learning_rate": "find"}


def paths_of(study, start, goal, *, seeds=(1, 2), chance=0.1):
    return Paths(study, start, goal, seeds=seeds, chance=chance)


def value(spec) -> float:
    """a gains .1, c gains .2 but only with a; b costs .05."""
    on = {name for name in "abc" if spec.factors[name] == "on"}
    return 0.5 + 0.1 * ("a" in on) + 0.2 * ({"a", "c"} <= on) - 0.05 * ("b" in on)


def steps(specs, direction):
    found: dict = {}
    for spec in specs:
        if spec.trial.startswith(f"path-{direction}"):
            found.setdefault(spec.label.number, set()).add((spec.label.variant, spec.label.factor, spec.label.level))
    return found


def test_each_step_flips_what_gains_most_and_the_way_back_what_costs_least(make_study, drive, scored):
    study = make_study(space=ABC, design=("path",))
    specs = drive(SteppedPlan(paths_of(study, OFF, ON).wanted, known={}), scored(value))
    assert steps(specs, "forward") == {
        0: {("reference", "", "")},
        1: {("a=on", "a", "on"), ("b=on", "b", "on"), ("c=on", "c", "on")},
        2: {("a=on, b=on", "b", "on"), ("a=on, c=on", "c", "on")},
        3: {("a=on, b=on, c=on", "b", "on")},
    }
    assert steps(specs, "backward") == {
        0: {("best", "", "")},
        1: {("a=off", "a", "off"), ("b=off", "b", "off"), ("c=off", "c", "off")},
        2: {("a=off, b=off", "a", "off"), ("b=off, c=off", "c", "off")},
        3: {("a=off, b=off, c=off", "a", "off")},
    }
    assert len(specs) == 2 * 7 * 2
    assert len({spec.trial for spec in specs}) == len(specs)
    assert all(spec.label.number == number_in(spec.trial, "ablation") for spec in specs)
    assert {(s.label.phase, s.label.design, s.test, s.label.mode) for s in specs} == {
        ("ablation", "path", False, "find")
    }
    assert {s.label.against for s in specs if s.trial.startswith("path-backward")} == {"best"}
    assert "path-forward-2-a=on, c=on-s1" in {spec.trial for spec in specs}


def test_a_step_waits_for_all_its_trials_both_ways_and_what_diverges_counts_as_guessing(make_study):
    study = make_study(space=ABC)
    plan = SteppedPlan(paths_of(study, OFF, ON, seeds=(1,), chance=0.1).wanted, known={})
    asked = plan.ask(100)
    forward, backward = ([spec for spec in asked if spec.label.against == end] for end in ("reference", "best"))
    for spec in backward[1:]:
        plan.tell(Outcome(spec.trial, "finished", score=0.5))
    assert [spec.label.variant for spec in forward] == ["reference", "a=on", "b=on", "c=on"]
    assert plan.ask(1) == []
    plan.tell(Outcome(forward[1].trial, "diverged"))
    plan.tell(Outcome(forward[2].trial, "finished", score=0.2))
    assert plan.ask(1) == []
    plan.tell(Outcome(forward[3].trial, "finished", score=0.05))
    plan.tell(Outcome(forward[0].trial, "finished", score=0.1))
    assert plan.ask(1) == []  # the walks meet in equal configurations: which is trained must not depend on their pace
    plan.tell(Outcome(backward[0].trial, "finished", score=0.5))
    assert [spec.label.variant for spec in plan.ask(9) if spec.label.against == "reference"] == [
        "a=on, b=on",
        "b=on, c=on",
    ]


def test_of_equal_steps_the_first_factor_of_the_space_is_taken(make_study, drive, scored):
    study = make_study(space=ABC)
    specs = drive(SteppedPlan(paths_of(study, OFF, ON).wanted, known={}), scored(lambda _: 0.5))
    assert {name for name, _, _ in steps(specs, "forward")[2]} == {"a=on, b=on", "a=on, c=on"}


@pytest.mark.parametrize("seed", range(5))
def test_a_walk_takes_the_steps_of_the_greedy_path_through_all_cells(make_study, drive, scored, seed):
    game = np.random.default_rng(seed).random((2, 2, 2, 2))  # by seed, then off or on

    def score(spec):
        return game[(spec.seed - 1, *(int(spec.factors[name] == "on") for name in "abc"))]

    plan = SteppedPlan(paths_of(make_study(space=ABC), OFF, ON).wanted, known={})
    specs = drive(plan, scored(score))
    back = greedy_path(np.flip(game, axis=(1, 2, 3)))
    for direction, path in (("forward", greedy_path(game)), ("backward", back)):
        first, second, _ = ("abc"[player] for player in path)
        assert {factor for _, factor, _ in steps(specs, direction)[2]} == set("abc") - {first}
        assert {factor for _, factor, _ in steps(specs, direction)[3]} == set("abc") - {first, second}


def test_a_cell_that_both_ways_pass_is_trained_once(make_study, drive, scored):
    plan = SteppedPlan(paths_of(make_study(space=ABC), OFF, ON, seeds=(1,)).wanted, known={})
    trained = drive(Deduplicated(plan), scored(value))
    assert len(plan.outcomes) == 14
    configurations = [tuple(spec.factors[name] for name in "abc") for spec in trained]
    assert len(configurations) == len(set(configurations)) == 8
    assert sum(outcome.same_as != "" for outcome in plan.outcomes.values()) == 6


def test_an_interrupted_walk_goes_on_as_it_would_have(make_study, check_resume, scored):
    study = make_study(space=ABC)
    make_plan = lambda known: SteppedPlan(paths_of(study, OFF, ON, seeds=(1,)).wanted, known=known)  # noqa: E731
    assert len(check_resume(make_plan, scored(value))) == 14


def test_a_factor_waits_for_the_flip_that_wakes_it(make_study, momentum_space, drive, scored):
    start = {"optimizer": "adam", "momentum": 0.0, "layers": 2, "learning_rate": "find"}
    goal = {**start, "optimizer": "momentum", "momentum": 0.9}
    study = make_study(space=momentum_space)
    paths = paths_of(study, start, goal, seeds=(1,))
    specs = drive(SteppedPlan(paths.wanted, known={}), scored(lambda _: 0.5))
    assert paths.n_flips == 2
    assert [s.label.variant for s in specs if s.label.against == "reference"] == [
        "reference", "optimizer=momentum", "optimizer=momentum, momentum=0.9",
    ]  # fmt: skip
    # Backwards, taking the optimizer away settles momentum too: that candidate is the goal already.
    assert {s.label.variant for s in specs if s.label.against == "best"} >= {
        "best",
        "optimizer=adam, momentum=0.0",
        "momentum=0.0",
    }
    assert goal in [s.factors for s in specs if s.label.against == "reference"]
    assert start in [s.factors for s in specs if s.label.against == "best"]


def test_rates_are_found_for_each_cell_or_carried_from_the_start(make_study):
    start, goal = {**OFF, "learning_rate": 0.001}, {**ON, "learning_rate": 0.01}
    found = paths_of(make_study(space=ABC, learning_rate=("carry", "tune")), start, goal).wanted({})
    assert {(spec.factors["learning_rate"], spec.label.mode) for spec in found} == {("find", "find")}
    assert all(spec.rate_factors is None for spec in found)
    carried = paths_of(make_study(space=ABC, learning_rate=("carry",)), OFF, ON).wanted({})
    assert [spec.rate_factors for spec in carried if spec.label.variant != "reference"] == [OFF] * 14


def test_two_equal_ends_leave_nothing_to_walk(make_study):
    assert paths_of(make_study(space=ABC), OFF, dict(OFF)).wanted({}) == []
