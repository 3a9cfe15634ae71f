"""Find the columns that count the epochs or steps of a run."""

import re

import numpy as np
from numpy.typing import NDArray

from ablate.analysis.imports.asked import ImportOptions
from ablate.analysis.imports.exports import Export
from ablate.analysis.imports.replicate_names import own_words
from ablate.analysis.imports.words import coded, n_levels
from ablate.analysis.sources import Runs
from ablate.analysis.sources.runs import to_numbers
from ablate.study.score_words import words_of

# "epoch", "global_step", "epoch_idx": where a run is; "epochs", "max_steps": how long it may take, a factor.
_KIND = r"(epoch|step|iteration|iter|update|round|timestep|minibatch|batch_(?:idx|index|number|no)|generation|episode)"
_OF = (
    r"(?:(?:global|current|cur|train|training|trainer|eval|val|validation|valid|env|environment|comm|communication|"
    r"gradient|grad|optimizer|optim|opt|time|log|ckpt|checkpoint|agent|model)_)*"
)
COUNTER = re.compile(rf"{_OF}{_KIND}(?:_(?:number|no|num|nr|idx|index|id|count))?")
BUDGET = re.compile(
    rf"(?:n_|num_|total_|max_|nb_)*{_OF}{_KIND}s?(?:_(?:total|seen|done|trained))?|(?:samples|images|examples|tokens)_seen"
)


def find_steps(runs: Runs, asked: ImportOptions, export: Export) -> list[str]:
    """The columns named like a step, with several numbers; that with the most values first."""
    taken = {*asked.factors, *runs.factors, asked.score, runs.score, *map(str.strip, asked.seed.split(","))}
    named = [name for name in map(str, runs.table) if name not in taken and _is_step(own_words(export, name))]
    levels = {name: n_levels(coded(runs.table[name])) for name in named if counted(runs, name) is not None}
    return sorted((name for name in levels if levels[name] > 1), key=lambda name: (-levels[name], is_budget(name)))


def is_budget(name: str) -> bool:
    """Whether a name may be that of a length chosen in advance, "epochs", rather than of a counter, "epoch"."""
    return COUNTER.fullmatch("_".join(words_of(name))) is None


def counted(runs: Runs, name: str) -> NDArray[np.float64] | None:
    """The numbers of a step, "epoch 3" as 3; None if a cell has no number, or is not whole."""
    cells = runs.table[name]
    numbers = to_numbers(cells)
    if numbers is None:
        numbers = to_numbers(cells.str.extract(r"^\D*(\d+)$", expand=False).fillna(""))
    if numbers is None or numbers.isna().any() or not (numbers % 1 == 0).all():
        return None
    return np.asarray(numbers, dtype=np.float64)


def _is_step(own: str) -> bool:
    return bool(COUNTER.fullmatch(own) or BUDGET.fullmatch(own))
