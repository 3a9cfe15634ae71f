"""Find problems in data before training: test examples among the training set, differing scales, a dominant class."""

from typing import TypeAlias

import numpy as np

from ablate.data.array import Array
from ablate.data.copies import Copies, find_copies, neighbour_distance, overlapping_windows
from ablate.data.dataset import Dataset
from ablate.data.scales import Scales, compare_scales
from ablate.study.cautions import CautionKind, Observations
from ablate.text import number_of

_FEW = 0.005  # a smaller share of copies moves a score by less than half a point
_HANDFUL = 3  # fewer copies are no pattern
_MOST_OVERLAPPING = 0.05  # share of the probed examples
_NEAR = 0.4  # ratio of the distance to the next example to that of a random example
_LARGE_CLASS = 0.9
_MARGIN, _SIGMAS = 0.05, 4  # between the shares of copies in test and training set, if few inputs are possible
_TORN = "the random split puts {} into training and validation, so validation scores are too high"
Said: TypeAlias = tuple[list[str], str]  # cautions, and the remark shown if there are none


def data_cautions(data: Dataset) -> Observations:
    """The cautions of a data set; undecidable kinds are left out. Linear in the data: 0.3 s for CIFAR-10.

    A pretraining task is not examined: its classes differ, so none of its examples is tested.
    """
    copies, scales = find_copies(data), compare_scales(data)
    contamination, few_tested = _contamination(copies, data)
    groups, few_repeated = _groups(copies, data)
    cautions: dict[CautionKind, list[str]] = {
        "contamination": contamination,
        **({} if scales is None else {"test_scaling": _test_scaling(scales, data)}),
        "imbalance": _imbalance(data),
        "groups": [*data.groups, *groups],
    }
    remarks: dict[CautionKind, str] = {"contamination": few_tested, "groups": few_repeated}
    return Observations(cautions, {kind: said for kind, said in remarks.items() if said and not cautions[kind]})


def _contamination(copies: Copies, data: Dataset) -> Said:
    n, blank, n_test = copies.tested, copies.blank_tested, len(data.y_test)
    equal = f"{_of(n, n_test, 'test example')} equal a training example{_apart(blank)}"
    if not n:
        return [], _all_blank(blank, n_test, part="test", equal="equal a training example")
    share, of_training = (n + blank) / n_test, (copies.trained + copies.blank_trained) / len(data.y_train)
    every = f"{_of(n + blank, n_test, 'test example')} equal a training example"
    luck = _SIGMAS * 0.5 * np.sqrt(1 / n_test + 1 / len(data.y_train))
    if copies.is_chance and share <= of_training + _MARGIN + luck:
        return [], f"{every}, and training examples also equal each other: there are few possible inputs."
    if n / n_test < _FEW or n < _HANDFUL:
        return [], f"{equal}: too few to matter."
    if copies.is_chance:
        rarely = f"only {_percent(of_training)} of the training examples are duplicates"
        return [f"{every}, but {rarely}: the test set looks copied from the training set"], ""
    said = [f"{equal}: a network that memorizes them scores better than it generalizes"]
    if copies.relabelled:
        those = f"{copies.relabelled:,} of these {n:,} test examples"
        said.append(f"{those} have a different label from the training examples they equal")
    return said, ""


def _groups(copies: Copies, data: Dataset) -> Said:
    n, blank, n_train = copies.trained, copies.blank_trained, len(data.y_train)
    if np.array_equal(data.x_train[0], data.x_train[-1]) and (data.x_train[:1] == data.x_train[1:]).all():
        return [f"All {n_train:,} training examples have the same inputs, so nothing can be learned from them"], ""
    equal = f"{_of(n, n_train, 'training example')} are duplicates{_apart(blank)}"
    if n >= _HANDFUL and n / n_train >= _FEW and not copies.is_chance:
        other = (
            f"; {copies.contradictory:,} of them have a duplicate with another label" if copies.contradictory else ""
        )
        return [f"{equal} ({copies.distinct:,} different inputs){other}: {_TORN.format('copies')}"], ""
    if seen := _from_a_series(data):
        return seen, ""
    if n and copies.is_chance:
        every = _of(n + blank, n_train, "training example")
        return [], f"{every} are duplicates: there are few possible inputs."
    if n:
        return [], f"{equal}: too few to matter."
    return [], _all_blank(blank, n_train, part="training", equal="are duplicates")


def _apart(blank: int) -> str:
    return f", {number_of(blank, 'blank one')} not counted" if blank else ""


def _all_blank(n: int, total: int, *, part: str, equal: str) -> str:
    """A remark if only constant examples are equal, "" otherwise."""
    return f"{_of(n, total, f'{part} example')} {equal}, all of them blank." if n else ""


def _from_a_series(data: Dataset) -> list[str]:
    within = overlapping_windows(data.x_train, data.x_train)
    if within.shifted > _MOST_OVERLAPPING * within.probed:
        across = overlapping_windows(data.x_test, data.x_train)
        tested = f", and so do {across.shifted:,} of {across.probed:,} test examples" if across.shifted else ""
        found = f"{within.shifted:,} of {within.probed:,} training examples looked at{tested}"
        overlap = (
            f"{found} overlap with another training example (shifted by some steps), like windows cut from one series"
        )
        return [f"{overlap}: {_TORN.format('such windows')}"]
    distance = neighbour_distance(data)
    if distance is not None and distance < _NEAR:
        times = f"{1 / max(distance, 1e-3):.1f} times"
        near = f"Successive training examples are {times} closer than random examples of the same class"
        return [f"{near}, like frames of one recording: {_TORN.format('such neighbours')}"]
    return []


def _test_scaling(scales: Scales, data: Dataset) -> list[str]:
    if not scales.features:
        return []
    if scales.differ:
        ranges = f"training inputs span {_range(data.x_train)}, test inputs {_range(data.x_test)}"
        return [f"Training and test inputs have different scales: {ranges}"]
    noun = "feature" if data.x_train.ndim == 2 else "channel"
    k, n, looked_at = scales.features[0], data.x_train.shape[-1], scales.looked_at
    ranges = f"{_range(data.x_train[..., k])} in training and {_range(data.x_test[..., k])} in testing"
    those = number_of(looked_at, noun) + (" looked at" if looked_at < n else "")
    which = f"{len(scales.features):,} of {those} {'has' if len(scales.features) == 1 else 'have'}"
    return [f"{which} another scale in the test set: {noun} {k} (counting from 0) spans {ranges}"]


def _imbalance(data: Dataset) -> list[str]:
    parts = {"training": data.y_train, "test": data.y_test}
    large: dict[int, list[str]] = {}
    for part, labels in parts.items():
        counts = np.bincount(labels)
        k = int(counts.argmax())
        if counts[k] > _LARGE_CLASS * len(labels):
            large.setdefault(k, []).append(f"{_percent(counts[k] / len(labels))} of the {part} examples")
    scores = {k: _percent(np.count_nonzero(data.y_test == k) / len(data.y_test)) for k in large}
    return [
        f"Class {k} makes up {' and '.join(shares)}: always guessing it scores {scores[k]} on the test set"
        for k, shares in large.items()
    ]


def _of(n: int, total: int, noun: str) -> str:
    return f"{n:,} of {number_of(total, noun)} ({_percent(n / total)})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _range(x: Array) -> str:
    return f"{x.min():.4g} … {x.max():.4g} (mean {x.mean(dtype=np.float64):.4g})"
