"""Shorten a drafted study until it ends in about a minute and a half, by timing an epoch of each of its structures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ablate.experiment.drafting.draft import Draft, text_of
from ablate.experiment.options import Options
from ablate.experiment.preview.forecast import Pace
from ablate.experiment.preview.planned import StudyPlan, plan_study
from ablate.storage.files.atomic import write_aside
from ablate.study.catalog import Structure
from ablate.study.load import load_study

MOST_SECONDS = 90.0  # so that the study ends within two minutes, with the report
LEAST_EXAMPLES, LEAST_PER_CLASS = 500, 20  # for training
LEAST_EPOCHS = 3


@dataclass(frozen=True, slots=True)
class Fitted:
    """A draft that fits the time, and what it takes."""

    draft: Draft
    seconds: float
    trials: int
    shortened: tuple[str, ...] = ()  # what was reduced, a line each


def fit_to_time(draft: Draft, path: Path, options: Options, *, announce: Callable[[str], None]) -> Fitted:
    """Train an epoch of each structure of the draft in `path`, and write it again with less to train if it is too long.

    Raises `AblateError` if the study cannot be trained.
    """
    plan = plan_study(load_study(path, overrides=[], quick=False), options, announce=announce)
    paces = plan.paces(timing=True, say=announce)
    fitted = shortened(draft, plan, paces)
    if fitted.shortened:
        write_aside(path, text_of(fitted.draft))
    return fitted


def shortened(draft: Draft, plan: StudyPlan, paces: Mapping[Structure, Pace]) -> Fitted:
    """The draft with fewer training examples, then fewer epochs, until the plan's forecast fits."""
    seconds, n_train, epochs = plan.forecast(paces).seconds, plan.facts.n_train(), plan.study.training.epochs
    fixed = plan.forecast({structure: replace(pace, epoch=0.0) for structure, pace in paces.items()}).seconds
    if seconds <= MOST_SECONDS:
        return Fitted(draft, seconds, plan.n_left)
    share = max(MOST_SECONDS - fixed, 0.0) / (seconds - fixed)  # of the training steps
    fewest = max(LEAST_EXAMPLES, LEAST_PER_CLASS * plan.facts.data.n_classes)
    examples = min(n_train, max(fewest, 100 * round(share * n_train / 100)))
    fewer = max(LEAST_EPOCHS, int(epochs * min(1.0, share * n_train / examples)))
    lines = []
    if examples < n_train:
        draft = draft.with_setting(
            "data", "train", examples, comment=f"of {n_train:,}, for a first look: remove it later"
        )
        lines.append(f"trains on {examples:,} of {n_train:,} examples: remove data.train for all of them")
    if fewer < epochs:
        draft = draft.with_setting("training", "epochs", fewer, comment=f"{epochs} for more than a first look")
        lines.append(f"trains for {fewer} epochs: raise training.epochs, {epochs} is a good start")
    left = fixed + (seconds - fixed) * (examples / n_train) * (fewer / epochs)
    return Fitted(draft, left, plan.n_left, tuple(lines))
