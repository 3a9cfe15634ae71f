"""Folders of studies that predict something else than one of many classes, as real runs would leave them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from synthetic import provenance

from ablate.storage.predictions import KeptPredictions, write_predictions
from ablate.storage.provenance import TaskFacts
from ablate.storage.results import result_columns, write_table
from ablate.study.task import Target, Task, TaskMetric

N = 400  # test examples
EPOCHS = 6
VARIANTS = {("width", "64"): 1.0, ("width", "128"): 4.0, ("dropout", "0.2"): -3.0}  # how much better, in mg/dl
HOUSES = Task(
    {"": Target("numbers", (1,))},
    (TaskMetric("mae", "minimize", "mg/dl", 60.0), TaskMetric("r2", "maximize", "", 0.0),
     TaskMetric("loss", "minimize", "", 4000.0)),
    "mae", {"": "mse"}, margin=2.0,
)  # fmt: skip
RARE = Task(
    {"": Target("classes", n_classes=2, names=("healthy", "ill"))},
    (TaskMetric("pr_auc", "maximize", "", 0.05), TaskMetric("accuracy", "maximize", "points", 0.95),
     TaskMetric("loss", "minimize", "nats", 0.2)),
    "pr_auc", {"": "sparse_categorical_crossentropy"}, margin=0.01,
)  # fmt: skip


def write_numbers(folder: Path, *, n_seeds: int = 6) -> Path:
    """A regression, judged by the mean absolute error in mg/dl; one run diverges."""
    rng = np.random.default_rng(1)
    signal = rng.normal(150, 50, N)
    targets = signal + rng.normal(0, 15, N)
    kept: dict[str, np.ndarray] = {}

    def trained(trial: str, gain: float, noise: float) -> dict[str, float]:
        kept[trial] = (signal + rng.normal(0, 30 - 2 * gain + noise, N)).astype(np.float32)
        error = np.abs(targets - kept[trial])
        return {"mae": float(error.mean()), "r2": float(1 - (error**2).mean() / targets.var()),
                "loss": float((error**2).mean())}  # fmt: skip

    _write(folder, HOUSES, trained, n_seeds=n_seeds, rng=rng, facts=_facts(HOUSES, "val_mae"))
    write_predictions(KeptPredictions(targets.astype(np.float32), kind="numbers", numbers=kept),
                      folder / "test_predictions.npz")  # fmt: skip
    return folder


def write_rare(folder: Path, *, n_seeds: int = 6) -> Path:
    """Two classes, one of them rare, judged by the area under precision by recall."""
    rng = np.random.default_rng(2)
    labels = (np.arange(N) < 24).astype(np.uint8)
    classes, confidence = {}, {}

    def trained(trial: str, gain: float, noise: float) -> dict[str, float]:
        p = 1 / (1 + np.exp(-(rng.normal(size=N) - 3 + (3 + 0.3 * gain + noise / 10) * labels)))
        classes[trial], confidence[trial] = (p >= 0.5).astype(np.uint8), np.maximum(p, 1 - p)
        return {"pr_auc": 0.5 + 0.05 * gain + 0.01 * noise, "accuracy": float((classes[trial] == labels).mean()),
                "loss": 0.15}  # fmt: skip

    _write(folder, RARE, trained, n_seeds=n_seeds, rng=rng, facts=_facts(RARE, "val_pr_auc", n_classes=2))
    write_predictions(KeptPredictions(labels, classes, confidence=confidence), folder / "test_predictions.npz")
    return folder


def _facts(task: Task, monitor: str, *, n_classes: int | None = None) -> dict[str, object]:
    facts = TaskFacts.of(task)
    metrics = [{"name": m.name, "goal": m.goal, "unit": m.unit, "guess": m.guess} for m in facts.metrics]
    told = {"decides": facts.decides, "metrics": metrics, "losses": dict(facts.losses or {}), "kind": facts.kind,
            "names": list(facts.names or ()), "margin": facts.margin}  # fmt: skip
    reference = {"width": "32", "dropout": "0.0", "learning_rate": 0.001}
    data = {"name": "sugar", "n_train": 300, "n_validation": 60, "n_test": N, "shape": [10], "scaling": "standardize",
            "source": "sugar.csv", "fingerprint": "3f9a" * 16, "stand_in": False}  # fmt: skip
    if n_classes:
        data["n_classes"] = n_classes
    return provenance() | {
        "study": "sugar", "title": "Blood sugar", "monitor": monitor, "task": told, "reference": reference,
        "modes": [], "data": data, "notes": [], "seeds": 6, "command": "ablate study sugar", "experiment": "sugar",
    }  # fmt: skip


def _write(folder, task, trained, *, n_seeds, rng, facts) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    columns = result_columns(task.names)
    sign = task.metric.sign
    rows, epochs = [], []
    cells = [("reference", "", "", 0.0), *((f"{f}={v}", f, v, gain) for (f, v), gain in VARIANTS.items())]
    for seed in range(n_seeds):
        noise = float(rng.normal(0, 0.5))
        for variant, factor, level, gain in cells:
            trial, is_lost = f"ablation-{variant}-s{seed}", (variant, seed) == ("dropout=0.2", 3)
            found = {} if is_lost else trained(trial, gain, noise)
            row = dict.fromkeys(columns, "") | {
                "trial": trial, "phase": "ablation", "design": "one-factor", "variant": variant, "factor": factor,
                "level": level, "against": "reference" if factor else "", "seed": seed, "parameters": 12_345,
                "state": "diverged" if is_lost else "finished", "best_epoch": 4, "epochs": EPOCHS, "seconds": 2.0,
                "learning_rate": 1e-3, "width": "32", "dropout": "0.0", "learning_rate_setting": "0.001",
            }  # fmt: skip
            row |= {factor: level} if factor else {}
            row |= {f"{part}_{name}": value for part in ("val", "test") for name, value in found.items()}
            row["score"] = sign * found[task.decides] if found else ""
            rows.append(row)
            epochs += _curve(trial, found, rng) if found else []
    write_table(pd.DataFrame(rows), folder / "results.csv")
    write_table(pd.DataFrame(epochs), folder / "epochs.csv")
    (folder / "provenance.json").write_text(json.dumps(facts))
    (folder / "study.toml").write_text('title = "Blood sugar"\n\n[data]\nname = "sugar.csv"\n\n[model]\nname = "mlp"\n')


def _curve(trial: str, final: dict[str, float], rng: np.random.Generator) -> list[dict[str, object]]:
    rows = []
    for epoch in range(1, EPOCHS + 1):
        ease = 1 + 1 / epoch
        values = {name: value * ease + rng.normal(0, 0.01 * abs(value)) for name, value in final.items()}
        measured = {f"{part}_{name}": v * (0.95 if part == "train" else 1) for name, v in values.items()
                    for part in ("train", "val")}  # fmt: skip
        rows.append({"trial": trial, "epoch": epoch, **measured, "learning_rate": 1e-3, "seconds": 0.3})
    return rows
