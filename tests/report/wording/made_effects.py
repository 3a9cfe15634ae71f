"""Hand-made rows of the effects table and of the runs, and the headline of both."""

import math

import pandas as pd

from ablate.analysis import effects
from ablate.analysis.effects import Metric
from ablate.report import wording

ACCURACY = Metric("test_accuracy", "test_accuracy", 1, 100.0, "points", 0.1, 0.005)
TITLE = "A deep MLP"
COUNTED = "at the worse of guessing and the worst run that finished"


def effect(variant, mean, half, verdict, *, n=8, p=0.03, mode="find", metric="test_accuracy", needed=14, **more):
    factor, _, level = variant.partition("=")
    known = {
        "factor": factor, "level": level, "variant": variant, "mode": mode, "n": n, "mean": mean, "sd": half,
        "low": mean - half, "high": mean + half, "p": p, "p_adjusted": p, "verdict": verdict,
        "low_adjusted": mean - half, "high_adjusted": mean + half, "seeds_needed": needed, "margin": 0.005,
        "metric": metric, "unit": "nats" if metric.endswith("loss") else "points",
        "scale": 1.0 if metric.endswith("loss") else 100.0, "against": "reference", "look": 0, "failures": "",
        "test": "paired", "adjustment": "max-T",
        "n_runs": n, "n_lost": 0, "reference_runs": n, "reference_lost": 0,
    } | more  # fmt: skip
    return {name: known.get(name, math.nan) for name in effects.EFFECT_COLUMNS}


def told(*rows, results=None, lower_is_better="", has_seeds=True):
    table = pd.DataFrame(rows, columns=list(effects.EFFECT_COLUMNS))
    results = runs() if results is None else results
    how = {"lower_is_better": lower_is_better, "has_seeds": has_seeds}
    lines = wording.headline(table, results, title=TITLE, lost_count=COUNTED, **how)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def runs(*rows):
    names = ["trial", "phase", "variant", "factor", "level", "mode", "seed", "state", "score"]
    return pd.DataFrame([dict(zip(names, ("t", "ablation", *row), strict=True)) for row in rows], columns=names)


def broken(variant, mode, states):
    return [(variant, "", "", mode, seed, state, None) for seed, state in enumerate(states)]
