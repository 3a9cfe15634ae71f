"""Build the models of the configurations next to a study's baseline before the first trial."""

import time
from collections.abc import Callable, Collection, Hashable, Iterator

from ablate.errors import StudyError, is_ours
from ablate.study import Study
from ablate.study.catalog import ENGINE
from ablate.study.rate import RECIPE
from ablate.study.trial import Factors

CHECK_SECONDS = 5.0  # for all of them; of a fault that was not seen until then, the trial that has it fails


def check_changes(
    study: Study, examined: Callable[[Factors], set[str]], *, kind: Callable[[Factors], Hashable], looked_up: set[str]
) -> tuple[str, ...]:
    """What a person should know of a user's models: the factors that building them never looks up."""
    began, seen, is_whole = time.monotonic(), {kind(study.baseline)}, True
    for changed, factors in changes(study):
        if kind(factors) in seen:
            continue
        if time.monotonic() - began > CHECK_SECONDS:
            return ()
        seen.add(kind(factors))
        try:
            looked_up = looked_up | examined(factors)
        except StudyError as err:
            said = str(err).removeprefix("model: ")
            raise StudyError(f"model.name: {study.model.name} with {changed}: {said}") from err
        except BaseException as err:  # whatever user code raises, an exit too
            if is_ours(err):
                raise
            is_whole = False
    return not_looked_up(study, looked_up, n=len(seen)) if is_whole else ()


def changes(study: Study) -> Iterator[tuple[str, Factors]]:
    """What differs from the baseline, as "width=16", and the whole configuration: each level, each recipe."""
    for name, level, factors in study.space.neighbours(study.baseline):
        yield f"{name}={level}", factors
    for name, levels in study.recipes.items():
        yield f"{RECIPE}={name}", study.space.settled({**study.baseline, **levels})


def not_looked_up(study: Study, looked_up: Collection[str], *, n: int) -> tuple[str, ...]:
    """A notice on the factors that a user's build never asked for in `n` configurations, where they count."""
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
        f"build never reads the {what} {names} (configurations tried: {n}), so {its} levels would give identical runs",
    )
