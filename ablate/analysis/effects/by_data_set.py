"""Judge each comparison on every data set: one family of all comparisons on all data sets."""

from collections.abc import Sequence

import pandas as pd

from ablate.analysis.effects.contrasts import Contrast
from ablate.analysis.effects.metric import Metric
from ablate.analysis.effects.scales import BlockRuns
from ablate.analysis.effects.table import EFFECT_COLUMNS, ComparedRuns, compared_runs, family_rows, told_apart
from ablate.study.trial import DATA_SET

BLOCK_COLUMNS = (DATA_SET, *EFFECT_COLUMNS)


def compared_on_each(blocks: Sequence[BlockRuns]) -> dict[str, ComparedRuns]:
    """The comparisons on each data set, paired within it."""
    return {block.name: compared_runs(block.runs, block.metric) for block in blocks}


def effects_on_each(
    found: dict[str, ComparedRuns], metric: Metric, *, alpha: float = 0.05, overlap: float = 0.0
) -> pd.DataFrame:
    """One row per comparison and data set, the columns `BLOCK_COLUMNS`, in the order of the data sets.

    A family is all comparisons of a learning-rate mode on all data sets, judged at `metric.margin`: what it claims
    holds on these data sets and on no others.
    """
    rows: list[dict[str, object]] = []
    for mode in dict.fromkeys(mode for compared in found.values() for mode in compared.families):
        placed = [(name, one) for name, compared in found.items() for one in compared.families.get(mode, ())]
        judged = family_rows([one for _, one in placed], metric, alpha=alpha, overlap=overlap)
        rows += [{DATA_SET: name} | row for (name, _), row in zip(placed, judged, strict=True)]
    table = pd.DataFrame(rows, columns=list(BLOCK_COLUMNS))
    parts = [told_apart(own, compared) for name, compared in found.items() if len(own := _on(table, name))]
    return pd.concat(parts, ignore_index=True) if parts else table


def contrasts_of_all(found: dict[str, ComparedRuns]) -> dict[tuple[str, str], list[Contrast]]:
    """(variant, mode) -> its comparison on each data set that has it."""
    of_all: dict[tuple[str, str], list[Contrast]] = {}
    for compared in found.values():
        for family in compared.families.values():
            for one in family:
                of_all.setdefault(one.key, []).append(one)
    return of_all


def _on(table: pd.DataFrame, name: str) -> pd.DataFrame:
    return table[table[DATA_SET] == name]
