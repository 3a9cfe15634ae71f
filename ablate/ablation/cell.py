"""Cells of an ablation into specs: what is trained with every seed, and under which name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from ablate.ablation.rates import configuration_key
from ablate.errors import StudyError
from ablate.records import BEST, REFERENCE, Design, Factors, Mode, TrialSpec
from ablate.study import Study

FIRST_SEED = 1  # replicate 0 belongs to the search: no tuning seed is among the confirmatory ones
_PREFIX: Mapping[Design, str] = {"one-factor": "ablation", "factorial": "factorial", "path": "path"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One configuration in one learning-rate mode: a spec but for its seed."""

    variant: str
    factor: str  # in which it differs from what it is compared with; "" for a reference and a factorial's cell
    level: str
    mode: Mode | Literal[""]  # "" for a reference that trains at the rate that is its own
    design: Design
    against: str  # REFERENCE or BEST; "" where it is compared with none by itself
    factors: Factors
    rate_factors: Factors | None = None

    def to_spec(self, seed: int) -> TrialSpec:
        """The confirmatory trial of replicate `seed`."""
        parts = (_PREFIX[self.design], self.variant, self.mode, f"s{seed}")
        return TrialSpec(
            trial="-".join(part for part in parts if part),
            phase="ablation",
            variant=self.variant,
            factor=self.factor,
            level=self.level,
            mode=self.mode,
            seed=seed,
            factors=self.factors,
            rate_factors=self.rate_factors,
            test=True,
            design=self.design,
            against=self.against,
        )


def to_specs(cells: Iterable[Cell], seeds: Iterable[int]) -> list[TrialSpec]:
    """Every cell with every seed, seed by seed: a study that is stopped early has compared all cells with fewer."""
    cells = list(cells)
    return [cell.to_spec(seed) for seed in seeds for cell in cells]


def replicates(n: int, *, after: int = 0) -> range:
    """The confirmatory seeds of `n` replicates, but for the first `after` of them."""
    return range(FIRST_SEED + after, FIRST_SEED + n)


def needs_best(study: Study) -> bool:
    """Whether the ablation cannot be known before the search has ended."""
    return study.ablation.reference != "baseline" or "path" in study.ablation.design


def references(study: Study, baseline: Factors, best: Factors | None) -> Mapping[str, Factors]:
    """What the variants are compared with, by name: one configuration, or two where they go in both directions.

    A search that found nothing better than the baseline leaves one. Raises `StudyError` where there is no `best`.
    """
    kind = study.ablation.reference
    if kind == "baseline":
        return {REFERENCE: baseline}
    if best is None:
        raise StudyError(f'ablation.reference: "{kind}" needs a finished search trial, and there is none')
    if kind == "best":
        return {REFERENCE: best}
    same = configuration_key(best) == configuration_key(baseline)
    return {REFERENCE: baseline} if same else {REFERENCE: baseline, BEST: best}


def counterpart(study: Study, references: Mapping[str, Factors], name: str) -> Factors | None:
    """The other end of what a search changed: of the baseline the best configuration, and the other way round."""
    if name == BEST:
        return references[REFERENCE]
    return study.baseline if study.ablation.reference == "best" else references.get(BEST)
