"""Check whether an effect is the same on every data set or subject before a comparison averages over them."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ablate.analysis.imports.asked import MINIMIZE
from ablate.analysis.imports.columns import Roles
from ablate.analysis.imports.confounding import MOST_NAMED, Confounding
from ablate.analysis.imports.exports import recognize
from ablate.analysis.imports.replicate_names import is_block, own_words
from ablate.analysis.imports.rows import CellRuns
from ablate.analysis.sources import Runs
from ablate.text import first_of, printable

ALPHA = 0.05  # level of the test for effects that differ between blocks
DIGITS = 9  # of a score: differences that are equal but for rounding are equal

Gains = Mapping[str, NDArray[np.float64]]  # block -> paired differences


def find_uneven(
    runs: Runs, roles: Roles, cells: CellRuns, *, reference: int, compared: Sequence[int], names: Mapping[int, str]
) -> Confounding:
    """Spoil comparisons whose paired differences depend on the block (analysis of variance, p < .05); else the means.

    Where the effect depends on the data set, the mean over two of them holds for neither.
    """
    export = recognize(map(str, runs.table))
    taken = [name for name in roles.taken if name in runs.table and name != roles.block]  # its effects are not averaged
    blocks = [name for name in taken if is_block(own_words(export, name))]
    spoilt: dict[int, tuple[str, ...]] = {}
    reasons, notes = [], []
    for block in blocks:
        gains = {at: _gains(runs, roles, cells, block, reference, at) for at in compared}
        gains = {at: of_block for at, of_block in gains.items() if len(of_block) > 1}
        uneven = [at for at, of_block in gains.items() if depends(of_block)]
        spoilt |= {at: (*spoilt.get(at, ()), block) for at in uneven}
        if uneven:
            reasons.append(_reason(block, roles, {names[at]: gains[at] for at in uneven}, names[reference]))
        even = [f"{names[at]} ({_means(gains[at])})" for at in gains if at not in uneven]
        if even:
            n = max(map(len, gains.values()))
            said = (
                f"Averaged over {n:,} values of {printable(block)}, mean difference in {printable(roles.score)} on each"
            )
            notes.append(f"{said}, compared with {names[reference]}: {first_of(even, MOST_NAMED)}.")
    return Confounding(spoilt, tuple(reasons), (), (), tuple(notes))


def depends(gains: Gains) -> bool:
    """Whether the mean difference depends on the block by more than chance."""
    groups = list(gains.values())
    if len(groups) < 2 or sum(map(len, groups)) <= len(groups):
        return False
    if all(np.ptp(group) == 0 for group in groups):
        return len({float(group[0]) for group in groups}) > 1
    return bool(stats.f_oneway(*groups).pvalue < ALPHA)


def _gains(runs: Runs, roles: Roles, cells: CellRuns, block: str, reference: int, at: int) -> Gains:
    """The differences between finished runs of the same seed and block, in the direction of the score column."""
    counted = cells.counted
    used = counted[(counted["state"] == "finished") & counted["seed"].isin(cells.rows["seed"])]
    used = used.assign(block=runs.table[block].to_numpy()[used.index])
    scores = used.pivot_table(index=["block", "seed"], columns="configuration", values="score")
    if reference not in scores or at not in scores:
        return {}
    sign = -1 if roles.direction == MINIMIZE else 1
    largest = float(scores.abs().max().max()) or 1.0
    pairs = sign * (scores[at] - scores[reference]).dropna()
    pairs = (pairs / largest).round(DIGITS) * largest
    return {str(name): group.to_numpy(dtype=np.float64) for name, group in pairs.groupby(level="block")}


def _reason(block: str, roles: Roles, gains: Mapping[str, Gains], reference: str) -> str:
    name = printable(block)
    each = first_of([f"{at} ({_means(of_block)})" for at, of_block in gains.items()], MOST_NAMED)
    factors = ",".join([*roles.factors, name])
    return (
        f"the effect differs between the values of {name} for {each}, mean difference in {printable(roles.score)} "
        f"compared with {reference}: add --block {name} for the effect on each and over all, compare one {name} at a "
        f"time, or name it too, --factors {factors}"
    )


def _means(gains: Gains) -> str:
    """ "cifar +0.08, imagenet −0.02"."""
    means = [f"{printable(name, 30)} {group.mean():+.2g}".replace(" -", " −") for name, group in gains.items()]
    return first_of(means, MOST_NAMED)
