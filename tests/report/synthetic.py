"""A study's folder as a real run would leave it, with planted effects."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ablate.storage.layers import layers_table
from ablate.storage.results import CLASSIFICATION, result_columns, write_table
from ablate.study.trial import LayerState, Outcome, RateTest

EPOCHS = 20
OF_STUDY = result_columns(CLASSIFICATION)
HOSTILE = "<script>alert(1)</script>"
VARIANTS = {  # (factor, level): planted effect in fractions of 1
    ("normalization", "batch"): 0.040,
    ("normalization", "layer"): 0.021,
    ("activation", "relu"): -0.012,
    ("activation", "leaky_relu"): -0.002,
    ("activation", "selu"): 0.014,
    ("activation", "$x_1$"): 0.0005,
    ("initializer", "lecun_normal"): -0.001,
    ("initializer", HOSTILE): 0.000,
    ("dropout", "0.1"): 0.005,
    ("dropout", "0.3"): -0.020,
    ("optimizer", "sgd"): -0.060,
    ("optimizer", "_adam & a very long level name that goes on and on"): 0.003,
}
OF_BEST = {  # the same, changed in the best configuration
    ("normalization", "none"): -0.043,
    ("optimizer", "sgd"): -0.030,
    ("dropout", "0.1"): 0.001,
}
BASELINE = {
    "normalization": "none", "activation": "elu", "initializer": "he_normal", "dropout": 0.0, "optimizer": "nadam",
    "learning_rate_setting": "find",
}  # fmt: skip
BEST_LEVELS = BASELINE | {"normalization": "batch", "activation": "selu"}
REFERENCE = {("learning_rate" if name == "learning_rate_setting" else name): BASELINE[name] for name in BASELINE}
MODEL = '\n[model]\nname = "mlp"\ndepth = 20\n'
RULES = {"steepest": 8.3e-4, "minimum / 10": 4.8e-3, "valley": 1.3e-4, "divergence": 0.4}


def write_study(
    folder: Path,
    *,
    n_seeds: int = 9,
    modes: tuple[str, ...] = ("find",),
    bare: bool = False,
    both: bool = False,
    facts: dict[str, object] | None = None,
) -> Path:
    """Write results.csv, and unless `bare` all that lies beside it; 24 search trials, 12 variants a mode.

    With `both`, the best configuration is compared too, and three variants of it. `facts` are added to the provenance.
    """
    rng = np.random.default_rng(7)
    folder.mkdir(parents=True, exist_ok=True)
    rows, epochs = _search(rng)
    noise = rng.normal(0, 0.003, n_seeds)
    for cell in _cells(modes, both=both):
        for seed in range(n_seeds):
            row, curve = _ablation(cell, seed, final=0.512 + cell.gain + noise[seed] + rng.normal(0, 0.004), rng=rng)
            rows.append(row)
            epochs += curve
    write_table(pd.DataFrame(rows, columns=[*OF_STUDY, *BASELINE]), folder / "results.csv")
    if not bare:
        write_table(pd.DataFrame(epochs), folder / "epochs.csv")
        write_table(layers_table(map(_looked_into, rows)), folder / "layers.csv")
        (folder / "lr_tests.json").write_text(json.dumps(_rate_tests(rng)))
        (folder / "provenance.json").write_text(json.dumps(provenance(modes) | (facts or {})))
        (folder / "study.toml").write_text(f'title = "A deep MLP {HOSTILE}"\n\n[data]\nname = "cifar10"\n{MODEL}')
    return folder


@dataclass(frozen=True)
class Cell:
    """One configuration of the ablation and its planted gain."""

    variant: str
    factor: str = ""
    level: str = ""
    mode: str = ""
    against: str = ""
    gain: float = 0.0

    def levels(self) -> dict[str, object]:
        levels = BEST_LEVELS if "best" in (self.variant, self.against) else BASELINE
        return levels | ({self.factor: self.level} if self.factor else {})


def _cells(modes: tuple[str, ...], *, both: bool) -> list[Cell]:
    cells = [Cell("reference")]
    cells += [
        Cell(f"{f}={v}", f, v, mode, "reference", gain - 0.015 * (mode == "carry" and f == "normalization"))
        for mode in modes
        for (f, v), gain in VARIANTS.items()
    ]
    if both:
        cells.append(Cell("best", against="reference", gain=0.05))
        cells += [
            Cell(f"best: {f}={v}", f, v, mode, "best", 0.05 + gain)
            for mode in modes
            for (f, v), gain in OF_BEST.items()
        ]
    return cells


def provenance(modes: tuple[str, ...] = ("find",)) -> dict[str, object]:
    return {
        "study": "cifar_mlp", "title": f"A deep MLP on CIFAR-10 {HOSTILE}", "started": "2026-11-21T10:30:00+00:00",
        "ended": "2026-11-21T10:47:52+00:00", "command": "ablate study cifar_mlp", "ablate_version": "0.1.0",
        "versions": {"python": "3.11.2", "tensorflow": "2.21.0", "keras": "3.15.0", "optuna": "5.0.0"},
        "hardware": {"machine": "Linux x86_64", "cpu": "A processor", "cores": 2, "memory_gb": 8.0, "gpus": []},
        "workers": 2, "threads": 1, "seed": 0, "git": {"commit": "e466d59c0ffee", "dirty": True},
        "data": {"name": "cifar10", "fingerprint": "3f9a" * 16, "stand_in": False, "source": "cifar10.npz",
                 "n_train": 45000, "n_validation": 5000, "n_test": 10000, "n_classes": 10, "shape": [32, 32, 3],
                 "scaling": "standardize"},
        "monitor": "val_accuracy", "margin": None, "reference": REFERENCE,
        "reference_kind": "baseline", "modes": list(modes), "seeds": 9, "designs": ["one-factor"],
        "frozen": {"digest": "5ee1" * 16, "at": "2026-11-21T10:38:00+00:00", "contrasts": 40, "cells": 41,
                   "level": 0.05, "earlier": [], "scores": 113, "read_before": [], "undated": 0},
        "reused": {"rows": 0, "from": []}, "recipes": {}, "conditions": {},
        "epochs": 20, "batch_size": 32, "patience": 5,
        "tracking_uri": "sqlite:///mlflow.db", "experiment": "cifar_mlp", "parent_run_id": "0123456789abcdef",
        "time": {"total": 1072.0, "train": 1007.0, "evaluate": 10.0, "compile": 32.0, "lr_test": 9.0, "data": 3.0,
                 "build": 2.0, "track": 3.2, "report": 4.0},
        "complete": True, "interrupted": False, "quick": False,
        "notes": ["SELU asks for LeCun-normal initialization and alpha dropout; initializer=he_normal was used."],
    }  # fmt: skip


def _search(rng: np.random.Generator) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    rows, epochs = [], []
    for number in range(1, 25):
        levels = {
            "normalization": str(rng.choice(["none", "batch", "layer"])),
            "activation": str(rng.choice(["elu", "relu", "selu"])),
            "initializer": str(rng.choice(["he_normal", "lecun_normal"])),
            "dropout": float(np.round(rng.uniform(0, 0.4), 3)),
            "optimizer": str(rng.choice(["nadam", "sgd"])),
            "learning_rate_setting": f"find*{rng.uniform(0.1, 3):.3g}",
        }
        state = "diverged" if number in (5, 19) else "pruned" if number % 4 == 3 else "finished"
        gain = {"batch": 0.04, "layer": 0.02, "none": 0.0}[levels["normalization"]] - 0.1 * levels["dropout"]
        gain -= 0.06 * (levels["optimizer"] == "sgd")
        score = None if state == "diverged" else 0.50 + gain + rng.normal(0, 0.008) - 0.08 * (state == "pruned")
        trial = f"search-{number:04d}"
        rows.append(_row(trial, "search", state, score, rng) | levels | {"seed": 1000})
        epochs += _curve(trial, score or 0.2, 5 if state == "pruned" else EPOCHS, rng)
    return rows, epochs


def _ablation(
    cell: Cell, seed: int, *, final: float, rng: np.random.Generator
) -> tuple[dict[str, object], list[dict[str, object]]]:
    trial = f"ablation-{cell.variant}-{cell.mode}-s{seed}"
    is_lost = cell.variant == "optimizer=sgd" and seed in (1, 4, 6, 7)
    state = "diverged" if is_lost else "finished"
    score = None if is_lost else final + 0.008
    row = _row(trial, "ablation", state, score, rng) | cell.levels()
    row |= {"variant": cell.variant, "factor": cell.factor, "level": cell.level, "mode": cell.mode, "seed": seed}
    row |= {"against": cell.against, "design": "one-factor"}
    if not is_lost:
        row |= {"test_accuracy": round(final, 4), "test_loss": 1.4}
    return row, _curve(trial, score or 0.15, 3 if is_lost else int(rng.integers(16, EPOCHS + 1)), rng)


def _row(trial: str, phase: str, state: str, score: float | None, rng: np.random.Generator) -> dict[str, object]:
    blank = dict.fromkeys(OF_STUDY, "")
    return blank | {
        "trial": trial, "phase": phase, "state": state, "score": score, "val_accuracy": score,
        "val_loss": None if score is None else 1.4, "test_accuracy": None, "test_loss": None, "best_epoch": 15,
        "epochs": 20, "learning_rate": float(f"{10 ** rng.normal(-3.1, 0.2):.3g}"), "parameters": 499_000,
        "seconds": float(np.round(rng.uniform(6, 12), 2)), "data": "3f9a", "lr_test": "k", "run_id": "ab12" * 8,
        "same_as": "", "reason": f"loss is NaN at epoch 3 {HOSTILE}" if state == "diverged" else "",
    }  # fmt: skip


def _curve(trial: str, final: float, n: int, rng: np.random.Generator) -> list[dict[str, object]]:
    epoch = np.arange(1, n + 1)
    rise = 1 - np.exp(-epoch / 4)
    val = final * (0.55 + 0.45 * rise) + rng.normal(0, 0.004, n)
    train = final * (0.5 + 0.65 * rise) + rng.normal(0, 0.002, n)
    return [
        {"trial": trial, "epoch": int(e), "train_loss": 2.3 - 1.4 * t, "train_accuracy": float(t),
         "val_loss": 2.3 - 1.5 * v, "val_accuracy": float(v), "learning_rate": 8e-4, "seconds": 0.5}
        for e, t, v in zip(epoch, train, val, strict=True)
    ]  # fmt: skip


def _looked_into(row: dict[str, object]) -> Outcome:
    """Two layers of a trial of the ablation, at its start and, if it finished, at its end."""
    whens = ("start", "end")[: 1 + (row["state"] == "finished")] if row["phase"] == "ablation" else ()
    corner = ((0.5, -0.25), (0.0, 1e-3))
    layers = [
        LayerState(when, number, "Dense", 0.1 * number, 1.0 / number, 10.0**-number, 100, 100 - number,
                   corner if (when, number) == ("end", 2) else ())
        for when in whens
        for number in (1, 2)
    ]  # fmt: skip
    return Outcome(str(row["trial"]), "finished", layers=tuple(layers))


def _rate_tests(rng: np.random.Generator) -> list[dict[str, object]]:
    labels = ["reference", *(f"{factor}={level}" for factor, level in VARIANTS)][:11]
    tests = []
    for number, label in enumerate(labels):
        shift = float(rng.normal(0, 0.3))
        x = np.log10(1e-7 * 1e8 ** (np.arange(84) / 100))
        curve = 2.3 - 1.8 / (1 + np.exp(-(x + 3 + shift) / 0.35)) + 10 ** (2.5 * (x + 0.5))
        losses = 2.35 + 0 * x if number == 6 else curve
        is_sure = number != 6
        rules = {name: rate * 10**-shift for name, rate in RULES.items()} if is_sure else dict.fromkeys(RULES)
        test = RateTest(
            key=f"key{number}", rates=tuple(10**x), losses=tuple(losses + rng.normal(0, 0.02, len(x))), rules=rules,
            suggestion=8.3e-4 * 10**-shift if is_sure else 1e-3, seconds=0.4,
            verdict="determined" if is_sure else "undetermined", reason="" if is_sure else "the loss never falls",
        )  # fmt: skip
        tests.append({"label": label, "factors": BASELINE} | asdict(test))
    return tests
