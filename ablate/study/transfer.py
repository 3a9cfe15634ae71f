"""The table [transfer] into a checked `Transfer`: what networks are trained on before, where the factor asks for it."""

from collections.abc import Iterator, Mapping, Sequence

from ablate.records import Factors, Level
from ablate.space import Choice, Space
from ablate.study.layers import Key, Layered, shown
from ablate.study.rules import read_section
from ablate.study.sections import Data, Transfer

TABLE, FACTOR, NONE, FREEZING = "transfer", "transfer", "none", "frozen_then_unfrozen"


def transfer_levels(baseline: Factors, space: Space, recipes: Mapping[str, Factors]) -> set[Level]:
    """The levels of the factor `transfer` at which trials of a study take weights over."""

    def every() -> Iterator[Level]:
        for factors in (baseline, *recipes.values()):
            yield factors.get(FACTOR, NONE)
        dimension = space.dimensions.get(FACTOR)
        if isinstance(dimension, Choice):
            yield from dimension.options

    return set(every()) - {NONE}


def read_transfer(
    layered: Layered, most: Mapping[tuple[str, str], int], *, levels: set[Level], data: Data, epochs: int | None
) -> Transfer | None:
    """The table, checked against the rest of the study, whose trials have `levels` of the factor; None without both.

    `most` is as in `read_section`; `epochs` are those of training, None where a trial cuts frozen epochs down to them.
    Raises `StudyError`.
    """
    if TABLE not in layered.tree:
        if levels:
            hint = "write [transfer] with classes = [...]: those of the data set on which networks are trained before"
            used = f"the factor transfer has the level {shown(min(levels, key=str))}"
            raise layered.error((TABLE,), f"is missing: {used}", hint=hint)
        return None
    transfer = read_section(Transfer, TABLE, layered, most)
    if not levels:
        hint = 'write transfer = "none" in [baseline] and transfer = ["none", "unfrozen"] in [space]'
        raise layered.error((TABLE,), "is of no use: no trial has the factor transfer at another level", hint=hint)
    check_classes(layered, (TABLE, "classes"), transfer.classes)
    _check_tasks(layered, transfer, data)
    if FREEZING in levels and epochs is not None and transfer.frozen_epochs >= epochs:
        rule = f"must be below training.epochs, which is {epochs}, got {transfer.frozen_epochs}"
        raise layered.error((TABLE, "frozen_epochs"), rule, hint="after them all layers train")
    return transfer


def check_classes(layered: Layered, key: Key, classes: Sequence[int]) -> None:
    """Raise `StudyError` where these classes are too few to be told apart, or one is listed twice."""
    if len(classes) < 2:
        raise layered.error(key, f"must list at least two classes, got {shown(classes)}")
    if len(set(classes)) < len(classes):
        raise layered.error(key, f"every class may be listed once, got {shown(classes)}")


def _check_tasks(layered: Layered, transfer: Transfer, data: Data) -> None:
    """A class of both tasks would show the network validation examples before."""
    if data.classes is None:
        hint = "e.g. classes = [5, 6] in [data], the other ones in [transfer]"
        raise layered.error(("data", "classes"), "is missing: [transfer] needs classes left for it", hint=hint)
    if shared := sorted({*transfer.classes} & {*data.classes}):
        rule = f"must have none of data.classes, got {shared[0]} in both"
        raise layered.error((TABLE, "classes"), rule, hint="networks would see validation examples before")
