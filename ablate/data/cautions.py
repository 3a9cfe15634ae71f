"""Find problems in data before training: test examples among the training set, differing scales, a dominant class."""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from ablate.data.array import Array
from ablate.data.copies import Copies, find_copies, neighbour_distance, overlapping_windows
from ablate.data.dataset import Dataset
from ablate.data.large import extremes, pieces
from ablate.data.outputs import class_of_each
from ablate.data.scales import Scales, compare_scales
from ablate.data.trees import ONLY, leaves, n_examples
from ablate.study.cautions import CautionKind, Observations
from ablate.study.task import Target
from ablate.text import number_of, printable

_FEW = 0.005  # a smaller share of copies moves a score by less than half a point
_HANDFUL = 3  # fewer copies are no pattern
_MOST_OVERLAPPING = 0.05  # share of the probed examples
_NEAR = 0.4  # ratio of the distance to the next example to that of a random example
_LARGE_CLASS = 0.9
_ACCURACY = ("accuracy", "acc", "sparse_categorical_accuracy", "categorical_accuracy", "binary_accuracy")
_MARGIN, _SIGMAS = 0.05, 4  # between the shares of copies in test and training set, if few inputs are possible
_TORN = "the random split puts {} into training and validation, so validation scores are too high"
_MAY_TEAR = "where {} are on both sides of the split, validation scores are too high"  # if it is not random
Said: TypeAlias = tuple[list[str], str]  # cautions, and the remark shown if there are none


def data_cautions(data: Dataset, *, metric: str | None = None, is_random: bool = True) -> Observations:
    """The cautions of a data set; undecidable kinds are left out. Linear in the data: 0.3 s for CIFAR-10.

    A large class matters to studies whose `metric` (None: by the targets) is an accuracy; others have chosen already.
    `is_random` is false if something else than chance decides which examples are for validation.
    A pretraining task is not examined: its classes differ, so none of its examples is tested.
    """
    copies = find_copies(data)
    scales = {leaf: compare_scales(train, leaves(data.x_test)[leaf]) for leaf, train in leaves(data.x_train).items()}
    compared = {leaf: found for leaf, found in scales.items() if found is not None}
    contamination, few_tested = _contamination(copies, data)
    torn = _TORN if is_random and data.group_of is None and data.time_of is None else _MAY_TEAR
    groups, few_repeated = _groups(copies, data, torn=torn)
    is_of_classes = any(target.kind in ("classes", "one-hot") for target in data.targets.values())
    by_accuracy = metric is None or metric.lower() in _ACCURACY
    cautions: dict[CautionKind, list[str]] = {
        "contamination": contamination,
        **({"test_scaling": _test_scalings(compared, data)} if compared else {}),
        **({"imbalance": _imbalance(data)} if is_of_classes and by_accuracy else {}),
        "groups": [*data.groups, *groups],
    }
    remarks: dict[CautionKind, str] = {"contamination": few_tested, "groups": few_repeated}
    return Observations(cautions, {kind: said for kind, said in remarks.items() if said and not cautions[kind]})


def contamination(data: Dataset) -> list[str]:
    """What to say of test examples that equal training examples; [] if there is nothing to fear."""
    return _contamination(find_copies(data), data)[0]


def _contamination(copies: Copies, data: Dataset) -> Said:
    n, blank, n_test = copies.tested, copies.blank_tested, n_examples(data.x_test)
    equal = f"{_of(n, n_test, 'test example')} equal a training example{_apart(blank)}"
    if not n:
        return [], _all_blank(blank, n_test, part="test", equal="equal a training example")
    n_train = n_examples(data.x_train)
    share, of_training = (n + blank) / n_test, (copies.trained + copies.blank_trained) / n_train
    every = f"{_of(n + blank, n_test, 'test example')} equal a training example"
    luck = _SIGMAS * 0.5 * np.sqrt(1 / n_test + 1 / n_train)
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


def _groups(copies: Copies, data: Dataset, *, torn: str) -> Said:
    n, blank, n_train = copies.trained, copies.blank_trained, n_examples(data.x_train)
    if all(_is_repeated(array) for array in leaves(data.x_train).values()):
        return [f"All {n_train:,} training examples have the same inputs, so nothing can be learned from them"], ""
    equal = f"{_of(n, n_train, 'training example')} are duplicates{_apart(blank)}"
    if n >= _HANDFUL and n / n_train >= _FEW and not copies.is_chance:
        other = (
            f"; {copies.contradictory:,} of them have a duplicate with another label" if copies.contradictory else ""
        )
        return [f"{equal} ({copies.distinct:,} different inputs){other}: {torn.format('copies')}"], ""
    if seen := _from_a_series(data, torn=torn):
        return seen, ""
    if n and copies.is_chance:
        every = _of(n + blank, n_train, "training example")
        return [], f"{every} are duplicates: there are few possible inputs."
    if n:
        return [], f"{equal}: too few to matter."
    return [], _all_blank(blank, n_train, part="training", equal="are duplicates")


def _is_repeated(x: Array) -> bool:
    """Whether all examples are equal."""
    return np.array_equal(x[0], x[-1]) and all(bool((piece == x[:1]).all()) for piece in pieces(x))


def _apart(blank: int) -> str:
    return f", {number_of(blank, 'blank one')} not counted" if blank else ""


