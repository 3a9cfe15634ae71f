"""Describe predicted classes and tags: precision and recall of each."""

from collections.abc import Sequence

import pandas as pd

from ablate.analysis.statistics.classification import (
    ClassScores,
    class_scores,
    precision_recall,
)
from ablate.analysis.statistics.paired import Floats
from ablate.report.confidence_blocks import rare_class_blocks, reliability_block
from ablate.report.inputs import Inputs
from ablate.report.numbers import count
from ablate.report.page import Block, Folded, Paragraph, Table
from ablate.report.sides import Side, Spread, class_name
from ablate.storage.predictions import Amounts, Correctness, KeptPredictions

MOST_SHOWN = 12  # classes of a table that is not folded
OVER_SEEDS = "Means over the seeds, with the range from the lowest to the highest seed in brackets."
OF_CLASSES = (
    "Precision: the share of the predictions of a class that are right. Recall: the share of its examples that are "
    f"found. {OVER_SEEDS}"
)


def class_blocks(kept: KeptPredictions, sides: Sequence[Side], inputs: Inputs) -> list[Block]:
    """Per-class table, reliability curve, and for a rare class of two the curves of precision by recall."""
    n_classes = 1 + max(int(found.max(initial=0)) for found in (kept.labels, *kept.classes.values()))
    n_classes = max(n_classes, inputs.data.n_classes or 0)
    counts = [
        [kept.counts(trial, n_classes=n_classes) for trial in side.trials if trial in kept.classes] for side in sides
    ]
    blocks: list[Block] = _class_table(counts, sides, inputs, is_dense=False)
    if all(side.of(kept.confidence) for side in sides):
        blocks.append(reliability_block(kept, sides))
        blocks += rare_class_blocks(kept, sides, inputs) if n_classes == 2 else []
    return blocks


def confusion_blocks(kept: KeptPredictions, sides: Sequence[Side], inputs: Inputs) -> list[Block]:
    """Per-class table of targets with a class in many places, as masks."""
    counts = [side.of(kept.confusion) for side in sides]
    return _class_table(counts, sides, inputs, is_dense=True)


def tag_blocks(kept: KeptPredictions, sides: Sequence[Side], inputs: Inputs) -> list[Block]:
    """Average precision of each tag, and precision and recall where its probability is at least one half."""
    head, rows, data = ["Tag", "Examples"], [], []
    for name in ("Average precision", "Precision", "Recall"):
        head += [f"{name}, %: {side.name}" for side in sides]
    for tag in range(kept.labels.shape[1]):
        is_set = kept.labels[:, tag] > 0
        by_side = [[_tag_scores(is_set, found[:, tag]) for found in side.of(kept.confidence)] for side in sides]
        spreads = [[Spread.of(values) for values in zip(*seeds, strict=True)] for seeds in by_side]
        name, n = class_name(tag, inputs), int(is_set.sum())
        rows.append([name, count(n), *(s[at].text(1, scale=100) for at in range(3) for s in spreads)])
        data.append({"tag": name, "n": n, **_numbers(spreads, ("average_precision", "precision", "recall"))})
    table = Table("Each tag, reference and best variant", head, rows, frozenset(range(1, len(head))), name="tags",
                  data=pd.DataFrame(data))  # fmt: skip
    reading = f"Precision and recall count a tag as predicted where its probability is at least one half. {OVER_SEEDS}"
    return [Folded("tags", reading, table)]


def _tag_scores(is_set: Correctness, probabilities: Amounts) -> tuple[float, float, float]:
    predicted = probabilities >= 0.5
    pairs = [[(is_set == label) & (predicted == said) for said in (False, True)] for label in (False, True)]
    scores = class_scores([[both.sum() for both in row] for row in pairs])
    return precision_recall(is_set, probabilities).average, float(scores.precision[1]), float(scores.recall[1])


def _class_table(
    counts: Sequence[Sequence[Floats]], sides: Sequence[Side], inputs: Inputs, *, is_dense: bool
) -> list[Block]:
    scores = [[class_scores(one) for one in some] for some in counts]
    names = ("precision", "recall", *(["overlap"] if is_dense else []))
    head = ["Class", "Places" if is_dense else "Examples"]
    for name in names:
        head += [f"{name.capitalize()}, %: {side.name}" for side in sides]
    n = scores[0][0].n
    rows, data = [], []
    for at in range(len(n)):
        spreads = [_spreads(some, at, names) for some in scores]
        rows.append([class_name(at, inputs), count(n[at]), *_side_by_side(spreads)])
        data.append({"class": class_name(at, inputs), "n": int(n[at]), **_numbers(spreads, names)})
    table = Table("Each class, reference and best variant", head, rows, frozenset(range(1, len(head))),
                  name="classes", data=pd.DataFrame(data))  # fmt: skip
    reading = OF_CLASSES + (" Overlap: intersection over union." if is_dense else "")
    return [table, Paragraph(reading)] if len(n) <= MOST_SHOWN else [Folded("classes", reading, table)]


def _spreads(seeds: Sequence[ClassScores], at: int, names: Sequence[str]) -> list[Spread]:
    return [Spread.of([getattr(one, name)[at] for one in seeds]) for name in names]


def _side_by_side(spreads: Sequence[Sequence[Spread]]) -> list[str]:
    return [one.text(1, scale=100) for pair in zip(*spreads, strict=True) for one in pair]


def _numbers(spreads: Sequence[Sequence[Spread]], names: Sequence[str]) -> dict[str, float]:
    """The numbers behind the text, as fractions."""
    return {
        f"{side}_{name}{end}": getattr(one, part)
        for some, side in zip(spreads, ("reference", "variant"), strict=True)
        for one, name in zip(some, names, strict=True)
        for end, part in (("", "mean"), ("_low", "low"), ("_high", "high"))
    }
