"""Small studies of every design, and a scheduler that makes results up."""

from collections.abc import Callable, Mapping

import pytest

from ablate.study.space import Choice, Float, Int, RateSpan, Space
from ablate.study.trial import Outcome


@pytest.fixture
def make_study(tiny_study):
    """The tiny study with another [ablation], space, baseline or recipes."""

    def make(*, baseline: Mapping = {}, space: Space | None = None, recipes: Mapping = {}, trials: int = 4, **ablation):
        changes = {
            "ablation": tiny_study.ablation.model_copy(update=ablation),
            "baseline": {**tiny_study.baseline, **baseline},
            "space": space or tiny_study.space,
            "recipes": recipes,
            "search": tiny_study.search.model_copy(update={"trials": trials}),
        }
        return tiny_study.model_copy(update=changes)

    return make


@pytest.fixture
def momentum_space():
    """Momentum counts for "momentum" only, and rests at 0; depth has a level that no ablation tries."""
    return Space(
        {
            "optimizer": Choice(("adam", "momentum")),
            "momentum": Float(0.0, 0.99, ablate=(0.0, 0.9)),
            "layers": Int(1, 9, ablate=(2, 4)),
            "learning_rate": RateSpan((0.1, 3.0), (0.3,)),
        },
        {"momentum": {"optimizer": ("momentum",)}},
        {"momentum": 0.0},
    )


@pytest.fixture
def drive():
    """Trains a plan to its end, a few at once, results in reverse order; gives its specs as they were asked for."""

    def run(plan, outcome: Callable, *, at_once: int = 3, at_most: int = 10_000) -> list:
        specs = []
        while len(specs) < at_most and (asked := plan.ask(min(at_once, at_most - len(specs)))):
            specs += asked
            for spec in reversed(asked):
                plan.tell(outcome(spec))
        return specs

    return run


@pytest.fixture
def check_resume(drive):
    """Whether a study that was interrupted after any number of trials asks for what an undisturbed one does."""

    def check(make_plan: Callable, outcome: Callable) -> list:
        whole = drive(make_plan(known={}), outcome)
        names = [spec.trial for spec in whole]
        assert len(set(names)) == len(names)
        for n in range(len(whole) + 1):
            known = {spec.trial: outcome(spec) for spec in whole[:n]}
            first = make_plan(known=known).ask(1)
            for spec in first:  # killed: it is asked for again
                assert make_plan(known=known).ask(1) == [spec]
            rest = drive(make_plan(known=known), outcome)
            assert {spec.trial: spec for spec in [*whole[:n], *rest]} == {spec.trial: spec for spec in whole}
            assert len(rest) == len(whole) - n
        return whole

    return check


@pytest.fixture
def scored():
    """The outcome of a spec as a function of it: a score, or None where it diverges."""

    def make(score: Callable) -> Callable:
        def outcome(spec) -> Outcome:
            value = score(spec)
            return Outcome(spec.trial, "diverged" if value is None else "finished", score=value)

        return outcome

    return make
