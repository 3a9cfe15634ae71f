"""Say how many rounds a study takes on many workers, which parts cannot use them all, and what to set."""

from collections.abc import Iterator

from ablate.experiment.preview.preview import StudyPreview
from ablate.study.settings import Search
from ablate.text import listed, number_of


def rounds_said(preview: StudyPreview, search: Search, *, workers: int) -> list[str]:
    """The rounds in which `workers` train what is left, and what to set; nothing where they all have work throughout.

    In a round every worker trains one trial, or waits.
    """
    limits = list(_limits(preview, workers))
    if not limits:
        return []
    by_part = preview.rounds(workers=workers)
    rounds = number_of(sum(by_part.values()), "round")
    parts = f": {listed(f'{part} {n:,}' for part, n in by_part.items())}" if len(by_part) > 1 else ""
    return [
        f"rounds    {number_of(workers, 'worker')} need about {rounds} of trials, if all take equally long{parts}",
        *(f"{'':<10}{limit}" for limit in limits),
        *_advice(preview, search, workers),
    ]


def _limits(preview: StudyPreview, workers: int) -> Iterator[str]:
    """Which of the parts that are left have fewer trials at once than there are workers."""
    for part in preview.waves_left:
        most, least = max(preview.waves[part]), min(preview.waves[part])
        match part:
            case "search" if most < workers:
                yield f"the search asks for {number_of(most, 'trial')} at a time"
            case "path" if least < workers:
                span = f"{least:,}" if least == most else f"{most:,} down to {least:,}"
                yield f"a path walks one step at a time: {span} trials at once"
            case "tune" if most < workers:
                yield f"tuning has {number_of(most, 'trial')} at once"
            case "ablation" if most < workers:
                yield f"the comparisons have {number_of(most, 'trial')} at once"


def _advice(preview: StudyPreview, search: Search, workers: int) -> Iterator[str]:
    """A larger round, before the first trial; later it would be another search."""
    size = min(workers, search.trials)
    if size <= search.trials_per_round or any(preview.done.values()) or "search" not in preview.waves_left:
        return
    wider = preview.searched_by(search.model_copy(update={"trials_per_round": size}))
    learns = (
        "all its trials are then chosen before any result"
        if size == search.trials
        else f"it then learns from results after {size:,} trials, not {search.trials_per_round:,}"
    )
    rounds = sum(wider.rounds(workers=workers).values())
    yield f"{'':<10}search.trials_per_round = {size} in the study file makes it {rounds:,}; this changes the search:"
    yield f"{'':<10}{learns}"
