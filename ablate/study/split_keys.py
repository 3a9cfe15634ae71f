"""Refuse keys of [data] on splits that contradict each other."""

from ablate.study.settings import Ablation, Data
from ablate.study.tree import Layered, shown

_SHARE = "hold out a share instead: validation = 0.2"


def check_split(layered: Layered, data: Data) -> None:
    """Raise `StudyError` if keys of [data] ask for splits of two kinds at once, or for folds without their number."""
    key = ("data", "folds")
    if data.validation == "folds" and data.folds is None:
        raise layered.error(key, 'is missing, but validation is "folds"', hint="write folds = 5 in [data]")
    if data.validation != "folds" and data.folds is not None:
        rule = f'is for validation = "folds", but validation is {shown(data.validation)}'
        raise layered.error(key, rule, hint='remove folds, or write validation = "folds"')
    if data.order is None or not isinstance(data.validation, str):
        return
    if data.validation == "folds":
        rule = "is for a split by time, but folds would train on examples that are later than those held out"
        raise layered.error(("data", "order"), rule, hint=f"{_SHARE}, the latest fifth; or remove order")
    rule = 'is for a split by time, but validation is "given", the source\'s own part'
    raise layered.error(("data", "order"), rule, hint="remove order, or write validation = 0.2: the latest fifth")


def check_seeds(layered: Layered, data: Data, ablation: Ablation) -> None:
    """Raise `StudyError` if seeds are added to undecided comparisons of folds, whose tests hold for one look only."""
    if data.validation == "folds" and ablation.seeds == "auto":
        rule = 'must be a number with data.validation = "folds": seeds are its folds, and share training examples'
        raise layered.error(
            ("ablation", "seeds"), f'{rule}, got "auto"', hint=f"write seeds = {2 * (data.folds or 5)}, or {_SHARE}"
        )
