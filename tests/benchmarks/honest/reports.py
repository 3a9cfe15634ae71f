"""Whole reports on pure noise: whatever is claimed in any section of the page."""

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from honest.folders import Report, Rng, Rows, Writer, imported, own, report_on, run, verdicts_on
from honest.judged import APART
from honest.rates import EFFECTS, Measured, Rate
from report_claims import Claim

Planted: TypeAlias = Callable[[Rng, float], Writer]  # (rng, effect in SDs of a paired difference) -> a folder
NOISE, LUCK = 0.004, 0.003  # SD of a run, and of what the runs of a seed share, as fractions
GAIN = NOISE * 2**0.5  # SD of a paired difference
LEVELS = {"norm": ("none", "batch"), "act": ("relu", "tanh"), "opt": ("sgd", "adam")}
SPACE = {"norm": ("none", "batch", "layer"), "act": ("relu", "tanh"), "opt": ("sgd", "adam", "rmsprop")}
FIRST = "batch"  # the level that gets the planted effect
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of table or study, and how its reports name the planted level."""

    name: str
    make: Planted
    is_quick: bool = True  # whether the planted effect is a verdict of the effects table; otherwise the page is read


def _scored(rng: Rng, configurations: Sequence[dict[str, object]], *, n: int, effect: float) -> Rows:
    """Each configuration under each of n seeds: fractions, the luck of a seed shared."""
    luck = rng.normal(scale=LUCK, size=n)
    return [
        levels | {"seed": seed, "val_accuracy": round(float(
            0.9 + luck[seed] + NOISE * rng.normal() + effect * GAIN * (levels.get("norm") == FIRST)), 5)}
        for levels in configurations
        for seed in range(n)
    ]  # fmt: skip


def _crossed(levels: dict[str, tuple[str, ...]]) -> list[dict[str, object]]:
    return [dict(zip(levels, cell, strict=True)) for cell in itertools.product(*levels.values())]


def _one_factor() -> list[dict[str, object]]:
    """The reference and its five neighbours."""
    reference: dict[str, object] = {name: levels[0] for name, levels in SPACE.items()}
    return [reference, *(reference | {name: level} for name, levels in SPACE.items() for level in levels[1:])]


def _seeds(rng: Rng) -> int:
    return int(rng.integers(6, 11))


def _table(rng: Rng, effect: float) -> Writer:
    return imported(_scored(rng, _one_factor(), n=_seeds(rng), effect=effect), reference="norm=none,act=relu,opt=sgd")


def _cubes(rng: Rng, effect: float) -> Writer:
    return imported(_scored(rng, _crossed(LEVELS), n=_seeds(rng), effect=effect))


def _three_by_two(rng: Rng, effect: float) -> Writer:
    levels = {"norm": SPACE["norm"], "act": SPACE["act"]}
    return imported(_scored(rng, _crossed(levels), n=_seeds(rng), effect=effect), reference="norm=none,act=relu")


def _one_run_a_cell(rng: Rng, effect: float) -> Writer:
    rows = _scored(rng, _crossed(LEVELS), n=1, effect=effect)
    return imported([{name: cell for name, cell in row.items() if name != "seed"} for row in rows])


def _search(rng: Rng, effect: float) -> Writer:
    """60 random trials, each with a seed of its own."""
    rows = []
    for trial in range(60):
        levels = {name: str(rng.choice(some)) for name, some in SPACE.items()}
        numbers = {"dropout": round(rng.uniform(0, 0.5), 3), "lr": float(f"{10 ** rng.uniform(-4, -1):.3g}")}
        score = 0.9 + NOISE * rng.normal() + effect * GAIN * (levels["norm"] == FIRST)
        rows.append({**levels, **numbers, "trial_id": f"t{trial}", "val_accuracy": round(float(score), 5)})
    return imported(rows)


def _own_reference() -> dict[str, object]:
    return {name: levels[0] for name, levels in SPACE.items()} | {"learning_rate_setting": "find"}


def _ablation(rng: Rng, *, n: int, effect: float, modes: Sequence[str] = ("find",)) -> Rows:
    """Rows of a one-factor ablation; the reference is shared by the modes, what is planted is in all of them."""
    luck = rng.normal(scale=LUCK, size=n)
    reference = _own_reference()

    def score(seed: int, gain: float) -> float:
        return round(float(0.9 + luck[seed] + NOISE * rng.normal() + gain * GAIN), 4)

    rows = [run("ablation", "reference", seed, score(seed, 0), reference, design="one-factor") for seed in range(n)]
    for mode, (name, levels) in itertools.product(modes, SPACE.items()):
        for level in levels[1:]:
            labels = {"factor": name, "level": level, "against": "reference", "mode": mode, "design": "one-factor"}
            rows += [
                run("ablation", f"{name}={level}", seed, score(seed, effect * (level == FIRST)),
                    reference | {name: level}, **labels)
                for seed in range(n)
            ]  # fmt: skip
    return rows


def _factorial(rng: Rng, *, n: int, effect: float) -> Rows:
    luck = rng.normal(scale=LUCK, size=n)
    reference = _own_reference()
    return [
        run("ablation", ", ".join(f"{name}={level}" for name, level in levels.items()), seed,
            round(float(0.9 + luck[seed] + NOISE * rng.normal() + effect * GAIN * (levels["norm"] == FIRST)), 4),
            reference | levels, mode="find", design="factorial")
        for levels in _crossed(LEVELS)
        for seed in range(n)
    ]  # fmt: skip


def _searched(rng: Rng) -> Rows:
    return [
        run("search", "", 1000, round(float(0.9 + 1.4 * NOISE * rng.normal()), 4),
            {name: str(rng.choice(levels)) for name, levels in SPACE.items()} | {"learning_rate_setting": "find"},
            trial=f"search-{number:04}")
        for number in range(1, 31)
    ]  # fmt: skip


def _own_factorial(rng: Rng, effect: float) -> Writer:
    rows = _factorial(rng, n=_seeds(rng), effect=effect)
    return own(rows, reference=_own_reference(), modes=["find"], designs=["factorial"], factorial=list(LEVELS))


def _own_both(rng: Rng, effect: float) -> Writer:
    n = _seeds(rng)
    rows = _ablation(rng, n=n, effect=effect) + _factorial(rng, n=n, effect=effect)
    designs = ["one-factor", "factorial"]
    return own(rows, reference=_own_reference(), modes=["find"], designs=designs, factorial=list(LEVELS), seeds=n)


def _own_study(rng: Rng, effect: float) -> Writer:
    """A search, five variants in two modes, and the best configuration with three changes of it."""
    n = _seeds(rng)
    rows = _searched(rng) + _ablation(rng, n=n, effect=effect, modes=("find", "carry"))
    best = _own_reference() | {"norm": "batch", "act": "tanh", "opt": "adam"}
    labels: dict[str, object] = {"design": "one-factor"}
    luck = rng.normal(scale=LUCK, size=n)

    def score(seed: int) -> float:
        return round(float(0.9 + luck[seed] + NOISE * rng.normal() + effect * GAIN), 4)

    rows += [run("ablation", "best", seed, score(seed), best, against="reference", **labels) for seed in range(n)]
    for mode, (name, level) in itertools.product(
        ("find", "carry"), (("norm", "none"), ("act", "relu"), ("opt", "sgd"))
    ):
        changed = {"factor": name, "level": level, "against": "best", "mode": mode} | labels
        rows += [run("ablation", f"best: {name}={level}", seed, score(seed), best | {name: level}, **changed)
                 for seed in range(n)]  # fmt: skip
    return own(rows, reference=_own_reference(), modes=["find", "carry"], reference_kind="both", seeds=n)


KINDS = (
    Kind("table, one factor at a time", _table),
    Kind("table, 2³, one run a cell", _one_run_a_cell, is_quick=False),
    Kind("table, 2³ × 6–10 seeds", _cubes, is_quick=False),
    Kind("table, 3×2 × 6–10 seeds", _three_by_two),
    Kind("table, 60 random trials", _search, is_quick=False),
    Kind("own study, 2³ alone", _own_factorial, is_quick=False),
    Kind("own study, 2³ and one-factor", _own_both),
    Kind("own study, search, two modes, both ends", _own_study),
)


def reports(studies: int, *, seed: int) -> Iterator[Measured]:
    """Reports on tables and studies in which nothing differs: the share with any claim, and where they stand."""
    for number, kind in enumerate(KINDS):
        rng = np.random.default_rng((seed, 60 + number))
        said = [report_on(kind.make(rng, 0.0)) for _ in range(studies)]
        found = {effect: Rate.of(_finds(kind, rng, effect) for _ in range(max(studies // 4, 1))) for effect in EFFECTS}
        yield Measured("whole report", kind.name, Rate.of(bool(one.claims) for one in said), found, _where(said))
        ranked = Rate.of(any(claim.kind == "importance" for claim in one.asserted) for one in said)
        if any(one.section == "search" for report in said for one in report.page):
            yield Measured("whole report", f"{kind.name}: importances", ranked, note="exploratory or not")


def modes(studies: int, *, seed: int) -> Iterator[Measured]:
    """Two learning-rate modes with the same true effects, of 0 to 3 SD: any word of a change, exploratory or not."""
    rng = np.random.default_rng((seed, 80))
    said = [report_on(_two_modes(rng, 0.0)) for _ in range(studies)]
    found = {effect: Rate.of(_changes(report_on(_two_modes(rng, effect)), "norm") for _ in range(studies // 4))
             for effect in EFFECTS}  # fmt: skip
    yield Measured("modes", "equal truth, effects of 0–3 SD", Rate.of(_changes(one) for one in said), found,
                   "planted: one effect differs by so much")  # fmt: skip


def _two_modes(rng: Rng, effect: float) -> Writer:
    n = _seeds(rng)
    rows = _ablation(rng, n=n, effect=0.0, modes=("find", "carry"))
    gains = {f"{name}={level}": rng.uniform(0, 3) for name, levels in SPACE.items() for level in levels[1:]}
    for row in rows:
        gain = gains.get(row["variant"], 0.0) + effect * 2**0.5 * (row["mode"] == "find" and row["level"] == FIRST)
        for name in ("score", "val_accuracy", "test_accuracy"):
            row[name] = round(row[name] + gain * GAIN, 4)
    return own(rows, reference=_own_reference(), modes=["find", "carry"], seeds=n)


def _changes(said: Report, named: str = "") -> bool:
    return any(claim.kind == "mode" and named in claim.text for claim in said.asserted)


def _finds(kind: Kind, rng: Rng, effect: float) -> bool:
    """Whether an effect planted in one level is claimed."""
    write = kind.make(rng, effect)
    if kind.is_quick:
        return any(
            level in variant and said in APART for level in (FIRST,) for variant, said in verdicts_on(write).items()
        )
    return any(re.search(rf"\b(norm|{FIRST})\b", claim.text) for claim in report_on(write).claims)


def _where(said: Sequence[Report]) -> str:
    """Where claims stand, those in most reports first, "paths/path 100 %, search/importance 92 %"; and refusals."""
    parts = _shares([{_place(claim) for claim in one.claims} for one in said])
    hints = _shares([{_place(claim) for claim in one.asserted if claim.is_exploratory} for one in said])
    refused = sum(bool(one.refusal) for one in said)
    parts += [f"exploratory: {', '.join(hints)}"] * bool(hints)
    return "; ".join(parts + [f"{refused} of {len(said)} refused"] * bool(refused))


def _shares(places: Sequence[set[str]]) -> list[str]:
    counts = Counter(itertools.chain.from_iterable(places))
    return [f"{place} {100 * n / len(places):.0f} %" for place, n in counts.most_common(6)]


def _place(claim: Claim) -> str:
    return f"{claim.section}/{claim.kind}"
