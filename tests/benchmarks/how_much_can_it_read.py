"""How much can `ablate analyze` read? Seconds and peak memory of the whole command, its report included.

`python tests/benchmarks/how_much_can_it_read.py [--rows 1000 10000 100000]`

Each table is written first, then read in a process of its own that does nothing else: a random search over eight
factors, of which one row in ten is a variant of the reference under one of 20 seeds; and a complete factorial with
four seeds. One row in fifty diverged.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

LEVELS = {
    "normalization": ["none", "batch", "layer"],
    "activation": ["relu", "elu", "gelu", "silu", "selu"],
    "optimizer": ["sgd", "momentum", "adam", "adamw", "nadam"],
    "depth": [2, 4, 8, 16],
    "width": [32, 64, 128, 256, 512],
    "dropout": [0.0, 0.1, 0.3, 0.5],
}
N_SEEDS = 20
CELL_SEEDS = 4
DIVERGED = 50
# Run in the child: the command as the shell runs it, then what it needed.
CHILD = """
import sys
sys.argv = ["ablate", *sys.argv[1:]]
try:
    from ablate.cli.main import app
    app(standalone_mode=False)
finally:
    from ablate.system import peak_memory_bytes
    print(f"peak {peak_memory_bytes()}")
"""


def searched(n_rows: int, *, seed: int) -> pd.DataFrame:
    """A random search of continuous rates and decays with a comparison of variants in it."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({name: rng.choice(levels, size=n_rows) for name, levels in LEVELS.items()})
    table["rate"] = 10 ** rng.uniform(-4, -1, size=n_rows)
    table["decay"] = rng.uniform(0, 0.1, size=n_rows)
    table["seed"] = 0
    n_compared = n_rows // 10
    variants = [{}] + [{name: level} for name, levels in LEVELS.items() for level in levels[1:]]
    reference = {name: levels[0] for name, levels in LEVELS.items()} | {"rate": 1e-3, "decay": 0.01}
    rows = [reference | variants[i // N_SEEDS % len(variants)] | {"seed": i % N_SEEDS + 1} for i in range(n_compared)]
    return scored(pd.concat([pd.DataFrame(rows), table.iloc[n_compared:]], ignore_index=True), rng=rng)


def crossed(n_rows: int, *, seed: int) -> pd.DataFrame:
    """All combinations of as many factors as fit, and of a number with as many levels as then do."""
    chosen: dict[str, list[object]] = {"seed": list(range(CELL_SEEDS))}
    size = CELL_SEEDS
    for name, levels in LEVELS.items():
        if size * len(levels) > n_rows:
            break
        chosen[name], size = list(levels), size * len(levels)
    if n_rows // size > 1:
        chosen["decay"] = [i / 100 for i in range(n_rows // size)]
    grid = pd.MultiIndex.from_product(chosen.values(), names=list(chosen)).to_frame(index=False)
    return scored(grid, rng=np.random.default_rng(seed))


def scored(table: pd.DataFrame, *, rng: np.random.Generator) -> pd.DataFrame:
    """A score in which three factors and an interaction matter, and the noise that a seed shares."""
    norm, drop = table["normalization"] != "none", table.get("dropout", pd.Series(0.0, index=table.index))
    rate = np.log10(table["rate"]) if "rate" in table else pd.Series(-3.0, index=table.index)
    score = 0.6 + 0.05 * norm - 0.1 * drop - 0.02 * (rate + 2.5 - 0.5 * norm) ** 2
    score += rng.normal(scale=0.01, size=table["seed"].max() + 1)[table["seed"]]
    score += rng.normal(scale=0.005, size=len(table))
    return table.assign(val_acc=score.mask(rng.integers(DIVERGED, size=len(table)) == 0, np.nan))


def measured(table: pd.DataFrame, folder: Path) -> tuple[float, float, int]:
    """Seconds and peak memory in GB of the command, bytes of its page."""
    table.to_csv(folder / "table.csv", index=False, na_rep="nan")
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", CHILD, "analyze", "table.csv"], cwd=folder, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - begun
    peak = re.search(r"^peak (\d+)", done.stdout, re.MULTILINE)
    if done.returncode or peak is None:
        raise SystemExit(f"the command failed:\n{done.stdout}{done.stderr}")
    return seconds, int(peak[1]) / 1e9, (folder / "reports" / "table" / "report.html").stat().st_size


def main() -> None:
    """Measure and print a line a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(f"{'table':<10} {'rows':>8} {'seconds':>8} {'peak, GB':>9} {'page, MB':>9}")
    for n_rows in options.rows:
        for make in (searched, crossed):
            table = make(n_rows, seed=options.seed)
            with tempfile.TemporaryDirectory() as folder:
                seconds, peak, page = measured(table, Path(folder))
            print(f"{make.__name__:<10} {len(table):>8,} {seconds:>8.1f} {peak:>9.2f} {page / 1e6:>9.2f}", flush=True)


if __name__ == "__main__":
    main()
