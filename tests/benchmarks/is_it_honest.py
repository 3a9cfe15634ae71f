"""Is it honest? How often a study in which nothing differs says that something does, and what it finds when it does.

    python tests/benchmarks/is_it_honest.py [--studies 2000] [--power-studies 300] [--seed 0]

A/A studies: every variant is the reference under another name. Scores have normal, skewed (exponential, the tail
towards worse) or heavy-tailed (Student's t with 3 degrees of freedom) noise of SD 1; a study has 3 to 20 paired seeds
and 1 to 20 contrasts, which share the reference's noise. Each study goes through `analysis.statistics.judge`, on which
the effects table of every report rests. Printed, each with its Monte Carlo standard error:

- family-wise: the share of studies in which any contrast is told apart from 0 (helps, hurts, or detectable but below
  the margin), which is to stay at or below 5 %, for fixed seeds and for `seeds = "auto"` (looks at 7, 12 and 16 seeds);
- coverage: the share of contrasts whose 95 % interval holds the true difference, and of studies whose simultaneous
  intervals all do, which are to be at or above 95 %;
- equivalent: the share of contrasts called equivalent though their true difference is the margin, at most 5 %;
- power: the share of planted effects of 0.5 to 3 SD of the paired differences, one in a family of nulls, that are
  called "helps", beside what each of its parts would have called: max-T alone, the interval alone, Holm.

Ends with exit code 1 where a rate that is to be held is missed by more than three standard errors. About 5 minutes on
one core.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ablate.analysis import statistics
from ablate.analysis.statistics import DECIDED, Judgement

Floats: TypeAlias = NDArray[np.float64]
Noise: TypeAlias = Callable[[np.random.Generator, tuple[int, int]], Floats]

NOISES: dict[str, Noise] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "skewed": lambda rng, shape: 1 - rng.exponential(size=shape),
    "heavy-tailed": lambda rng, shape: rng.standard_t(3, size=shape) / math.sqrt(3),
}
LEVEL = 0.05
APART = ("helps", "hurts", "detectable but below margin")
MARGIN = math.sqrt(2.0)  # one SD of the differences
LOOKS = statistics.spend(statistics.looks(6, 16, 3))
GROUPS = ((6, 8), (9, 12), (13, 20))  # seeds
EFFECTS = (0.5, 1.0, 1.5, 2.0, 3.0)


@dataclass(frozen=True, slots=True)
class Study:
    """One simulated study, judged."""

    n: int
    shift: float  # true difference of every contrast
    judgements: Sequence[Judgement]

    @property
    def is_apart(self) -> bool:
        """Whether any contrast is told apart from 0."""
        return any(one.verdict in APART for one in self.judgements)

    @property
    def is_covered(self) -> bool:
        """Whether all simultaneous intervals hold the truth."""
        return all(one.simultaneous.low <= self.shift <= one.simultaneous.high for one in self.judgements)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000, help="of each kind of noise, fixed and auto")
    parser.add_argument("--power-studies", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    began = time.perf_counter()
    is_held = print_errors(arguments.studies, seed=arguments.seed)
    print_power(arguments.power_studies, seed=arguments.seed)
    said = "all rates are held" if is_held else "A RATE IS MISSED by more than three standard errors"
    print(f"\n{said}; {time.perf_counter() - began:.0f} s")
    return 0 if is_held else 1


def print_errors(studies: int, *, seed: int) -> bool:
    """Family-wise errors, coverage and false equivalence; whether all that is to be held is held."""
    print(f"A/A, {studies} studies a noise and policy, 1 to 20 contrasts, percent ± Monte Carlo SE; "
          f"auto looks at {', '.join(map(str, LOOKS.seeds))} seeds")  # fmt: skip
    print(f"{'noise':14}{'seeds':>8}{'studies':>9}{'family-wise':>14}{'95 % interval':>16}{'all at once':>14}"
          f"{'equivalent at the margin':>27}")  # fmt: skip
    held = []
    for number, (name, noise) in enumerate(NOISES.items()):
        rng = np.random.default_rng((seed, number))
        null = [fixed_study(rng, noise, shift=0.0) for _ in range(studies)]
        same = [fixed_study(rng, noise, shift=MARGIN) for _ in range(studies // 4)]
        few = [study for study in null if study.n < statistics.MIN_SEEDS]
        held.append(not any(study.is_apart for study in few))
        for low, high in GROUPS:
            held.append(print_row(name, f"{low}–{high}", *(_within(group, low, high) for group in (null, same))))
        null, same = ([auto_study(rng, noise, shift=shift) for _ in range(n)]
                      for shift, n in ((0.0, studies), (MARGIN, studies // 4)))  # fmt: skip
        held.append(print_row(name, "auto", null, same))
    return all(held)


def print_row(name: str, seeds: str, null: Sequence[Study], same: Sequence[Study]) -> bool:
    """One line of the table of errors; whether its rates are held."""
    apart = Rate.of(study.is_apart for study in null)
    own = Rate.of(one.interval.low <= study.shift <= one.interval.high for study in null for one in study.judgements)
    own = Rate(own.share, len(null))  # contrasts of a study are not independent: the error is that of the studies
    joint = Rate.of(study.is_covered for study in null)
    equal = Rate.of(one.verdict == "equivalent" for study in same for one in study.judgements)
    equal = Rate(equal.share, len(same))
    print(f"{name:14}{seeds:>8}{len(null):>9}{apart:>14}{own:>16}{joint:>14}{equal:>27}", flush=True)
    return apart.is_at_most(LEVEL) and equal.is_at_most(LEVEL) and own.is_at_least(1 - LEVEL) and joint.is_at_least(
        1 - LEVEL
    )  # fmt: skip


def print_power(studies: int, *, seed: int) -> None:
    """Share of planted effects that are called "helps", and by which part of the rule."""
    print(f"\npower, normal noise, one planted effect in a family, {studies} studies, percent "
          "called helps (max-T alone / interval alone / Holm alone)")  # fmt: skip
    print(f"{'seeds':>8}{'contrasts':>11}" + "".join(f"{effect:>13.1f} SD    " for effect in EFFECTS))
    rng = np.random.default_rng((seed, 99))
    for n in (6, 8, 10, 14):
        for m in (1, 5, 20):
            cells = [_power_cell(rng, studies, n=n, m=m, effect=effect) for effect in EFFECTS]
            print(f"{n:>8}{m:>11}" + "".join(f"{cell:>20}" for cell in cells), flush=True)
    for m in (1, 5, 20):
        found = [_auto_power(rng, studies // 2, m=m, effect=effect) for effect in EFFECTS]
        print(f"{'auto':>8}{m:>11}" + "".join(f"{cell:>20}" for cell in found), flush=True)


def fixed_study(rng: np.random.Generator, noise: Noise, *, shift: float) -> Study:
    """3 to 20 seeds, 1 to 20 contrasts."""
    n, m = int(rng.integers(3, 21)), int(rng.integers(1, 21))
    d = differences(rng, noise, n=n, m=m) + shift
    return Study(n, shift, statistics.judge(d, margin=MARGIN, seed=0))


def auto_study(rng: np.random.Generator, noise: Noise, *, shift: float) -> Study:
    """1 to 20 contrasts; after each look only those that are open get further seeds."""
    d = differences(rng, noise, n=LOOKS.seeds[-1], m=int(rng.integers(1, 21))) + shift
    return Study(LOOKS.seeds[-1], shift, judge_by_looks(d, margin=MARGIN))


def judge_by_looks(d: Floats, *, margin: float) -> list[Judgement]:
    """What a study with `seeds = "auto"` would say, had it drawn these differences."""
    there = np.full(d.shape, math.nan)
    is_open = np.ones(d.shape[1], dtype=bool)
    judgements: list[Judgement] = []
    for look, n in enumerate(LOOKS.seeds, start=1):
        there[:n, is_open] = d[:n, is_open]
        judgements = statistics.judge(there, margin=margin, seed=0, looks=LOOKS.up_to(look))
        is_open = np.array([one.verdict not in DECIDED for one in judgements])
        if not is_open.any():
            break
    return judgements


def differences(rng: np.random.Generator, noise: Noise, *, n: int, m: int) -> Floats:
    """Each of m variants less the one reference, shape (n, m)."""
    scores = noise(rng, (n, m + 1))
    return scores[:, 1:] - scores[:, :1]


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of n independent draws; prints as percent ± standard error."""

    share: float
    n: int

    @classmethod
    def of(cls, hits: Iterable[bool]) -> "Rate":
        """The share of what is true."""
        drawn = list(hits)
        return cls(sum(drawn) / max(len(drawn), 1), len(drawn))

    @property
    def error(self) -> float:
        """Its standard error, were the truth at the level that is to be held."""
        return math.sqrt(LEVEL * (1 - LEVEL) / max(self.n, 1))

    def is_at_most(self, level: float) -> bool:
        """Within three standard errors."""
        return self.share <= level + 3 * self.error

    def is_at_least(self, level: float) -> bool:
        """Within three standard errors."""
        return self.share >= level - 3 * self.error

    def __format__(self, spec: str) -> str:
        return format(f"{100 * self.share:.1f} ± {100 * self.error:.1f}", spec)


