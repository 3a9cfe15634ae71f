"""Describe the probabilities of predicted classes: calibration, and precision by recall."""

from collections.abc import Sequence

import numpy as np

from ablate.analysis.statistics.classification import (
    PrecisionRecall,
    Reliability,
    precision_recall,
    reliability,
)
from ablate.analysis.statistics.paired import Floats
from ablate.report.inputs import Inputs
from ablate.report.numbers import count, number
from ablate.report.page import Block, Figure, Table, to_figure
from ablate.report.plots.predictions import Curve, draw_precision_recall, draw_reliability
from ablate.report.sides import Side, Spread, class_name
from ablate.storage.predictions import KeptPredictions
from ablate.text import number_of

RARE = 0.2  # largest share of a class of two that counts as rare
RECALLS = np.linspace(0, 1, 101)  # at which curves are averaged over the seeds
OF_RELIABILITY = (
    "Each mark is one of 15 equally wide bins of confidence, over all seeds; thin lines are seeds. Below the dotted "
    "diagonal a network is more confident than it is right. The calibration error is the mean distance from the "
    "diagonal, weighted by the examples of each bin."
)
OF_CURVES = (
    "Thick lines are means over the seeds at equal recall, thin lines are seeds; the dotted line is the precision of "
    "guessing. Average precision is the area under a curve, as steps."
)


def reliability_block(kept: KeptPredictions, sides: Sequence[Side]) -> Figure:
    """How often predictions are right at each confidence."""
    found = [_calibrated(kept, side) for side in sides]
    pooled = [_pooled(some) for some in found]
    curves = [
        Curve(side.name, _line(whole), [_line(one) for one in some])
        for side, whole, some in zip(sides, pooled, found, strict=True)
    ]
    errors = [Spread.of([one.error for one in some]) for some in found]
    said = " and ".join(
        f"{spread.text(1, scale=100)} points in {'the reference' if side is sides[0] else side.name}"
        for spread, side in zip(errors, sides, strict=True)
    )
    sentence = (
        f"Expected calibration error: {said} (means over {number_of(len(found[0]), 'seed')}). "
        f"{_direction(pooled, sides)}"
    )
    title, table = "Are the confidences right?", _bins_table(pooled, sides)
    return to_figure(draw_reliability(curves), "reliability", title, sentence, table, OF_RELIABILITY)


def _calibrated(kept: KeptPredictions, side: Side) -> list[Reliability]:
    known = [trial for trial in side.trials if trial in kept.confidence]
    return [reliability(kept.confidence[trial], kept.classes[trial] == kept.labels) for trial in known]


def _pooled(seeds: Sequence[Reliability]) -> Reliability:
    """All examples of all seeds together."""
    n = np.sum([one.n for one in seeds], axis=0)
    sums = [np.nansum([getattr(one, name) * one.n for one in seeds], axis=0) for name in ("confidence", "accuracy")]
    confidence, accuracy = (np.divide(one, n, out=np.full(len(n), np.nan), where=n > 0) for one in sums)
    return Reliability(confidence, accuracy, n, float(np.mean([one.error for one in seeds])))


def _line(found: Reliability) -> tuple[Floats, Floats]:
    there = found.n > 0
    return 100 * found.confidence[there], 100 * found.accuracy[there]


def _direction(pooled: Sequence[Reliability], sides: Sequence[Side]) -> str:
    """Which side is over- or underconfident on the whole."""
    said = []
    for found, side in zip(pooled, sides, strict=True):
        there = found.n > 0
        gap = float(np.average((found.confidence - found.accuracy)[there], weights=found.n[there]))
        word = "overconfident" if gap > 0 else "underconfident"
        name = "the reference" if side is sides[0] else side.name
        said.append(f"{name} is {word} by {number(100 * abs(gap), 1)} points")
    text = " and ".join(said)
    return f"On the whole {text}."


def _bins_table(pooled: Sequence[Reliability], sides: Sequence[Side]) -> Table:
    bins = len(pooled[0].n)
    head, rows = ["Confidence, %"], []
    for side in sides:
        head += [f"Predictions: {side.name}", "Mean confidence, %", "Right, %"]
    for at in range(bins):
        if sum(found.n[at] for found in pooled):
            cells = [
                cell
                for found in pooled
                for cell in (
                    count(found.n[at]), number(100 * found.confidence[at], 1), number(100 * found.accuracy[at], 1)
                )
            ]  # fmt: skip
            rows.append([f"{100 * at / bins:.0f} to {100 * (at + 1) / bins:.0f}", *cells])
    return Table("Confidence and right predictions", head, rows, frozenset(range(1, len(head))), name="reliability")


def rare_class_blocks(kept: KeptPredictions, sides: Sequence[Side], inputs: Inputs) -> list[Block]:
    """Curves for the rarer of two classes; nothing if both are common, or one has no example."""
    share = float((kept.labels == 1).mean())
    rare = 1 if share <= 0.5 else 0
    share = share if rare else 1 - share
    if not 0 < share <= RARE:
        return []
    is_positive = kept.labels == rare
    found = [[precision_recall(is_positive, one) for one in _probabilities(kept, side, of=rare)] for side in sides]
    curves = [
        Curve(side.name, (100 * RECALLS, 100 * _mean_precision(some)), [_drawn(one) for one in some])
        for side, some in zip(sides, found, strict=True)
    ]
    averages = [Spread.of([one.average for one in some]) for some in found]
    said = " and ".join(
        f"{spread.text(1, scale=100)} % in {'the reference' if side is sides[0] else side.name}"
        for spread, side in zip(averages, sides, strict=True)
    )
    seeds = number_of(len(found[0]), "seed")
    sentence = (
        f"Average precision for class {class_name(rare, inputs)}: {said} (means over {seeds}); "
        f"guessing has {number(100 * share, 1)} %, the share of its examples."
    )
    figure = draw_precision_recall(curves, guess=100 * share)
    table = _recall_table(curves, sides)
    return [to_figure(figure, "precision-recall", "Precision by recall", sentence, table, OF_CURVES)]


def _probabilities(kept: KeptPredictions, side: Side, *, of: int) -> list[Floats]:
    """The probability of one of two classes, for each trial."""
    known = [trial for trial in side.trials if trial in kept.confidence]
    return [np.where(kept.classes[t] == of, kept.confidence[t], 1 - kept.confidence[t]) for t in known]


def _drawn(found: PrecisionRecall) -> tuple[Floats, Floats]:
    """A seed's curve in percent, up to the first threshold that finds all."""
    end = int(np.searchsorted(found.recall, 1 - 1e-9)) + 1
    return 100 * found.recall[:end], 100 * found.precision[:end]


def _mean_precision(seeds: Sequence[PrecisionRecall]) -> Floats:
    """The mean of the precision at the first threshold that reaches each recall."""
    each = [
        one.precision[np.minimum(np.searchsorted(one.recall, RECALLS - 1e-9), len(one.recall) - 1)] for one in seeds
    ]
    mean: Floats = np.mean(each, axis=0)
    return mean


def _recall_table(curves: Sequence[Curve], sides: Sequence[Side]) -> Table:
    rows = [
        [f"{100 * RECALLS[at]:.0f}", *(number(float(curve.mean[1][at]), 1) for curve in curves)]
        for at in range(10, len(RECALLS), 10)
    ]
    head = ["Recall, %", *(f"Precision, %: {side.name}" for side in sides)]
    return Table("Precision at equal recall, mean over the seeds", head, rows, frozenset((0, 1, 2)),
                 name="precision-recall")  # fmt: skip
