"""Recognize columns by their names as seeds, folds, repeats, data sets or subjects."""

import re

from ablate.analysis.imports.exports import Export
from ablate.analysis.imports.folds import is_fold
from ablate.study.score_words import words_of

COUNTS = frozenset(  # words before "seed" that count seeds or switch them on
    ("n", "nb", "num", "number", "count", "max", "min", "total", "use", "with", "set", "fix", "fixed", "same", "no",
     "per", "is", "has")
)  # fmt: skip
SEED_OF = frozenset(  # words after "seed" in a seed's name; "seed_prompt" is no seed
    ("id", "idx", "index", "number", "no", "nr", "value", "run", "trial", "global", "model", "init", "train", "numpy",
     "torch", "data", "split")
)  # fmt: skip
STATES_OF_GENERATORS = ("random_state", "rng", "rng_state", "seeds")
# Seeds of the division into training and test set: beside a fold, each is another cross-validation.
DIVIDING = frozenset(("split", "data", "fold", "cv", "shuffle", "partition", "subset", "dataset", "kfold"))
_ID = r"(?:_(?:id|idx|index|no|nr|num|number))?"
REPEAT = re.compile(rf"(?:cv_)?(?:replicate|replica|repeat|rep|replication|repetition|bootstrap|resample){_ID}")
# What differs in difficulty, and is no setting: pairs are formed within each.
DATA_SET = re.compile(r"data_?set(?:_(?:name|id))?")
SUBJECT = re.compile(r"(?:subject|participant|patient)(?:_(?:id|no|nr|number|name))?")


def is_seed(own: str) -> bool:
    """Whether a name, its words joined by "_", is a seed's name."""
    before, seed, after = own.rpartition("seed")
    before_words, after_words = filter(None, before.split("_")), filter(None, after.split("_"))
    is_word = seed != "" and before[-1:] in ("", "_") and after[:1] in ("", "_")
    return own in STATES_OF_GENERATORS or (is_word and not set(before_words) & COUNTS and set(after_words) <= SEED_OF)


def is_replicate(export: Export, name: str) -> bool:
    """Whether a column has the name of a seed, a fold or a repeat."""
    own = own_words(export, name)
    return is_seed(own) or is_fold(own) or REPEAT.fullmatch(own) is not None


def own_words(export: Export, name: str) -> str:
    """A column's name without the tool's prefix, its words joined by "_"."""
    return "_".join(words_of(export.name(name)))


def is_block(own: str) -> bool:
    """Whether a name, its words joined by "_", is that of a data set or a subject."""
    return bool(DATA_SET.fullmatch(own) or SUBJECT.fullmatch(own))


def divides(own: str) -> bool:
    """Whether a seed is that of a division of the data."""
    return is_seed(own) and bool(set(own.split("_")) & DIVIDING)
