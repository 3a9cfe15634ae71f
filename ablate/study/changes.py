"""The variations of a study's baseline, one at a time."""

from collections.abc import Iterator

from ablate.study.rate import RECIPE
from ablate.study.settings import StudySettings
from ablate.study.trial import Factors


def changes(study: StudySettings) -> Iterator[tuple[str, Factors]]:
    """The variations of the baseline, as "width=16" and the whole configuration: each level, each recipe."""
    for name, level, factors in study.space.neighbours(study.baseline):
        yield f"{name}={level}", factors
    for name, levels in study.recipes.items():
        yield f"{RECIPE}={name}", study.space.settled({**study.baseline, **levels})