def _all_blank(n: int, total: int, *, part: str, equal: str) -> str:
    """A remark if only constant examples are equal, "" otherwise."""
    return f"{_of(n, total, f'{part} example')} {equal}, all of them blank." if n else ""


def _from_a_series(data: Dataset, *, torn: str) -> list[str]:
    if data.group_of is not None or data.time_of is not None:
        return []  # the split is not random
    for leaf, train in leaves(data.x_train).items():
        if said := _windows(train, leaves(data.x_test)[leaf], torn=torn):
            return said
    distance = neighbour_distance(data)
    if distance is not None and distance < _NEAR:
        times = f"{1 / max(distance, 1e-3):.1f} times"
        of = "examples of the same class" if class_of_each(data.targets, data.y_train) is not None else "examples"
        near = f"Successive training examples are {times} closer than random {of}"
        return [f"{near}, like frames of one recording: {torn.format('such neighbours')}"]
    return []


def _windows(train: Array, test: Array, *, torn: str) -> list[str]:
    within = overlapping_windows(train, train)
    if within.shifted > _MOST_OVERLAPPING * within.probed:
        across = overlapping_windows(test, train)
        tested = f", and so do {across.shifted:,} of {across.probed:,} test examples" if across.shifted else ""
        found = f"{within.shifted:,} of {within.probed:,} training examples looked at{tested}"
        overlap = (
            f"{found} overlap with another training example (shifted by some steps), like windows cut from one series"
        )
        return [f"{overlap}: {torn.format('such windows')}"]
    return []


def _test_scalings(scales: Mapping[str, Scales], data: Dataset) -> list[str]:
    return [
        sentence if leaf == ONLY else f'Input "{printable(leaf, 40)}": {sentence}'
        for leaf, found in scales.items()
        for sentence in _test_scaling(found, leaves(data.x_train)[leaf], leaves(data.x_test)[leaf], data)
    ]


def _test_scaling(scales: Scales, train: Array, test: Array, data: Dataset) -> list[str]:
    if not scales.features:
        return []
    if scales.differ:
        ranges = f"training inputs span {_range(train)}, test inputs {_range(test)}"
        return [f"Training and test inputs have different scales: {ranges}"]
    noun = "feature" if train.ndim < 3 else "channel"
    train, test = (x if x.ndim > 1 else x[:, np.newaxis] for x in (train, test))
    k, n, looked_at = scales.features[0], train.shape[-1], scales.looked_at
    ranges = f"{_range(train[..., k])} in training and {_range(test[..., k])} in testing"
    those = number_of(looked_at, noun) + (" looked at" if looked_at < n else "")
    which = f"{len(scales.features):,} of {those} {'has' if len(scales.features) == 1 else 'have'}"
    return [f"{which} another scale in the test set: {_feature(noun, k, data)} spans {ranges}"]


def _feature(noun: str, k: int, data: Dataset) -> str:
    return f'"{printable(data.columns[k].name, 40)}"' if data.columns else f"{noun} {k} (counting from 0)"


def _imbalance(data: Dataset) -> list[str]:
    said = []
    for leaf, target in data.targets.items():
        if target.kind in ("classes", "one-hot"):
            counts = {
                part: _class_counts(leaves(y)[leaf], target)
                for part, y in (("training", data.y_train), ("test", data.y_test))
            }
            of = "" if leaf == ONLY else f'Output "{printable(leaf, 40)}": '
            said += [of + sentence for sentence in _large_classes(counts, target)]
    return said


def _class_counts(y: Array, target: Target) -> Array:
    counts = np.zeros(target.n_classes, np.int64)
    for piece in pieces(y):
        labels = piece if target.kind == "classes" else piece.argmax(axis=-1)
        counts += np.bincount(labels.reshape(-1), minlength=target.n_classes)
    return counts


def _large_classes(counts: Mapping[str, Array], target: Target) -> list[str]:
    what = "places" if target.is_dense else "examples"
    large: dict[int, list[str]] = {}
    for part, of in counts.items():
        k = int(of.argmax())
        if of[k] > _LARGE_CLASS * of.sum():
            large.setdefault(k, []).append(f"{_percent(of[k] / of.sum())} of the {part} {what}")
    tested = counts["test"]
    scores = {k: _percent(tested[k] / tested.sum()) for k in large}
    return [
        f"Class {k} makes up {' and '.join(shares)}: always guessing it scores {scores[k]} on the test set; "
        f"{_metric_for(k, target)}"
        for k, shares in large.items()
    ]


def _metric_for(large_class: int, target: Target) -> str:
    """The metric that does not reward guessing a large class."""
    if target.is_dense:
        return '[metric] name = "mean_iou" gives every class the same weight'
    if target.n_classes > 2:
        return '[metric] name = "balanced_accuracy" or "f1" gives every class the same weight'
    if large_class == 1:
        return '[metric] name = "balanced_accuracy" gives both classes the same weight'
    return '[metric] name = "pr_auc" judges how well class 1 is found'


def _of(n: int, total: int, noun: str) -> str:
    return f"{n:,} of {number_of(total, noun)} ({_percent(n / total)})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _range(x: Array) -> str:
    known = x[~np.isnan(x)] if x.dtype.kind == "f" and np.isnan(extremes(x)).any() else x
    return f"{known.min():.4g} … {known.max():.4g} (mean {known.mean(dtype=np.float64):.4g})"
