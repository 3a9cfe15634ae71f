"""The data of the study docstrings.toml: texts as rows of ids."""

import ast
import importlib.util
import re
from collections import Counter
from pathlib import Path

import numpy as np

LIBRARIES = ("matplotlib", "pandas", "scipy", "sklearn")  # the classes 0 to 3
LENGTH = 40  # words of a text; shorter ones are filled up with 0
N_WORDS = 3000  # ids from 2 on, by frequency; every other word is UNKNOWN
UNKNOWN = 1
FEWEST_WORDS = 8


def load(seed):
    """First paragraphs of docstrings as ids of their words, and the libraries that they are from.

    A fifth is for testing, drawn by the study's seed. The vocabulary is that of the others alone.
    """
    texts = [sorted(paragraphs(library)) for library in LIBRARIES]
    counts = Counter(text for own in texts for text in own)
    pairs = [(text, k) for k, own in enumerate(texts) for text in own if counts[text] == 1]
    order = np.random.default_rng(seed).permutation(len(pairs))
    test, train = np.split(order, [len(pairs) // 5])
    ids = ids_by_frequency(pairs[row][0] for row in train)
    x = np.array([to_ids(text, ids) for text, _ in pairs], np.int32)
    y = np.array([k for _, k in pairs], np.int32)
    _, first, copies = np.unique(x, axis=0, return_index=True, return_counts=True)  # rare words apart
    is_kept = np.isin(np.arange(len(x)), first[copies == 1])
    train, test = train[is_kept[train]], test[is_kept[test]]
    return {"x_train": x[train], "y_train": y[train], "x_test": x[test], "y_test": y[test]}


def paragraphs(library):
    """The distinct first paragraphs in the files of an installed library, in lower case, words alone.

    The files are read, not imported. What they hold depends on the library's version.
    """
    folder = Path(importlib.util.find_spec(library).submodule_search_locations[0])
    found = set()
    for file in folder.rglob("*.py"):
        if "tests" not in file.relative_to(folder).parts:
            for node in ast.walk(ast.parse(file.read_bytes())):
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    first = (ast.get_docstring(node) or "").partition("\n\n")[0]
                    words = re.findall("[a-z]+", first.lower())
                    if len(words) >= FEWEST_WORDS:
                        found.add(" ".join(words[:LENGTH]))
    return found


def ids_by_frequency(texts):
    """The ids of the most frequent words, from 2 on."""
    counts = Counter(word for text in texts for word in text.split())
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    return {word: 2 + k for k, word in enumerate(ranked[:N_WORDS])}


def to_ids(text, ids):
    """The ids of a text's words, filled up with 0 to one length."""
    known = [ids.get(word, UNKNOWN) for word in text.split()]
    return known + [0] * (LENGTH - len(known))
