"""Estimate how long a study will take, from the remaining trials and the seconds per epoch of each structure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from ablate.plans.sequence import Outcomes
from ablate.storage.journal import Entry
from ablate.study.catalog import Structure, ramp_factors, structure_of
from ablate.study.rate import RATE, is_found
from ablate.study.settings import StudySettings
from ablate.study.trial import Label, Outcome, TrialSpec
from ablate.training.engine.settings import training_of
from ablate.training.ramp_plan import plan_ramps, trial_steps

START_SECONDS = 6.0  # until a worker has imported TensorFlow and read the data: 4 to 8 s on two cores


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds that one structure takes on a worker while the others are busy too."""

    compile: float  # build and compile
    epoch: float  # training and validation
    lasted: float = 1.0  # mean share of the allowed epochs that its trials ran for, as far as known
    again: bool = False  # each trial and each curve of a range test compiles; else a worker once for the structure


@dataclass(frozen=True, slots=True)
class Forecast:
    """The estimated wall time, as far as it is known."""

    seconds: float
    n_epochs: float  # assumed for an average trial: early stopping and pruning may end many sooner


def seen_paces(entries: Iterable[Entry], *, study: StudySettings) -> dict[Structure, Pace]:
    """The pace of each structure that this study has trained already, from the recorded times."""
    seen: dict[Structure, list[Entry]] = {}
    for entry in entries:
        if entry.outcome.epochs and entry.outcome.timings.get("train"):
            seen.setdefault(structure_of(entry.spec.factors, model=study.model.name), []).append(entry)
    return {
        structure: replace(_pace([entry.outcome for entry in some]), lasted=_lasted(some, study=study))
        for structure, some in seen.items()
    }


def timing_specs(
    specs: Sequence[TrialSpec], known: Mapping[Structure, Pace], *, study: StudySettings
) -> list[TrialSpec]:
    """One trial for each structure in `specs` without a pace, at a fixed rate: no range test, no test set."""
    first: dict[Structure, TrialSpec] = {}
    for spec in specs:
        first.setdefault(structure_of(spec.factors, model=study.model.name), spec)
    rate = study.lr_test.fallback
    return [
        TrialSpec(f"timing-{number}", Label("search"), spec.seed, {**spec.factors, RATE: rate})
        for number, (structure, spec) in enumerate(first.items())
        if structure not in known
    ]


def measured_paces(specs: Iterable[TrialSpec], outcomes: Outcomes, *, model: str) -> dict[Structure, Pace]:
    """Paces from the timing trials; a structure whose trial failed is missing."""
    return {
        structure_of(spec.factors, model=model): _pace([outcomes[spec.trial]])
        for spec in specs
        if spec.trial in outcomes and outcomes[spec.trial].timings.get("train")
    }


def forecast(
    specs: Sequence[TrialSpec],
    *,
    searched: int,
    study: StudySettings,
    paces: Mapping[Structure, Pace],
    workers: int,
    n_train: int,
) -> Forecast:
    """Estimate the time for `specs` and for `searched` search trials, whose structures are not known beforehand."""
    mean = Pace(
        fmean(pace.compile for pace in paces.values()),
        fmean(pace.epoch for pace in paces.values()),
        again=all(pace.again for pace in paces.values()),
    )
    allowed: dict[Structure, list[int]] = {}  # of each trial
    for spec in specs:
        allowed.setdefault(structure_of(spec.factors, model=study.model.name), []).append(_allowed(spec, study=study))
    # Epochs and number of compilations for each pace.
    groups: list[tuple[Pace, float, float]] = [
        (pace, pace.lasted * sum(epochs), len(epochs) if pace.again else min(workers, len(epochs)))
        for pace, epochs in ((paces.get(structure, mean), epochs) for structure, epochs in allowed.items())
    ]
    # About every second search trial has a structure that its worker has compiled before.
    groups.append((mean, searched * study.training.epochs, searched if mean.again else searched / 2))
    trained = sum(n_epochs * pace.epoch for pace, n_epochs, _ in groups)
    compiled = sum(times * pace.compile for pace, _, times in groups)
    n_tests = _range_tests(specs, study=study) + searched
    tested = n_tests * (_ramp_epochs(study, n_train) * mean.epoch + _curves(study, n_train) * mean.again * mean.compile)
    trials = len(specs) + searched
    total = START_SECONDS + (trained + compiled + tested) / workers if trials else 0.0
    return Forecast(total, sum(n_epochs for _, n_epochs, _ in groups) / max(trials, 1))


def forecast_of_trials(outcomes: Sequence[Outcome], *, trials: int, workers: int) -> float | None:
    """Estimate the seconds for more trials of a user's function or program; None before one has finished."""
    seen = [outcome.seconds for outcome in outcomes if outcome.state == "finished" and not outcome.same_as]
    return START_SECONDS + fmean(seen) * trials / workers if seen else None


def _allowed(spec: TrialSpec, *, study: StudySettings) -> int:
    return training_of(study, spec.factors).epochs


def _lasted(entries: Sequence[Entry], *, study: StudySettings) -> float:
    return sum(entry.outcome.epochs for entry in entries) / sum(_allowed(entry.spec, study=study) for entry in entries)


def _range_tests(specs: Sequence[TrialSpec], *, study: StudySettings) -> int:
    return len(
        {
            (spec.seed, *sorted(ramp_factors(spec.rate_factors or spec.factors, model=study.model.name).items()))
            for spec in specs
            if is_found(spec.factors)
        }
    )


def _curves(study: StudySettings, n_train: int) -> int:
    """The curves of one range test."""
    return plan_ramps(study.lr_test, trial_steps=trial_steps(study, study.baseline, n_train=n_train)).seeds


def _ramp_epochs(study: StudySettings, n_train: int) -> float:
    """The steps of one range test, as a fraction of an epoch's steps."""
    own = trial_steps(study, study.baseline, n_train=n_train)
    return plan_ramps(study.lr_test, trial_steps=own).n_steps() * study.training.epochs / own


def _pace(outcomes: Sequence[Outcome]) -> Pace:
    n_epochs = sum(outcome.epochs for outcome in outcomes)
    spent = sum(outcome.timings.get(part, 0.0) for outcome in outcomes for part in ("train", "evaluate"))
    compiled = [outcome.timings.get("compile", 0.0) + outcome.timings.get("build", 0.0) for outcome in outcomes]
    return Pace(max(compiled), spent / n_epochs, again=outcomes[0].trained_by != "compiled")
