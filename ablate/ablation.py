"""A study and a reference configuration into a plan: which variants, at which learning rates, with which seeds."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from ablate.levels import FIND, Rate, format_rate, parse_rate
from ablate.records import REFERENCE, Epoch, Factors, Level, Mode, Outcome, TrialSpec
from ablate.study import Study

FIRST_SEED = 1  # replicate 0 belongs to the search: no tuning seed is among the confirmatory ones


def ablation_specs(study: Study, reference: Factors) -> list[TrialSpec]:
    """Every confirmatory trial: the reference and each one-factor variant in each mode, with the same seeds.

    Ordered seed by seed, so that a study that is stopped early has compared all variants with fewer seeds.
    """
    cells = [("", "", "", reference, None), *_variants(study, reference)]
    return [
        TrialSpec(
            trial=f"ablation-{'-'.join(part for part in (_name(factor, level), mode) if part)}-s{seed}",
            phase="ablation",
            variant=_name(factor, level),
            factor=factor,
            level=level,
            mode=mode,
            seed=seed,
            factors=factors,
            rate_factors=rate_factors,
            test=True,
            design="one-factor",
            against=REFERENCE if factor else "",
        )
        for seed in range(FIRST_SEED, FIRST_SEED + int(study.ablation.seeds))
        for factor, level, mode, factors, rate_factors in cells
    ]


class AblationPlan:
    """Hands out the confirmatory trials that are not known yet; stops none, since each is a result."""

    def __init__(self, specs: Iterable[TrialSpec], *, known: Mapping[str, Outcome]) -> None:
        self._waiting = deque(spec for spec in specs if spec.trial not in known)

    def ask(self, n: int) -> Sequence[TrialSpec]:
        """The next `n`."""
        specs = list(islice(self._waiting, n))
        for _ in specs:
            self._waiting.popleft()
        return specs

    def report(self, _: Epoch) -> bool:
        """Never stops a trial."""
        return True

    def tell(self, _: Outcome) -> None:
        """What to train was decided before the first outcome."""


def _variants(study: Study, reference: Factors) -> Iterable[tuple[str, str, str, Factors, Factors | None]]:
    """(factor, level, mode, configuration, configuration whose rate is used or None for its own)."""
    wanted = study.ablation.factors
    for mode in study.ablation.learning_rate:
        for factor, level, factors in study.space.neighbours(reference):
            if wanted is None or factor in wanted:
                yield factor, str(level), mode, *_with_rate(factors, reference, factor, mode)


def _with_rate(factors: Factors, reference: Factors, factor: str, mode: Mode) -> tuple[Factors, Factors | None]:
    if factor == "learning_rate":  # the rate itself is what differs: a multiple of the same rate in both modes
        return factors, None
    if mode == "carry":
        return factors, reference
    return {**factors, "learning_rate": _found(reference["learning_rate"])}, None


def _found(level: Level) -> Level:
    """The reference's learning rate with a range test of its own: the same multiple of what is found."""
    rate = parse_rate(level)
    return format_rate(Rate(None, rate.multiplier)) if rate.value is None else FIND


def _name(factor: str, level: str) -> str:
    return f"{factor}={level}" if factor else REFERENCE
