"""A study into the configurations next to its baseline, whose models can be built before the first trial."""

from collections.abc import Collection, Iterator

from ablate.catalog import ENGINE
from ablate.levels import RECIPE
from ablate.records import Factors
from ablate.study import Study


def changes(study: Study) -> Iterator[tuple[str, Factors]]:
    """What differs from the baseline, as "width=16", and the whole configuration: each level, each recipe."""
    for name, level, factors in study.space.neighbours(study.baseline):
        yield f"{name}={level}", factors
    for name, levels in study.recipes.items():
        yield f"{RECIPE}={name}", study.space.settled({**study.baseline, **levels})


def not_looked_up(study: Study, looked_up: Collection[str], *, n: int) -> tuple[str, ...]:
    """A notice on the factors that a user's build never asked for in `n` configurations, where they count.

    What the engine applies itself, as the optimizer, is no affair of build.
    """
    tried = [study.baseline, *(factors for _, factors in changes(study))]
    unread = [
        name
        for name in study.space.dimensions
        if name not in ENGINE and name != "learning_rate" and name not in looked_up
        if any(study.space.is_active(name, factors) for factors in tried)
    ]
    if not unread:
        return ()
    names = ", ".join(unread)
    what, its = ("factor", "its") if len(unread) == 1 else ("factors", "their")
    return (
        f"build did not look at the {what} {names} (configurations tried: {n}), so {its} levels would give identical "
        "runs",
    )
