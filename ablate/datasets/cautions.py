"""Find what data show before anything trains: test examples among the training ones, two scales, one large class."""

import numpy as np

from ablate.cautions import Kind, Observations
from ablate.datasets.array import Array
from ablate.datasets.copies import Copies, find_copies
from ablate.datasets.dataset import Dataset
from ablate.datasets.scales import Scales, compare_scales
from ablate.datasets.series import neighbour_distance, overlapping_windows
from ablate.plural import number_of

_FEW = 0.005  # copies move a score by their share at most: half a point
_HANDFUL = 3  # fewer copies are no pattern
_MOST_OVERLAPPING = 0.05  # of the examples probed
_NEAR = 0.4  # distance to the next example over that to a random one
_LARGE_CLASS = 0.9
_MARGIN, _SIGMAS = 0.05, 4  # between the shares of copies in test and training set where few inputs are possible


def data_cautions(data: Dataset) -> Observations:
    """What a data set shows; a kind is left out where it cannot be told. Linear in the data: CIFAR-10 takes 0.4 s.

    A pretraining task is not looked at: its classes are others, so none of its examples is tested.
    """
    copies, scales = find_copies(data), compare_scales(data)
    contamination, tested = _contamination(copies, data)
    groups, repeated = _groups(copies, data)
    cautions: dict[Kind, list[str]] = {
        "contamination": contamination,
        **({} if scales is None else {"test_scaling": _test_scaling(scales, data)}),
        "imbalance": _imbalance(data),
        "groups": [*data.groups, *groups],
    }
    remarks: dict[Kind, str] = {"contamination": tested, "groups": repeated}
    return Observations(cautions, {kind: said for kind, said in remarks.items() if said and not cautions[kind]})


def _contamination(copies: Copies, data: Dataset) -> tuple[list[str], str]:
    """Cautions, and a remark in their place."""
    n, n_test = copies.tested, len(data.y_test)
    if not n:
        return [], ""
    share, of_training = n / n_test, copies.trained / len(data.y_train)
    equal = f"{n:,} of {number_of(n_test, 'test example')} ({share:.1%}) equal a training example"
    if copies.is_chance:
        if share <= of_training + _MARGIN + _SIGMAS * 0.5 / np.sqrt(n_test):
            return [], f"{equal}, as many as among the training examples: few different inputs are possible."
        rarely = f"only {of_training:.1%} of the training examples equal another one"
        return [f"{equal}, but {rarely}: the test set looks copied from the training set"], ""
    if share < _FEW or n < _HANDFUL:
        return [], f"{equal}: too few to matter."
    said = [f"{equal}: a network that memorizes them scores better than it generalizes"]
    if copies.relabelled:
        said.append(
            f"{copies.relabelled:,} of these {n:,} test examples have a label that no equal training example has"
        )
    return said, ""


def _groups(copies: Copies, data: Dataset) -> tuple[list[str], str]:
    """Cautions on copies, windows and frames, and a remark in their place."""
    n, n_train = copies.trained, len(data.y_train)
    equal = f"{n:,} of {number_of(n_train, 'training example')} ({n / n_train:.1%}) equal another training example"
    if n and not copies.is_chance and n / n_train >= _FEW and n >= _HANDFUL:
        other = f"; {copies.contradictory:,} of them equal one with another label" if copies.contradictory else ""
        return [f"{equal} ({copies.distinct:,} different inputs){other}: {_TORN.format('copies')}"], ""
    if seen := _from_a_series(data):
        return seen, ""
    few = "few different inputs are possible" if copies.is_chance else "too few to matter"
    return [], f"{equal}: {few}." if n else ""


_TORN = "the random split puts {} into training and validation, so validation scores are too high"


def _from_a_series(data: Dataset) -> list[str]:
    within = overlapping_windows(data.x_train, data.x_train)
    if within.shifted > _MOST_OVERLAPPING * within.probed:
        across = overlapping_windows(data.x_test, data.x_train)
        tested = f"; so do {across.shifted:,} of {across.probed:,} test examples looked at" if across.shifted else ""
        found = f"{within.shifted:,} of {within.probed:,} training examples looked at overlap with another one"
        return [f"{found}, shifted by some steps, as windows of one series do{tested}: {_TORN.format('such windows')}"]
    distance = neighbour_distance(data)
    if distance is not None and distance < _NEAR:
        near = f"training examples that follow each other are {1 / max(distance, 1e-3):.0f} times nearer than random"
        return [f"{near} ones of their class, as frames of one recording are: {_TORN.format('such neighbours')}"]
    return []


def _test_scaling(scales: Scales, data: Dataset) -> list[str]:
    if not scales.features:
        return []
    if scales.differ:
        ranges = f"training inputs lie in {_range(data.x_train)}, test inputs in {_range(data.x_test)}"
        return [f"training and test inputs have different scales: {ranges}"]
    noun = "feature" if data.x_train.ndim == 2 else "channel"
    k, n = scales.features[0], data.x_train.shape[-1]
    ranges = f"{_range(data.x_train[..., k])} for training and in {_range(data.x_test[..., k])} for testing"
    which = f"{len(scales.features):,} of {number_of(n, noun)} {'has' if len(scales.features) == 1 else 'have'}"
    return [f"{which} another scale in the test set: {noun} {k} (from 0) lies in {ranges}"]


def _range(x: Array) -> str:
    return f"{x.min():.4g} … {x.max():.4g} (mean {x.mean(dtype=np.float64):.3g})"


def _imbalance(data: Dataset) -> list[str]:
    said = []
    for part, labels in (("training", data.y_train), ("test", data.y_test)):
        counts = np.bincount(labels)
        largest = int(counts.argmax())
        share = counts[largest] / len(labels)
        if share > _LARGE_CLASS:
            those = f"class {largest} makes up {share:.1%} of the {part} examples"
            scored = np.count_nonzero(data.y_test == largest) / len(data.y_test)
            said.append(f"{those}: always guessing it scores {scored:.1%} on the test set")
    return said
