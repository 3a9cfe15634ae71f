"""Studies as arrays of paired differences, judged as every report judges them."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from honest.rates import EFFECTS, LEVEL, Measured, Rate
from numpy.typing import NDArray

from ablate.analysis import statistics
from ablate.analysis.statistics import DECIDED, Judgement, planning

Floats: TypeAlias = NDArray[np.float64]
Rng: TypeAlias = np.random.Generator
Noise: TypeAlias = Callable[[Rng, tuple[int, int]], Floats]
Draw: TypeAlias = Callable[[Rng, int, int], Floats]  # (rng, seeds, contrasts) -> differences under the null

NOISES: dict[str, Noise] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "skewed": lambda rng, shape: 1 - rng.exponential(size=shape),
    "mildly skewed": lambda rng, shape: 2 - rng.gamma(4, size=shape) / 2,
    "heavy-tailed": lambda rng, shape: rng.standard_t(3, size=shape) / math.sqrt(3),
}
APART = ("helps", "hurts", "detectable but below margin", "detectable, size undecided")
MARGIN = math.sqrt(2.0)  # one SD of the differences
LOOKS = statistics.spend(statistics.looks(6, 16, 3))
GROUPS = ((6, 6), (7, 8), (9, 12), (13, 20))  # seeds
RATIOS = (0.25, 5.0)  # least and largest SD of a variant's noise, in SDs of the reference's
# The level of a preregistration after so many earlier ones of the same contrasts; without it, each has the whole level.
LEVEL_OF: Callable[[int], float] | None = getattr(planning, "level_of", None)


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


def noise(studies: int, *, seed: int) -> Iterator[Measured]:
    """Equal noise of three kinds: family-wise errors, coverage, and equivalence at the margin; fixed seeds and auto."""
    for number, name in enumerate(("normal", "skewed", "heavy-tailed")):
        rng, draw = np.random.default_rng((seed, number)), NOISES[name]
        null = [fixed_study(rng, draw, shift=0.0) for _ in range(studies)]
        same = [fixed_study(rng, draw, shift=MARGIN) for _ in range(studies // 4)]
        few = [study for study in null if study.n < statistics.MIN_SEEDS]
        yield Measured("noise", f"{name}, 3–5 seeds", Rate.of(study.is_apart for study in few))
        for low, high in GROUPS:
            yield from _errors(f"{name}, {_seeds(low, high)}", *(_within(group, low, high) for group in (null, same)))
        null, same = ([auto_study(rng, draw, shift=shift) for _ in range(n)]
                      for shift, n in ((0.0, studies), (MARGIN, studies // 4)))  # fmt: skip
        yield from _errors(f"{name}, auto", null, same)


def _errors(case: str, null: Sequence[Study], same: Sequence[Study]) -> Iterator[Measured]:
    own = Rate.of(one.interval.low <= study.shift <= one.interval.high for study in null for one in study.judgements)
    own = Rate(own.share, len(null))  # contrasts of a study are not independent: the error is that of the studies
    equal = Rate.of(one.verdict == "equivalent" for study in same for one in study.judgements)
    yield Measured("noise", case, Rate.of(study.is_apart for study in null))
    yield Measured("noise", f"{case}: in the 95 % interval", own, is_to_be="at least")
    yield Measured("noise", f"{case}: in all intervals", Rate.of(study.is_covered for study in null),
                   is_to_be="at least")  # fmt: skip
    yield Measured("noise", f"{case}: equivalent at the margin", Rate(equal.share, len(same)))


def power(studies: int, *, seed: int) -> Iterator[Measured]:
    """Planted effects in a family of nulls, normal noise: what is found, and by which part of the rule."""
    rng = np.random.default_rng((seed, 99))
    for n in (6, 8, 10, 14):
        for m in (1, 5, 20):
            judged = {effect: _judged(rng, studies, equal_noise("normal"), n=n, m=m, effect=effect)
                      for effect in EFFECTS}  # fmt: skip
            found = {effect: Rate.of(one.verdict == "helps" for one in some) for effect, some in judged.items()}
            yield Measured("power", f"{n} seeds, {m} contrasts", Rate(0, 0), found, _parts(judged.values()))
    for m in (1, 5, 20):
        auto = [_auto_power(rng, studies // 2, m=m, effect=effect) for effect in EFFECTS]
        used = " / ".join(f"{n:.1f}" for _, n in auto)
        found = dict(zip(EFFECTS, (rate for rate, _ in auto), strict=True))
        yield Measured("power", f"auto, {m} contrasts", Rate(0, 0), found, f"seeds used {used}")


def _parts(judged: Iterable[Sequence[Judgement]]) -> str:
    """What each part of the rule would call: "max-T 40/78/97, interval 38/75/96, Holm 36/74/96"."""
    parts: dict[str, Callable[[Judgement], bool]] = {
        "max-T": lambda one: one.p_adjusted <= LEVEL,
        "interval": lambda one: one.simultaneous.low > 0,
        "Holm": lambda one: one.p_holm <= LEVEL,
    }
    some = list(judged)
    shares = {name: [f"{100 * Rate.of(map(part, one)).share:.0f}" for one in some] for name, part in parts.items()}
    return "alone: " + ", ".join(f"{name} {'/'.join(found)}" for name, found in shares.items())


def heteroscedastic(studies: int, *, seed: int) -> Iterator[Measured]:
    """Variants whose noise has 1/4 to 5 times the reference's SD, which all of them share."""
    kinds = [(name, spread) for name in ("normal", "mildly skewed", "skewed") for spread in ("mixed", "all 5 ×")]
    for number, (name, spread) in enumerate(kinds):
        rng = np.random.default_rng((seed, 20 + number))
        yield from _by_seeds("heteroscedastic", f"{name}, {spread}", unequal_noise(name, spread), rng, studies)


