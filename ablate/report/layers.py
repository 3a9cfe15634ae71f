"""The section on layer statistics: activations and gradients by depth, and kernels."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ablate.report.inputs import Inputs
from ablate.report.numbers import NONE, count, significant
from ablate.report.page import Block, Section, Table, to_figure
from ablate.report.plots import shorten
from ablate.report.plots.layers import MOST_KERNELS, MOST_LINES, QUANTITIES, Kernel, draw_kernels, draw_layers
from ablate.report.training import named_runs, told_runs
from ablate.storage.layers import to_corner

MOST_TOLD = 4  # variants in a sentence
READING = (
    "Each line is a variant's mean over its seeds (the geometric mean for SD and gradient); the band spans its lowest "
    "to highest seed. Values are measured after the activation function, before the first training step, on the same "
    "validation examples for all variants of a seed, with dropout and augmentation off; batch normalization uses the "
    "statistics of these examples. The gradient is the gradient of the loss with respect to the layer's kernel. Means "
    "far beyond the others lie outside their panel; the table has them."
)
OF_KERNELS = (
    "One seed per variant: rows are inputs, columns are units. Blue is positive, orange is negative, fainter is "
    "smaller; the strongest colour is the largest weight of its picture. Units with equal incoming weights compute the "
    "same output and get the same updates, so until something breaks the symmetry they count as one unit."
)


def layers_section(inputs: Inputs) -> Section | None:
    """Layer statistics at the start of training by depth, and a kernel at the end; None if no trial recorded any."""
    states = told_layers(inputs)
    if states.empty:
        return None
    return Section("layers", "Inside the layers", [*_by_depth(states), *_kernels(states)])


def told_layers(inputs: Inputs) -> pd.DataFrame:
    """The rows of layers.csv of the compared runs, with `name` ("" for the reference) and `seed`."""
    return named_runs(told_runs(inputs))[["trial", "name", "seed"]].merge(inputs.layers, on="trial")


def over_seeds(states: pd.DataFrame) -> pd.DataFrame:
    """One row per layer of a variant at a time, with the mean over the seeds of each quantity and its range.

    The columns are name, when, number, units, distinct (the fewest), seeds, and for each of `QUANTITIES` the mean over
    the seeds, the lowest and the highest value. Means are geometric, except for the mean activation.
    """
    rows = []
    for _, some in states.groupby(["name", "when", "number"], sort=False):
        first = some.iloc[0]
        row = {"name": first["name"], "when": first["when"], "number": int(first["number"]), "seeds": len(some)}
        for quantity in QUANTITIES:
            values = some[quantity].dropna().to_numpy(dtype=float)
            low, high = (float(values.min()), float(values.max())) if len(values) else (np.nan, np.nan)
            middle = _geometric(values) if quantity != "mean" else float(values.mean()) if len(values) else np.nan
            row |= {quantity: middle, f"{quantity}_low": low, f"{quantity}_high": high}
        rows.append(row | {"units": some["units"].max(), "distinct": some["distinct"].min()})
    return pd.DataFrame(rows)


def _geometric(values: NDArray[np.floating[Any]]) -> float:
    if not len(values):
        return float("nan")
    return float(np.exp(np.log(values).mean())) if (values > 0).all() else 0.0


def _by_depth(states: pd.DataFrame) -> list[Block]:
    table = over_seeds(states)
    start = table[table["when"] == "start"]
    figure = draw_layers(start)
    if figure is None:
        return []
    title, sentence = "Layer by layer at the start", _from_first_to_last(start)
    return [to_figure(figure, "layers", title, sentence, _depth_table(table), READING)]


def _from_first_to_last(start: pd.DataFrame) -> str:
    names, n = list(dict.fromkeys(start["name"])), int(start["number"].max())
    said = []
    for name in names[:MOST_TOLD]:
        of_one = start[start["name"] == name].sort_values("number")
        first, last = of_one.iloc[0], of_one.iloc[-1]
        shown = f"“{shorten(name, 60)}”" if name else "the reference"
        ends = [significant(end["sd"]) for end in (first, last)]
        said.append(f"{ends[0]} in {shown}" if n == 1 else f"from {ends[0]} to {ends[1]} in {shown}")
    where, goes = (f"Across {n} hidden layers", "goes") if n > 1 else ("In the only hidden layer", "is")
    text = f"{where}, before the first step, the SD of the activations {goes} {', '.join(said)}."
    if len(names) > MOST_TOLD:
        text = f"{text[:-1]}; the table has all {len(names)}."
    return text + (f" The figure shows the first {MOST_LINES} variants." if len(names) > MOST_LINES + 1 else "")


def _depth_table(table: pd.DataFrame) -> Table:
    rows = []
    for (name, when), some in table.groupby(["name", "when"], sort=False):
        some = some.sort_values("number")
        first, last = some.iloc[0], some.iloc[-1]
        pairs = [significant(end[quantity]) for quantity in QUANTITIES for end in (first, last)]
        seeds = count(some["seeds"].max())
        rows.append([str(name) or "reference", str(when), count(len(some)), *pairs, _fewest(some), seeds])
    head = ["Variant", "When", "Layers", "Mean, first layer", "last", "SD, first layer", "last",
            "Gradient, first layer", "last", "Fewest distinct units", "Seeds"]  # fmt: skip
    caption = "The first and the last hidden layer; the CSV has all layers"
    return Table(caption, head, rows, frozenset(range(2, len(head))), name="layers", data=table)


def _fewest(some: pd.DataFrame) -> str:
    """Distinct units of the layer with the smallest share of them."""
    known = some.dropna(subset=["distinct", "units"])
    if known.empty:
        return NONE
    least = known.iloc[int((known["distinct"] / known["units"]).to_numpy().argmin())]
    return f"{count(least['distinct'])} of {count(least['units'])}"


def _kernels(states: pd.DataFrame) -> list[Block]:
    shown = states[(states["corner"] != "") & (states["when"] == "end")]
    by_name = [some for _, some in shown.groupby("name", sort=False)]
    kernels = [_kernel(title, some) for title, some in zip(_titles(shown), by_name, strict=True)]
    figure = draw_kernels(kernels)
    if figure is None:
        return []
    title, sentence = "Weights of a hidden layer", _which_are_alike(states, shown)
    return [to_figure(figure, "kernels", title, sentence, _units_table(shown), OF_KERNELS)]


def _titles(shown: pd.DataFrame) -> list[str]:
    """The names of the variants; only their levels if all belong to one factor."""
    names = [str(name) for name in dict.fromkeys(shown["name"])]
    factors = {name.partition(" = ")[0] for name in names if name}
    return [(name.partition(" = ")[2] if len(factors) == 1 else name) or "reference" for name in names]


def _kernel(title: str, some: pd.DataFrame) -> Kernel:
    first = some.iloc[0]
    corner = to_corner(str(first["corner"]))
    largest = max((abs(weight) for row in corner for weight in row), default=0.0)
    said = f"{_distinct(some)} units are distinct\nlargest weight {significant(largest)}"
    return Kernel(title, corner, said)


def _distinct(some: pd.DataFrame) -> str:
    """Range of distinct units: "1 of 64", "60 to 64 of 64"."""
    low, high = count(some["distinct"].min()), count(some["distinct"].max())
    return f"{low if low == high else f'{low} to {high}'} of {count(some['units'].max())}"


def _which_are_alike(states: pd.DataFrame, shown: pd.DataFrame) -> str:
    of_layer = int(shown["number"].mode().iloc[0])
    which = f"The weights of hidden layer {of_layer} in the scored state of each variant."
    is_short = shown["distinct"] < shown["units"]
    alike = [f"{str(name) or 'the reference'} ({_distinct(some)} distinct)"
             for name, some in shown[is_short].groupby("name", sort=False)]  # fmt: skip
    said = f"Units stayed equal in {', '.join(alike[:MOST_KERNELS])}." if alike else "All units are distinct."
    lost = [name or "the reference" for name in dict.fromkeys(states["name"]) if name not in set(shown["name"])]
    missing = f" No weights to show, because no run finished: {', '.join(lost[:MOST_KERNELS])}." if lost else ""
    rest = f" The figure shows the first {MOST_KERNELS} variants." if shown["name"].nunique() > MOST_KERNELS else ""
    return f"{which} {said}{missing}{rest}"


def _units_table(shown: pd.DataFrame) -> Table:
    rows = []
    for name, some in shown.groupby("name", sort=False):
        rows.append([str(name) or "reference", f"{some['layer'].iloc[0]} {count(some['number'].max())}",
                     count(some["units"].max()), count(some["distinct"].min()), count(some["distinct"].max()),
                     count(some["seed"].nunique())])  # fmt: skip
    head = ["Variant", "Layer", "Units", "Distinct, fewest", "Distinct, most", "Seeds"]
    data = shown[["name", "seed", "trial", "layer", "number", "units", "distinct", "corner"]]
    data = data.assign(corner=data["corner"].where(~data["name"].duplicated(), ""))  # only the corners that are drawn
    return Table("Distinct units of this layer", head, rows, frozenset(range(2, 6)), name="kernels",
                 data=data)  # fmt: skip
