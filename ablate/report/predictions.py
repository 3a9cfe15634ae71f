"""The section on what networks predict for the test set: the reference beside the variant with the best mean."""

from ablate.analysis.best_variant import BestVariant, best_variant
from ablate.report.class_blocks import class_blocks, confusion_blocks, tag_blocks
from ablate.report.inputs import Inputs
from ablate.report.number_blocks import number_blocks
from ablate.report.numbers import effect_decimals, shown_mean
from ablate.report.page import Paragraph, Section
from ablate.report.sides import Side
from ablate.report.wording.phrases import variant_name
from ablate.storage.predictions import read_predictions
from ablate.text import number_of

TITLE = "What the networks predict"
NO_TEST = "This section describes predictions of the test set. It tests nothing, and no verdict rests on it."


def predictions_section(inputs: Inputs) -> Section | None:
    """By the kind of the targets; None for imported tables, and if no predictions of a comparison were kept."""
    kept = None if inputs.is_imported else read_predictions(inputs.folder / "test_predictions.npz")
    if kept is None:
        return None
    best = best_variant(inputs.primary_effects(), inputs.scores, having=frozenset(kept.trials))
    if best is None:
        return None
    sides = (Side("reference", best.reference_trials), Side(variant_name(best.variant), best.trials))
    make = {"classes": class_blocks, "tags": tag_blocks, "numbers": number_blocks, "confusion": confusion_blocks}
    blocks = make[kept.kind](kept, sides, inputs)
    return Section("predictions", TITLE, [Paragraph(f"{_chosen(best, inputs)} {NO_TEST}"), *blocks]) if blocks else None


def _chosen(best: BestVariant, inputs: Inputs) -> str:
    metric, decimals = inputs.metric, effect_decimals(inputs.primary_effects(), inputs.metric)
    unit = "\N{NO-BREAK SPACE}%" if metric.unit == "points" else f" {metric.unit}".rstrip()
    mean, reference = (f"{shown_mean(value, metric, decimals)}{unit}" for value in (best.mean, best.reference_mean))
    name, seeds = variant_name(best.variant), number_of(len(best.trials), "seed")
    beside = f"{mean} beside {reference} of the reference, {seeds}"
    if best.among == 1:
        return f"The only variant with a mean is {name}: {metric.label} {beside}."
    return (
        f"Of {best.among} variants, {name} has the best mean {metric.label} ({beside}). These same scores chose it, so "
        "part of its lead is luck."
    )