def seed_by_variant(studies: int, *, seed: int) -> Iterator[Measured]:
    """What a variant does depends on the seed, by 0.5 to 3 SD of the noise; some seeds are noisier; 0 on average."""
    rng = np.random.default_rng((seed, 30))
    yield from _by_seeds("seed × variant", "normal", _interacting, rng, studies)


def fresh(studies: int, *, seed: int) -> Iterator[Measured]:
    """Preregister again after a look, with more seeds and with the contrasts that looked best; claims of any look."""
    rng = np.random.default_rng((seed, 40))
    note = "levels by level_of" if LEVEL_OF else "no level_of: 5 % at each look"
    for n_looks, m, is_chosen in ((4, 2, False), (4, 5, True), (8, 5, False), (8, 5, True)):
        case = f"{n_looks} looks, {m} contrasts{', the best kept' if is_chosen else ''}"
        hits = [_looked(rng, n_looks=n_looks, m=m, is_chosen=is_chosen, effect=0.0) for _ in range(studies)]
        found = {
            effect: Rate.of(
                _looked(rng, n_looks=n_looks, m=m, is_chosen=is_chosen, effect=effect) for _ in range(studies // 5)
            )
            for effect in EFFECTS
        }
        yield Measured("peeking", case, Rate.of(hits), found, note)


def _looked(rng: Rng, *, n_looks: int, m: int, is_chosen: bool, effect: float) -> bool:
    """Whether any look claims an effect: of any contrast if none is planted, otherwise of the planted one."""
    d = equal_noise("normal")(rng, 6 + 2 * (n_looks - 1), m)
    d[:, 0] += effect * math.sqrt(2.0)
    kept = np.arange(m)
    for look in range(n_looks):
        level = LEVEL_OF(look) if LEVEL_OF else LEVEL
        found = statistics.judge(d[: 6 + 2 * look, kept], margin=0.0, seed=0, alpha=level)
        apart = [int(at) for at, one in zip(kept, found, strict=True) if one.verdict in APART]
        if 0 in apart if effect else apart:
            return True
        if is_chosen and len(kept) > 1:
            kept = kept[np.argsort([one.p for one in found])[: max(1, len(kept) // 2)]]
    return False


def _by_seeds(scenario: str, name: str, draw: Draw, rng: Rng, studies: int) -> Iterator[Measured]:
    for low, high in GROUPS:
        hits = [_is_apart(rng, draw, n=int(rng.integers(low, high + 1))) for _ in range(studies)]
        middle = (low + high) // 2
        found = {effect: _planted(rng, studies // 10, draw, n=middle, m=3, effect=effect) for effect in EFFECTS}
        yield Measured(scenario, f"{name}, {_seeds(low, high)}", Rate.of(hits), found)


def _is_apart(rng: Rng, draw: Draw, *, n: int) -> bool:
    d = draw(rng, n, int(rng.integers(1, 7)))
    return any(one.verdict in APART for one in statistics.judge(d, margin=0.0, seed=0))


def _planted(rng: Rng, studies: int, draw: Draw, *, n: int, m: int, effect: float) -> Rate:
    """The share that is called helps."""
    return Rate.of(one.verdict == "helps" for one in _judged(rng, studies, draw, n=n, m=m, effect=effect))


def _judged(rng: Rng, studies: int, draw: Draw, *, n: int, m: int, effect: float) -> list[Judgement]:
    """The judgements on the first contrast, with an effect planted, in SDs of its own differences."""
    found = []
    for _ in range(studies):
        d = draw(rng, 200, m)
        sd = d[:, 0].std()
        d = d[:n]
        d[:, 0] += effect * sd
        found.append(statistics.judge(d, margin=0.0, seed=0)[0])
    return found


def equal_noise(name: str) -> Draw:
    """Each of m variants less the one reference, all with the same noise."""
    return lambda rng, n, m: differences(rng, NOISES[name], n=n, m=m)


def unequal_noise(name: str, spread: str) -> Draw:
    """The same, with variants that are noisier than the reference or calmer."""

    def draw(rng: Rng, n: int, m: int) -> Floats:
        low, high = map(math.log, RATIOS)
        ratios = np.exp(rng.uniform(low, high, size=m)) if spread == "mixed" else np.full(m, RATIOS[1])
        scores = NOISES[name](rng, (n, m + 1))
        return np.asarray(ratios * scores[:, 1:] - scores[:, :1])

    return draw


def _interacting(rng: Rng, n: int, m: int) -> Floats:
    loud = np.exp(rng.normal(scale=0.5, size=(n, 1)))
    gains = rng.normal(size=(n, m)) + rng.normal(size=(n, 1))  # what variants do to a seed is partly the same
    return np.asarray(differences(rng, NOISES["normal"], n=n, m=m) * loud + rng.uniform(0.5, 3) * gains)


def fixed_study(rng: Rng, draw: Noise, *, shift: float) -> Study:
    """3 to 20 seeds, 1 to 20 contrasts."""
    n, m = int(rng.integers(3, 21)), int(rng.integers(1, 21))
    d = differences(rng, draw, n=n, m=m) + shift
    return Study(n, shift, statistics.judge(d, margin=MARGIN, seed=0))


def auto_study(rng: Rng, draw: Noise, *, shift: float) -> Study:
    """1 to 20 contrasts; after each look only those that are open get further seeds."""
    d = differences(rng, draw, n=LOOKS.seeds[-1], m=int(rng.integers(1, 21))) + shift
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


def differences(rng: Rng, draw: Noise, *, n: int, m: int) -> Floats:
    """Each of m variants less the one reference, shape (n, m)."""
    scores = draw(rng, (n, m + 1))
    return scores[:, 1:] - scores[:, :1]


def _auto_power(rng: Rng, studies: int, *, m: int, effect: float) -> tuple[Rate, float]:
    """Share that is called helps, and the mean number of seeds it took."""
    found = []
    for _ in range(studies):
        d = differences(rng, NOISES["normal"], n=LOOKS.seeds[-1], m=m)
        d[:, 0] += effect * math.sqrt(2.0)
        found.append(judge_by_looks(d, margin=0.0)[0])
    n_used = sum(one.interval.n for one in found) / max(len(found), 1)
    return Rate.of(one.verdict == "helps" for one in found), n_used


def _seeds(low: int, high: int) -> str:
    return f"{low} seeds" if low == high else f"{low}–{high} seeds"


def _within(studies: Sequence[Study], low: int, high: int) -> list[Study]:
    return [study for study in studies if low <= study.n <= high]