def _power_cell(rng: np.random.Generator, studies: int, *, n: int, m: int, effect: float) -> str:
    found = []
    for _ in range(studies):
        d = differences(rng, NOISES["normal"], n=n, m=m)
        d[:, 0] += effect * math.sqrt(2.0)
        found.append(statistics.judge(d, margin=0.0, seed=0)[0])
    parts = (
        [one.verdict == "helps" for one in found],
        [one.p_adjusted <= LEVEL for one in found],
        [one.simultaneous.low > 0 for one in found],
        [one.p_holm <= LEVEL for one in found],
    )
    helps, max_t, interval, holm = (round(100 * sum(part) / studies) for part in parts)
    return f"{helps} ({max_t}/{interval}/{holm})"


def _auto_power(rng: np.random.Generator, studies: int, *, m: int, effect: float) -> str:
    """Share that is called helps, and the mean number of seeds it took."""
    found = []
    for _ in range(studies):
        d = differences(rng, NOISES["normal"], n=LOOKS.seeds[-1], m=m)
        d[:, 0] += effect * math.sqrt(2.0)
        found.append(judge_by_looks(d, margin=0.0)[0])
    helps = 100 * sum(one.verdict == "helps" for one in found) / studies
    return f"{helps:.0f} (n = {sum(one.interval.n for one in found) / studies:.1f})"


def _within(studies: Sequence[Study], low: int, high: int) -> list[Study]:
    return [study for study in studies if low <= study.n <= high]


if __name__ == "__main__":
    sys.exit(main())
