"""Searches with several objectives, driven by made-up outcomes."""

import math
from pathlib import Path

import optuna
import pytest
from records import epoch_of_classes

from ablate.plans.search import SearchPlan
from ablate.storage.journal import Entry
from ablate.study.objectives import SearchObjective, cost
from ablate.study.space import Choice, Float, Int, Space
from ablate.study.trial import Outcome

ACCURACY = SearchObjective("accuracy", "maximize", "points")
TWO = (ACCURACY, cost("parameters"))
THREE = (*TWO, cost("seconds"))
SAMPLERS = ["tpe", "random", "nsga2"]


@pytest.fixture
def study(tiny_study):
    """Width and depth cost parameters; momentum counts for sgd only."""
    space = Space(
        {
            "width": Int(4, 64, log=True),
            "depth": Int(1, 5),
            "optimizer": Choice(("adam", "sgd")),
            "momentum": Float(0.5, 0.99),
        },
        conditions={"momentum": {"optimizer": ("sgd",)}},
        inactive_levels={"momentum": 0.9},
    )
    baseline = {**tiny_study.baseline, "width": 16, "depth": 2, "optimizer": "adam", "momentum": 0.9}
    return with_search(tiny_study.model_copy(update={"space": space, "baseline": baseline}), trials=24)


def with_search(study, **changes):
    update = {"trials_per_round": 4, "pruner": "none", "objectives": ("accuracy", "parameters"), **changes}
    return study.model_copy(update={"search": study.search.model_copy(update=update)})


def plan_of(study, path: Path, *, objectives=TWO, known=(), said=None, chance=0.1) -> SearchPlan:
    announce = (said if said is not None else []).append
    return SearchPlan(study, storage=path, chance=chance, known=list(known), objectives=objectives, announce=announce)


def train(spec) -> Entry:
    """What a trial of this configuration comes to; some diverge, some fail, whatever else happens."""
    width, depth = int(spec.factors["width"]), int(spec.factors["depth"])
    size = width * depth
    if depth == 5 and spec.factors["optimizer"] == "sgd":
        return Entry(spec, Outcome(spec.trial, "diverged", parameters=size), (), "")
    if width in (8, 9):
        return Entry(spec, Outcome(spec.trial, "failed", reason="ValueError"), (), "")
    score = 0.9 - 0.3 / math.sqrt(size) - 0.05 * (spec.factors["optimizer"] == "sgd")
    seconds = [depth * 0.1 + 1.0, depth * 0.1, depth * 0.1 + 0.01]
    epochs = [epoch_of_classes(spec.trial, n, 1.0, 0.5, 1.0, score, 0.01, took) for n, took in enumerate(seconds, 1)]
    return Entry(spec, Outcome(spec.trial, "finished", score=score, parameters=size), tuple(epochs), "")


def drive(plan, *, at_once: int, at_most: int = 1000, known: list | None = None) -> list:
    """Train what the plan asks for; results arrive in reverse order of asking. Gives its specs as asked for."""
    specs = []
    while len(specs) < at_most and (asked := plan.ask(min(at_once, at_most - len(specs)))):
        specs += asked
        for entry in map(train, reversed(asked)):
            assert all(plan.report(epoch) for epoch in entry.epochs)  # nothing is pruned
            plan.tell(entry.outcome)
            if known is not None:
                known.append(entry)
    return specs


def by_name(specs):
    return {spec.trial: dict(spec.factors) for spec in specs}


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("objectives", [TWO, THREE])
def test_the_search_is_the_same_for_one_two_and_four_workers(study, tmp_path, sampler, objectives):
    study = with_search(study, sampler=sampler, trials=16)
    found = [by_name(drive(plan_of(study, tmp_path / f"{n}.db", objectives=objectives), at_once=n)) for n in (1, 2, 4)]
    assert len(found[0]) == 16
    assert found[0] == found[1] == found[2]
    assert found[0]["search-0000"] == study.baseline


@pytest.mark.parametrize(
    ("trials", "per_round"), [(10, 3), pytest.param(20, 4, marks=pytest.mark.slow)], ids=["short", "long"]
)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_search_that_is_killed_goes_on_as_an_undisturbed_one(study, tmp_path, sampler, trials, per_round):
    study = with_search(study, sampler=sampler, trials=trials, trials_per_round=per_round)
    whole = by_name(drive(plan_of(study, tmp_path / "whole.db", objectives=THREE), at_once=1))
    for n in range(trials + 1) if trials > 10 else (1, 5, 8):
        known: list[Entry] = []
        path = tmp_path / f"{n}.db"
        plan = plan_of(study, path, objectives=THREE)
        first = drive(plan, at_once=1, at_most=n, known=known)
        for spec in plan.ask(1):  # and in the middle of the next one
            plan.report(train(spec).epochs[0] if train(spec).epochs else epoch_of_classes(spec.trial, 1, *[1.0] * 6))
        rest = drive(plan_of(study, path, objectives=THREE, known=known), at_once=2)
        assert by_name([*first, *rest]) == whole


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_search_whose_file_is_lost_is_rebuilt_from_the_journal(study, tmp_path, sampler):
    study = with_search(study, sampler=sampler, trials=16)
    whole = by_name(drive(plan_of(study, tmp_path / "whole.db", objectives=THREE), at_once=4))
    known: list[Entry] = []
    path = tmp_path / "s.db"
    first = drive(plan_of(study, path, objectives=THREE), at_once=1, at_most=10, known=known)
    path.unlink()
    rest = drive(plan_of(study, path, objectives=THREE, known=known), at_once=1)
    assert by_name([*first, *rest]) == whole


