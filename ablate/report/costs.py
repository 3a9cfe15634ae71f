"""The cost of each variant: columns beside its effect, and a folded table beside the cost of its reference."""

import math
from collections.abc import Callable, Mapping

import pandas as pd

from ablate.analysis.costs import COSTS, OF_REFERENCE, beside_effects, variant_costs
from ablate.report.export import with_units
from ablate.report.inputs import Inputs
from ablate.report.numbers import NONE, number
from ablate.report.page import MOST_ROWS, Folded, Table
from ablate.report.plots import contrast_name
from ablate.storage.results import Row

HEADS = {"parameters": "Parameters", "epoch_seconds": "Time of an epoch", "epochs_to_best": "Epochs to best"}
BETWEEN = "\N{NO-BREAK SPACE}· "
CAPTION = "What each variant costs, beside its reference"
READING = (
    "Medians over the finished runs: parameters with those that are not trained, the seconds of an epoch with its "
    "validation, and the epoch of the best validation score. Epochs that train several runs at once count each at an "
    "equal share of the time. The times are those of this study on its machine; other programs on it slow them down."
)
_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def with_costs(effects: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """The effects with the costs of each variant and of its reference, as `beside_effects` names them."""
    return beside_effects(effects, variant_costs(inputs.runs, inputs.epochs))


def cost_columns(effects: pd.DataFrame) -> list[tuple[str, Callable[[Row], str]]]:
    """One column, (heading, row -> cell), of the costs that some variant has: "499 k · 0.50 s · 15"; [] if none has.

    One column each would push the others off the page.
    """
    names = _known(effects)
    heading = ", ".join(HEADS[name].lower() for name in names).capitalize()
    return [(heading, lambda row: _together(row, names))] if names else []


def costs_block(effects: pd.DataFrame) -> list[Folded]:
    """The costs as ratios to those of the reference, a row per effect; nothing if no cost is known of both."""
    names = [name for name in _known(effects) if effects[OF_REFERENCE + name].notna().any()]
    if not names:
        return []
    head = ["Factor", "Level"]
    for name in names:
        unit = ", s" if name == "epoch_seconds" else ""
        head += [f"{HEADS[name]}{unit}", "its reference", "ratio"]
    rows = [
        [*contrast_name(row["factor"], row["level"], against=row["against"]), *_side_by_side(row, names)]
        for row in effects.head(MOST_ROWS).to_dict("records")
    ]
    kept = ["variant", "mode", "against", *(prefix + name for name in names for prefix in ("", OF_REFERENCE))]
    data = with_units(effects[kept], {"epoch_seconds": "s", f"{OF_REFERENCE}epoch_seconds": "s"})
    table = Table(CAPTION, head, rows, frozenset(range(2, len(head))), name="costs", data=data)
    return [Folded("costs", READING, table)]


def parameters_text(value: float) -> str:
    """A number of parameters in at most three digits: "7,940", "499 k", "1.24 M"; a dash if unknown."""
    if not math.isfinite(value):
        return NONE
    if value < 1e4:
        return f"{value:,.0f}"
    size, prefix = next((size, prefix) for size, prefix in _PREFIXES if float(f"{value:.3g}") >= size)
    scaled = float(f"{value / size:.3g}")
    return f"{scaled:.{max(0, 2 - math.floor(math.log10(scaled)))}f}\N{NO-BREAK SPACE}{prefix}"


def seconds_text(value: float) -> str:
    """Seconds in two digits: "0.0042", "0.50", "12"."""
    if not math.isfinite(value) or value <= 0:
        return NONE
    return number(value, max(0, 1 - math.floor(math.log10(value))))


def _known(effects: pd.DataFrame) -> list[str]:
    return [name for name in COSTS if name in effects and effects[name].notna().any()]


def _epochs_text(value: float) -> str:
    return f"{value:g}" if math.isfinite(value) else NONE


_TEXT: Mapping[str, Callable[[float], str]] = {
    "parameters": parameters_text,
    "epoch_seconds": seconds_text,
    "epochs_to_best": _epochs_text,
}


def _together(row: Row, names: list[str]) -> str:
    cells = [_cell(row, name) for name in names]
    return NONE if set(cells) == {NONE} else BETWEEN.join(cells)


def _cell(row: Row, name: str) -> str:
    text = _TEXT[name](row[name])
    return f"{text}\N{NO-BREAK SPACE}s" if name == "epoch_seconds" and text != NONE else text


def _side_by_side(row: Row, names: list[str]) -> list[str]:
    cells = []
    for name in names:
        own, other = row[name], row[OF_REFERENCE + name]
        cells += [_TEXT[name](own), _TEXT[name](other), f"× {number(own / other, 2)}" if other > 0 <= own else NONE]
    return cells
