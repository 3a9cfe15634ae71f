"""Two folders of results that differ in what a test says."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from synthetic import write_study


def write_two(
    folder: Path, *, drop: str = "", add: dict[str, float] | None = None, facts: dict[str, object] | None = None
) -> tuple[Path, Path]:
    """`a` as `write_study` has it, and `b` with other noise, without the variant `drop`, with gains to `add`."""
    a, b = write_study(folder / "a"), write_study(folder / "b", facts=facts)
    for path in (a, b):
        tested(path, seed=1 if path == a else 2, drop=drop if path == b else "", add=add if path == b else None)
    return a, b


def tested(folder: Path, *, seed: int, drop: str, add: dict[str, float] | None) -> None:
    path = folder / "results.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    noise = np.random.default_rng(seed).normal(0, 0.002, len(table))
    gain = table["variant"].map(add or {}).fillna(0.0).to_numpy()
    for name in ("test_accuracy", "score"):
        values = pd.to_numeric(table[name], errors="coerce")
        table[name] = [f"{value:.5f}" if value == value else "" for value in values + noise + gain]
    table[table["variant"] != drop].to_csv(path, index=False)


def with_facts(folder: Path, **facts: object) -> Path:
    path = folder / "provenance.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | facts))
    return folder