def test_a_file_with_other_objectives_is_put_aside(study, tmp_path):
    known: list[Entry] = []
    path, said = tmp_path / "s.db", []
    first = drive(plan_of(study, path, objectives=()), at_once=4, at_most=4, known=known)
    again = plan_of(study, path, objectives=TWO, known=known, said=said)
    assert "s.db is damaged (it is of a search with other objectives): it is kept as s.db~" in said[0]
    assert len(drive(again, at_once=4)) == 24 - len(first)


def test_a_repeat_of_a_trial_counts_with_its_seconds(study, tmp_path):
    known: list[Entry] = []
    path = tmp_path / "s.db"
    plan = plan_of(study, path, objectives=THREE)
    for spec in plan.ask(4):
        entry = train(spec)
        if known:
            entry = Entry(spec, Outcome(spec.trial, "finished", 0.5, parameters=3, same_as="search-0000"), (), "")
        for epoch in entry.epochs:
            plan.report(epoch)
        plan.tell(entry.outcome)
        known.append(entry)
    plan.ask(1)
    trials = optuna.load_study(study_name="tiny", storage=f"sqlite:///{path}").trials[:4]
    assert [trial.values[2] for trial in trials] == pytest.approx([0.21] * 4)
    assert plan_of(study, path, objectives=THREE, known=known).ask(4)  # the file is in agreement


def test_optuna_has_the_objectives_as_recorded_with_their_directions(study, tmp_path):
    drive(plan_of(study, tmp_path / "s.db"), at_once=4)
    stored = optuna.load_study(study_name="tiny", storage=f"sqlite:///{tmp_path}/s.db")
    assert [direction.name for direction in stored.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert stored.trials[0].values == pytest.approx([0.9 - 0.3 / math.sqrt(32), 32.0])


def test_nsga2_has_several_generations_within_a_small_budget(study, tmp_path):
    study = with_search(study, sampler="nsga2")
    drive(plan_of(study, tmp_path / "s.db"), at_once=4)
    trials = optuna.load_study(study_name="tiny", storage=f"sqlite:///{tmp_path}/s.db").trials
    generations = [value for trial in trials for name, value in trial.system_attrs.items() if "generation" in name]
    assert sorted(set(generations)) == [0, 1, 2]
    assert generations.count(0) == 8


def hypervolume(points: list[tuple[float, float]], *, reference: tuple[float, float]) -> float:
    """The area that points of (gain, cost) dominate, down to `reference`."""
    area, least = 0.0, reference[1]
    for gain, price in sorted(points, reverse=True):
        if gain > reference[0] and price < least:
            area += (gain - reference[0]) * (least - price)
            least = price
    return area


def test_the_area_of_two_points_is_that_of_their_boxes():
    assert hypervolume([(2, 1), (1, 0), (1, 2)], reference=(0, 3)) == 2 * 2 + 1 * 1


@pytest.fixture
def network(study):
    """A network of which size costs, and with other factors that only change its accuracy."""
    space = Space(
        {
            "width": Int(8, 512, log=True),
            "depth": Int(1, 6),
            "activation": Choice(("relu", "elu", "tanh")),
            "normalization": Choice(("none", "batch", "layer")),
            "optimizer": Choice(("sgd", "adam", "nadam")),
            "dropout": Float(0.0, 0.5),
        }
    )
    baseline = {"width": 64, "depth": 3, "activation": "tanh", "normalization": "none", "optimizer": "sgd"}
    return study.model_copy(update={"space": space, "baseline": {**baseline, "dropout": 0.3}})


LOST = {"elu": 0.01, "tanh": 0.04, "none": 0.03, "layer": 0.01, "sgd": 0.03, "nadam": 0.005}


def accuracy_and_size(spec) -> tuple[float, int]:
    width, depth, dropout = (float(spec.factors[name]) for name in ("width", "depth", "dropout"))
    size = round(width * depth * 10 + width * width * depth)
    lost = sum(LOST.get(str(spec.factors[name]), 0.0) for name in ("activation", "normalization", "optimizer"))
    return 0.98 - 0.25 / size**0.25 - lost - 0.1 * abs(dropout - 0.1), size


def area_of_search(study, path: Path) -> float:
    plan, points = plan_of(study, path), []
    while asked := plan.ask(4):
        for spec in asked:
            score, size = accuracy_and_size(spec)
            points.append((score, math.log10(size)))
            plan.tell(Outcome(spec.trial, "finished", score=score, parameters=size))
    return hypervolume(points, reference=(0.7, 6.5))


class NoFile:
    """Keeps nothing, since hundreds of writes would take most of the time."""

    def __init__(self, path: Path, **_: object) -> None:
        self.path = path

    def trials(self, **_: object) -> list:
        return []

    def add(self, trial: object) -> None:
        pass

    keep_curve = settle = add


@pytest.mark.slow
def test_both_samplers_find_a_better_front_than_random_draws_do(network, tmp_path, monkeypatch):
    monkeypatch.setattr("ablate.plans.search.SearchFile", NoFile)
    means = {}
    for sampler in SAMPLERS:
        study = with_search(network, sampler=sampler, trials=100)
        areas = [area_of_search(study.model_copy(update={"seed": seed}), tmp_path) for seed in range(10)]
        means[sampler] = sum(areas) / len(areas)
    print(means)
    assert min(means["tpe"], means["nsga2"]) > 1.01 * means["random"]
