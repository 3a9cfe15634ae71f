"""Values of the keys that say what a study's task and data are: good, bad, and in contradiction to others."""

import tomllib
from collections.abc import Mapping, Sequence

from doors import TEXTS
from hypothesis import strategies as st

SOURCES = (
    "digits", "mine.npz", "houses.csv", "houses.csv", "a/b.parquet", "photos/", "my.py:load", "photos\\", "some/path",
    "cifar10", "my.py", "my.py:", "my.py:3", "a.csv:load", "a.xlsx", "a.h5", "", "../x.npz",
)  # fmt: skip
NAMES = ("price", "patient", "time", "w", "age", "", "price ")
SIZES = (0.2, 100, 1, 0, -1, 1.0, 1.5, 10**10, True, "5")
METRICS = (
    "accuracy", "pr_auc", "f1", "mae", "r2", "recall_at_precision(0.9)", "top_5_accuracy", "recall_at_precision(2)",
    "top_0_accuracy", "my.py:f", "my.py:", "my.py:root_mean", "loss", "val_mae", "price_mae", "cosine_similarity", "",
)  # fmt: skip
LOSSES = ("mse", "binary_crossentropy", "MeanSquaredError", "my.py:loss", "crossentropy", "my.py", "mae ", "none", "")
# By table and key. A file that sets some of them is taken, or refused by the key that is wrong.
ITEMS: Mapping[str, Mapping[str, Sequence[object]]] = {
    "data": {
        "name": (
            *SOURCES, ["digits", "cifar10"], ["digits"], [], ["digits", "digits"], ["a/x.npz", "b/x.npz"],
            ["", "digits"], ["digits", 3], ["my.py:load", "photos/"],
        ),
        "sources": (
            {"one": {"name": "digits"}, "other": {"name": "cifar10", "train": 100}}, {"one": {"name": "digits"}}, {},
            {"one": {"name": "digits"}, "two": {"name": "digits"}}, {"one": "digits", "two": "mnist"}, ["digits"], 3,
            {"a b": {"name": "digits"}, "two": {"name": "mnist"}}, {"one": {"train": 5}, "two": {"name": "mnist"}},
            {"one": {"name": "digits", "trian": 5}, "two": {"name": "mnist"}},
            {"one": {"name": ["digits", "mnist"]}, "two": {"name": "mnist"}},
            {"one": {"name": "digits", "sources": {}}, "two": {"name": "mnist"}},
        ),
        "target": ("price", ["price", "tax"], [], "", ["price", "price"], "patient", 3, [1], [["price"]]),
        "features": ("age", ["age", "rooms"], ["price"], ["age", "age"], [], True),
        "columns": (
            {"age": "number"}, {"rooms": "category", "age": "number"}, {"price": "number"}, {"age": "text"}, {}, "age",
            {"": "number"}, {"age": 3}, {"patient": "category"},
        ),
        "image_size": ([32, 32], [1, 9], [0, 4], [4], [4, 4, 4], 64, [3.5, 2], "32", [10**9, 1]),
        "scaling": ("none", "unit", "standardize", "standardize_channels", "other", ""),
        "target_scaling": ("none", "standardize", "unit", False),
        "validation": (*SIZES, "given", "folds", "fold"),
        "folds": (5, 2, 1, 2.0, "5", 10**4),
        "train": (100, 0, 0.5),
        "test": (*SIZES, "given"),
        "groups": (*NAMES, ["patient"], 3),
        "order": (*NAMES, ["time"], True),
        "weights": ("balanced", "Balanced", *NAMES, ["w"]),
        "classes": ([0, 1], [1, 0], [0, 0], [5], [], "0", [-1], [0.5]),
    },
    "training": {
        "epochs": (5, 0, 1.5),
        "batch_size": (8, 0),
        "patience": (0, -1),
        "monitor": ("val_loss", "val_accuracy", "val_mae", "val_", "loss", "val_f1", 3),
        "max_loss": (10, 1e308, 0, "10"),
        "precision": ("float32", "mixed_bfloat16", "half"),
        "loss": (*LOSSES, 3, ["mse"]),
        "backend": ("auto", "jax", "tensorflow", "torch", "", "JAX", 3, ["jax"]),
        "keep": ("none", "best", "all", "last", True, ["best"]),
    },
    "metric": {
        "name": (*METRICS, 3, ["mae"]),
        "goal": ("maximize", "minimize", "max", "", True),
        "unit": ("points", "€", "", "x" * 31, 1),
        "margin": (0.01, 5, "2%", " 0.5 %", "2", "200%", "0%", 0, -1, True, "%"),
        "also": ("loss", ["r2", "mae"], ["f1", "my.py:g"], ["my.py:f", "other.py:f"], [], ["mae", "mae"], [3], [""]),
    },
    "lr_test": {
        "low": (1e-5, 0, 20.0),
        "high": (1.0, 1e-7, "1"),
        "steps_per_decade": (25, 24, 40, 2.5),
        "seeds": (1, 3, 0),
        "share": (0.1, 9.0, 1, 0, -0.5, "0.1", True),
        "fallback": (1e-3, 0),
    },
    "search": {
        "trials": (3, 0, 2.0),
        "sampler": ("nsga2", "tpe", "random", "nsga"),
        "pruner": ("none", "median", "asha", "hyperband", ""),
        "reduction_factor": (2, 4, 1),
        "min_resource": (1, 2, 0),
        "objectives": (
            ["accuracy", "parameters"], ["loss", "seconds"], ["mae", "parameters", "seconds"], ["accuracy"], [],
            ["accuracy", "accuracy"], ["parameters", "seconds"], ["accuracy", "flops"], "accuracy", [3, 4],
            ["f1", "recall"], ["recall_at_precision(2)", "parameters"], ["my.py:f", "parameters"],
        ),
        "tolerance": (0.01, 0, -1, "1%", 1e308),
        "trials_per_round": (4, 1, 0),
    },
    "ablation": {"margin": (0.01, 0, "2%"), "seeds": ("auto", 10, 0)},  # say the same as metric.margin, or not of folds
}  # fmt: skip
PLACES = [(table, key) for table, keys in ITEMS.items() for key in keys]


@st.composite
def changed_keys(draw: st.DrawFn, studies: Sequence[str]) -> Mapping[str, object]:
    """A good study as a tree, with one to four of these keys set, or left out."""
    tree = tomllib.loads(draw(st.sampled_from(studies)))
    for table, key in draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=4)):
        section = tree.setdefault(table, {})
        if draw(st.integers(0, 7)) == 7:
            section.pop(key, None)
        else:
            values = ITEMS[table][key]
            section[key] = draw(st.sampled_from(values[:3]) | st.sampled_from(values) | TEXTS)
    return tree


@st.composite
def overridden(draw: st.DrawFn) -> tuple[str, str, object]:
    """One of these keys, and its value."""
    table, key = draw(st.sampled_from(PLACES))
    return table, key, draw(st.sampled_from(ITEMS[table][key]))
