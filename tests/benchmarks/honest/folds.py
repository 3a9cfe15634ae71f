"""Cross-validation: two or three equal algorithms on real overlapping folds, read as another tool's table.

The algorithms are ridge regressions onto the class, each with features of its own. All features are drawn alike given
the class, so every algorithm has the same expected error for every size of the training set; what differs is luck of
the sample, which all folds share.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np
from honest.folders import Rng, Rows, imported, verdicts_on
from honest.judged import APART
from honest.rates import EFFECTS, Measured, Rate
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
N, FEATURES, RIDGE = 200, 10, 1.0
KINDS = ((10, 1), (5, 3), (10, 10))  # folds, repeats


def folds(studies: int, *, seed: int) -> Iterator[Measured]:
    """Ten folds, three times five, ten times ten, and repeats within seeds: verdicts on algorithms that are equal."""
    for number, (n_folds, repeats) in enumerate(KINDS):
        case = f"{n_folds} folds" + (f" × {repeats} repeats" if repeats > 1 else "")
        draw = partial(cross_validated, n_folds=n_folds, repeats=repeats)
        yield _measured(case, draw, studies, rng=np.random.default_rng((seed, 50 + number)))
    yield _measured("5 repeats within 6–8 seeds", repeated, studies, rng=np.random.default_rng((seed, 59)))


def _measured(case: str, draw: Callable[..., Rows], studies: int, *, rng: Rng) -> Measured:
    found = [_verdicts(draw(rng, effect=0.0)) for _ in range(studies)]
    power = {
        effect: Rate.of(_verdicts(draw(rng, effect=effect)).get("model=b") == "helps" for _ in range(studies // 5))
        for effect in EFFECTS
    }
    refused = sum(not one for one in found)
    note = f"{refused} of {studies} refused" if refused else ""
    return Measured("folds", case, Rate.of(any(v in APART for v in one.values()) for one in found), power, note)


def _verdicts(rows: Rows) -> dict[str, str]:
    return verdicts_on(imported(rows, reference="model=a"))


def repeated(rng: Rng, *, effect: float) -> Rows:
    """Five runs a seed and algorithm: what an algorithm does depends on the seed, far more than on the run."""
    n, names = int(rng.integers(6, 9)), ("a", "b", "c")
    gains = rng.normal(size=(3, n))
    gains[1] += effect * 2**0.5
    return [
        {"model": name, "seed": seed, "repeat": repeat, "accuracy": round(80 + gains[at, seed] + 0.3 * rng.normal(), 4)}
        for at, name in enumerate(names)
        for seed in range(n)
        for repeat in range(5)
    ]


def cross_validated(rng: Rng, *, n_folds: int, repeats: int, effect: float) -> Rows:
    """A row an algorithm and fold; the effect, in SDs of the differences between folds, is added to "b"."""
    names = ("a", "b", "c")[: int(rng.integers(2, 4))]
    labels = rng.integers(0, 2, size=N) * 2.0 - 1
    x = rng.normal(size=(len(names), N, FEATURES)) + 0.3 * labels[:, None]
    scores = np.array([[_accuracies(x[at], labels, parts) for at in range(len(names))]
                       for parts in (np.array_split(rng.permutation(N), n_folds) for _ in range(repeats))])  # fmt: skip
    scores[:, 1] += effect * (scores[:, 1] - scores[:, 0]).std(ddof=1)
    return [
        {"model": name, "fold": fold, "accuracy": round(100 * scores[repeat, at, fold], 4)}
        | ({"repeat": repeat} if repeats > 1 else {})
        for repeat in range(repeats)
        for at, name in enumerate(names)
        for fold in range(n_folds)
    ]  # fmt: skip


def _accuracies(x: Floats, labels: Floats, parts: Sequence[NDArray[np.int64]]) -> list[float]:
    found = []
    for test in parts:
        is_train = np.ones(len(labels), dtype=bool)
        is_train[test] = False
        inside = x[is_train]
        weights = np.linalg.solve(inside.T @ inside + RIDGE * np.eye(FEATURES), inside.T @ labels[is_train])
        found.append(float(np.mean(np.sign(x[test] @ weights) == labels[test])))
    return found
