"""Nasty tables: what people hand in, the truth behind it, and what a report on it must and must not say.

The expectations follow from the truth, not from what the package says. Two outcomes are right for most tables: a
refusal that names the trouble, or a report that says it and claims nothing beyond it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

Rng: TypeAlias = np.random.Generator
Rows: TypeAlias = list[dict[str, Any]]  # Any: cells of several types


@dataclass(frozen=True, slots=True)
class NastyTable:
    """A table made by code, and what is right to say about it; regular expressions ignore capitals."""

    name: str
    truth: str
    make: Callable[[Rng], "Rows | str"]  # rows, or the text of the file
    asked: dict[str, Any] = field(default_factory=dict)  # options of `ablate analyze`; Any: of several types
    refused: str | None = None  # what a refusal says; None: refusing is wrong
    said: Sequence[str] = ()  # what the page or the notes say, each once at least
    answered: Sequence[str] = ()  # what the answer at the head of the page says
    claimed: Sequence[str] = ()  # claims that the page makes
    wrong: str = "."  # claims that are false, as "kind · section: text"; ".": every claim is
    never: str = ""  # what nothing on the page may say
    read: bool = True  # whether reading it is right

    @property
    def text(self) -> str:
        """The content of the file."""
        made = self.make(np.random.default_rng(len(self.name)))
        return made if isinstance(made, str) else pd.DataFrame(made).to_csv(index=False)


def runs(
    rng: Rng,
    effects: dict[str, float],
    *,
    n: int = 8,
    sd: float = 0.3,
    factor: str = "optimizer",
    score: str = "val_accuracy",
    at: float = 90.0,
    exact: bool = False,
    **more: object,
) -> Rows:
    """One row a level and seed: `at` + effect + luck of the seed + noise, in points.

    With `exact` the noise of each level has mean 0 and SD `sd` in the sample itself, so that differences are known.
    """
    luck = rng.normal(size=n)
    rows = []
    for level, effect in effects.items():
        noise = rng.normal(size=n)
        if exact:
            noise = (noise - noise.mean()) / noise.std(ddof=1)
        for seed in range(n):
            value = round(at + effect + luck[seed] + sd * noise[seed], 4)
            rows.append({factor: level, "seed": seed, score: value, **more})
    return rows


def _blank_scores(rng: Rng) -> Rows:
    """Adam loses the hard seeds, and is equal in the others: beside the reference's mean the survivors look better."""
    rows = runs(rng, {"sgd": 0, "adam": 3}, n=12)
    return [row | {"val_accuracy": ""} if row["optimizer"] == "adam" and row["seed"] < 5 else row for row in rows]


def _blank_states(rng: Rng) -> Rows:
    rows = runs(rng, {"sgd": 0, "adam": 1}, n=10)
    lost = [row["optimizer"] == "adam" and row["seed"] % 3 == 0 for row in rows]
    states = [{"state": ""} | {"val_accuracy": ""} if one else {"state": "finished"} for one in lost]
    return [row | state for row, state in zip(rows, states, strict=True)]


def _unknown_states(rng: Rng) -> Rows:
    rows = runs(rng, {"sgd": 0, "adam": 1}, n=10)
    return [
        row | {"state": "gone" if row["optimizer"] == "adam" and row["seed"] in (2, 5, 8) else "ok"} for row in rows
    ]


def _early_stopped(rng: Rng) -> Rows:
    rows = runs(rng, {"sgd": 0, "adam": 0}, n=8)
    return [row | {"state": "early_stopped" if row["seed"] % 2 else "completed"} for row in rows]


def _lost_altogether(rng: Rng) -> Rows:
    rows = runs(rng, {"sgd": 0, "adam": 0, "rmsprop": 0.1})
    return [
        row | ({"state": "diverged", "val_accuracy": ""} if row["optimizer"] == "adam" else {"state": "finished"})
        for row in rows
    ]


def _lost_losses(rng: Rng) -> Rows:
    """Lower is better, guessing is unknown: with three lost runs no size can be given."""
    rows = runs(rng, {"sgd": 0, "adam": -0.5}, n=10, score="val_loss", at=2.0, sd=0.05)
    return [row | {"val_loss": "nan"} if row["optimizer"] == "adam" and row["seed"] < 3 else row for row in rows]


def _simpson(rng: Rng) -> Rows:
    """Adam is 2 points worse at both sizes, and mostly run at the large one."""
    rows = []
    for optimizer, sizes in (("sgd", ("1k", "1k", "1k", "50k")), ("adam", ("1k", "50k", "50k", "50k"))):
        for seed in range(8):
            for size in sizes:
                score = 70 + 25 * (size == "50k") - 2 * (optimizer == "adam") + 0.1 * rng.normal()
                rows.append({"optimizer": optimizer, "data_size": size, "seed": seed, "val_accuracy": round(score, 3)})
    return rows


def _confounded(rng: Rng) -> Rows:
    rows = runs(rng, {"sgd": 0, "adam": 3})
    return [row | {"batch_size": 32 if row["optimizer"] == "sgd" else 256} for row in rows]


def _aliased(rng: Rng) -> Rows:
    rows = runs(rng, {"sgd": 0, "adam": 3}, n=10)
    return [row | {"lr": 0.1 if row["optimizer"] == "sgd" else 0.001} for row in rows]


def _repeated_folds(rng: Rng) -> Rows:
    """10 × 10 folds: t is 3 were they independent, .86 with the corrected variance."""
    noise = rng.normal(size=100)
    noise = 0.3 + (noise - noise.mean()) / noise.std(ddof=1)
    rows = []
    for at in range(100):
        fold, base = at % 10, 80 + rng.normal()
        both = {"repeat": at // 10, "fold": fold}
        rows.append({"model": "a", **both, "accuracy": round(base, 4)})
        rows.append({"model": "b", **both, "accuracy": round(base + noise[at], 4)})
    return rows


def _folds(rng: Rng) -> Rows:
    """Ten folds with t = 2.6: p = .03 were they independent, .11 with the corrected variance."""
    noise = rng.normal(size=10)
    noise = 0.82 + (noise - noise.mean()) / noise.std(ddof=1)
    base = 80 + rng.normal(size=10)
    rows = [{"model": "a", "fold": fold, "accuracy": round(base[fold], 4)} for fold in range(10)]
    return rows + [{"model": "b", "fold": fold, "accuracy": round(base[fold] + noise[fold], 4)} for fold in range(10)]


def _repeats_within_seeds(rng: Rng) -> Rows:
    """Three data seeds, ten repeats each; what the variant does depends on the data: three numbers, not thirty."""
    rows = []
    for seed, gain in enumerate((2.0, 1.5, 0.2)):
        for repeat in range(10):
            luck = rng.normal()
            for level in ("sgd", "adam"):
                score = 90 + luck + gain * (level == "adam") + 0.1 * rng.normal()
                rows.append({"optimizer": level, "seed": seed, "repeat": repeat, "val_accuracy": round(score, 3)})
    return rows


def _by_epoch(rng: Rng) -> Rows:
    """A row an epoch, and two optimizers that are equal."""
    rows = []
    for row in runs(rng, {"sgd": 0, "adam": 0}, n=8):
        for epoch in range(1, 11):
            score = row["val_accuracy"] - 40 * math.exp(-epoch / 3) + 0.2 * rng.normal()
            rows.append({**row, "epoch": epoch, "val_accuracy": round(score, 3)})
    return rows


def _by_step(rng: Rng) -> Rows:
    """A row every 500 steps; runs have different lengths."""
    rows = []
    for row in runs(rng, {"sgd": 0, "adam": 0}, n=6):
        for step in range(500, 500 * int(rng.integers(8, 13)), 500):
            score = row["val_accuracy"] - 40 * math.exp(-step / 1500) + 0.2 * rng.normal()
            rows.append({**row, "global_step": step, "val_accuracy": round(score, 3)})
    return rows


def _percents_and_fractions(rng: Rng) -> Rows:
    rows = runs(rng, {"sgd": 0, "adam": 0.2, "rmsprop": 0})
    return [row | {"val_accuracy": round(row["val_accuracy"] / (100 if row["seed"] > 3 else 1), 5)} for row in rows]


def _percent_signs(rng: Rng) -> Rows:
    rows = runs(rng, {"sgd": 0, "adam": 0.2})
    return [
        row | {"val_accuracy": f"{row['val_accuracy']:.2f}%"} if row["seed"] % 2 else row | {"val_accuracy": 0.9}
        for row in rows
    ]


def _written_twice(rng: Rng) -> Rows:
    """Four seeds, and the whole table appended to itself."""
    rows = runs(rng, {"sgd": 0, "adam": 0.4}, n=4)
    return rows + rows


def _copied_seeds(rng: Rng) -> Rows:
    """Four runs a level that appear under eight seeds: the differences of four, not of eight."""
    rows = runs(rng, {"sgd": 0, "adam": 0.5}, n=4, sd=0.1)
    return rows + [row | {"seed": row["seed"] + 4} for row in rows]


def _same_in_all_seeds(_: Rng) -> Rows:
    """The seed does nothing: one measurement a level."""
    levels = {"sgd": 91.32, "adam": 91.57, "rmsprop": 90.98}
    return [{"optimizer": level, "seed": seed, "val_accuracy": score} for level, score in levels.items()
            for seed in range(8)]  # fmt: skip


def _constant(rng: Rng) -> Rows:
    """The metric was never computed: every score is .1."""
    return [row | {"val_accuracy": 0.1} for row in runs(rng, {"sgd": 0, "adam": 0, "rmsprop": 0})]


def _disjoint_seeds(rng: Rng) -> Rows:
    rows = runs(rng, {"sgd": 0, "adam": 4}, n=10, sd=0.5)
    return [row | {"seed": row["seed"] + (100 if row["optimizer"] == "adam" else 0)} for row in rows]


def _few_shared_seeds(rng: Rng) -> Rows:
    """Ten seeds a level of which two are shared."""
    rows = runs(rng, {"sgd": 0, "adam": 0.2}, n=10, sd=0.5)
    return [row | {"seed": row["seed"] + (8 if row["optimizer"] == "adam" else 0)} for row in rows]


def _blank_seeds(rng: Rng) -> Rows:
    rows = runs(rng, {"sgd": 0, "adam": 0.1}, n=10, exact=True)
    return [row | {"seed": ""} if row["seed"] in (1, 4) else row for row in rows]


def _one_run_a_cell(rng: Rng) -> Rows:
    return [
        {"norm": a, "act": b, "opt": c, "val_accuracy": round(90 + rng.normal(), 3)}
        for a in ("none", "batch")
        for b in ("relu", "tanh")
        for c in ("sgd", "adam")
    ]


def _named_like_ours(rng: Rng) -> Rows:
    rows = runs(rng, {"10": 0, "20": 2}, factor="epochs", n=10)
    return [row | {"mode": mode, "val_accuracy": round(row["val_accuracy"] + 0.3 * rng.normal(), 3)} for row in rows
            for mode in ("train", "eval")]  # fmt: skip


def _named_level_and_factor(rng: Rng) -> Rows:
    rows = runs(rng, {"low": 0, "high": 2}, factor="level", n=10)
    return [row | {"factor": factor, "val_accuracy": round(row["val_accuracy"] + 0.3 * rng.normal(), 3)}
            for row in rows for factor in ("a", "b")]  # fmt: skip


def _named_variant(rng: Rng) -> Rows:
    return runs(rng, {"base": 0, "ours": 2}, factor="variant", n=10)


def _named_seed(rng: Rng) -> Rows:
    """The seed of the data as a factor of two levels, repeated ten times: 2 is better by 2 points."""
    rows = runs(rng, {"1": 0, "2": 2}, factor="data", n=10)
    return [{"seed": row["data"], "rep": row["seed"], "val_accuracy": row["val_accuracy"]} for row in rows]


def _margin_in_points(rng: Rng) -> Rows:
    """Fractions, and a margin of half a point given as 0.5: fifty points."""
    rows = runs(rng, {"sgd": 0, "adam": 6})
    return [row | {"val_accuracy": round(row["val_accuracy"] / 100, 5)} for row in rows]


def _timestamps(rng: Rng) -> Rows:
    rows = runs(rng, {"sgd": 0, "adam": 3})
    return [row | {"created_at": f"2026-03-{1 + at // 8:02}T10:{at:02}:17", "ts": 1772359200 + 977 * at}
            for at, row in enumerate(rows)]  # fmt: skip


def _memory(rng: Rng) -> Rows:
    rows = runs(rng, {"sgd": 0, "adam": 3})
    return [row | {"memory_size": round(2000 + 5 * rng.normal())} for row in rows]


def _ordinal(rng: Rng) -> Rows:
    """120 widths, one run each under each of two optimizers: nothing matters."""
    return [
        {"optimizer": optimizer, "width": 8 * width, "seed": width % 10, "val_accuracy": round(90 + rng.normal(), 3)}
        for width in range(1, 121)
        for optimizer in ("sgd", "adam")
    ]


def _two_headers(rng: Rng) -> str:
    rows = runs(rng, {"sgd": 0, "adam": 0.5})
    half = len(rows) // 2
    lines = ["optimizer,seed,val_accuracy", *(",".join(map(str, row.values())) for row in rows[:half])]
    lines += [
        "seed,optimizer,val_accuracy",
        *(f"{r['seed']},{r['optimizer']},{r['val_accuracy']}" for r in rows[half:]),
    ]
    return "\n".join(lines) + "\n"


def _two_score_columns(rng: Rng) -> Rows:
    """pandas.concat of two tables: the accuracy stands in another column for the second optimizer."""
    rows = runs(rng, {"sgd": 0, "adam": 0.5})
    return [{"optimizer": row["optimizer"], "seed": row["seed"],
             "val_accuracy": row["val_accuracy"] if row["optimizer"] == "sgd" else "",
             "accuracy": "" if row["optimizer"] == "sgd" else row["val_accuracy"]} for row in rows]  # fmt: skip


def _mean_rows(rng: Rng) -> Rows:
    """The table ends with a row of means and one of standard deviations for each optimizer."""
    rows = runs(rng, {"sgd": 0, "adam": 0.1}, n=6, score="reward", exact=True)
    table = pd.DataFrame(rows)
    for word in ("mean", "std"):
        found = table.groupby("optimizer")["reward"].agg(word).round(3)
        rows += [{"optimizer": name, "seed": word, "reward": value} for name, value in found.items()]
    return rows


def _lone_reference(rng: Rng) -> Rows:
    rows = runs(rng, {"sgd": 0, "adam": 2, "rmsprop": 2})
    return [row for row in rows if row["optimizer"] != "sgd" or row["seed"] == 0]


def _unequal_seeds(rng: Rng) -> Rows:
    rows = runs(rng, {"sgd": 0, "adam": 0, "rmsprop": 0}, n=15, exact=True)
    kept = {"sgd": 15, "adam": 9, "rmsprop": 4}
    return [row for row in rows if row["seed"] < kept[row["optimizer"]]]


def _outlier(rng: Rng) -> Rows:
    """A point was forgotten: 9312 for 93.12."""
    rows = runs(rng, {"sgd": 0, "adam": 0.1}, exact=True)
    rows[11]["val_accuracy"] = round(100 * rows[11]["val_accuracy"], 2)
    return rows


def _retried(rng: Rng) -> Rows:
    rows = [row | {"attempt": 1, "state": "finished"} for row in runs(rng, {"sgd": 0, "adam": 3})]
    crashed = [row | {"state": "crashed", "val_accuracy": ""} for row in rows if row["seed"] in (2, 5)]
    return [row | {"attempt": 2} if row["seed"] in (2, 5) else row for row in rows] + crashed


def _one_seed(rng: Rng) -> Rows:
    """Every run has seed 42; eight runs a level."""
    return [row | {"seed": 42} for row in runs(rng, {"sgd": 0, "adam": 0.4}, sd=0.1)]


def _data_sets(rng: Rng) -> Rows:
    """Three data sets of different difficulty: blocks; adam is better by 3 on each."""
    rows = []
    for name, shift in (("mnist", 8), ("fashion", 0), ("cifar10", -30)):
        rows += [row | {"dataset": name, "val_accuracy": round(row["val_accuracy"] + shift, 3)}
                 for row in runs(rng, {"sgd": 0, "adam": 3}, n=8)]  # fmt: skip
    return rows


def _collapses(rng: Rng) -> Rows:
    """Adam is a point better, and collapses to guessing in two of ten seeds, recorded as scores."""
    rows = runs(rng, {"sgd": 0, "adam": 1}, n=10)
    return [
        row | {"val_accuracy": 10.0} if row["optimizer"] == "adam" and row["seed"] in (3, 7) else row for row in rows
    ]


def _search_without_effect(rng: Rng) -> Rows:
    return [
        {"dropout": round(rng.uniform(0, 0.5), 3), "lr": float(f"{10 ** rng.uniform(-4, -1):.3g}"),
         "activation": str(rng.choice(["relu", "tanh", "gelu"])), "depth": int(rng.integers(2, 9)),
         "val_accuracy": round(90 + rng.normal(), 3)}
        for _ in range(60)
    ]  # fmt: skip


def _three_seeds(rng: Rng) -> Rows:
    return runs(rng, {"sgd": 0, "adam": 2, "rmsprop": -1}, n=3)


def _negated(name: str) -> Callable[[Rng], Rows]:
    """Adam is better: numbers below 0, the closer to 0 the better."""

    def make(rng: Rng) -> Rows:
        rows = runs(rng, {"sgd": 0, "adam": 0.5}, at=-5, sd=0.1)
        return [{"optimizer": row["optimizer"], "seed": row["seed"], name: row["val_accuracy"]} for row in rows]

    return make


def _error(name: str) -> Callable[[Rng], Rows]:
    """Adam is better: numbers above 0, the smaller the better."""

    def make(rng: Rng) -> Rows:
        rows = runs(rng, {"sgd": 0, "adam": -0.5}, at=5, sd=0.1)
        return [{"optimizer": row["optimizer"], "seed": row["seed"], name: row["val_accuracy"]} for row in rows]

    return make


def _improvement(name: str) -> Callable[[Rng], Rows]:
    """Adam is better: what the column measures is larger, and above 0."""

    def make(rng: Rng) -> Rows:
        rows = runs(rng, {"sgd": 0, "adam": 0.5}, at=5, sd=0.1)
        return [{"optimizer": row["optimizer"], "seed": row["seed"], name: row["val_accuracy"]} for row in rows]

    return make


MOVES = r"(?:\| [▲▼] )?(?:helps|hurts)"


def helps(level: str) -> str:
    """Says, in a sentence or a row, that a level helps."""
    return rf"\b{level} (?:\| ▲ )?helps"


def hurts(level: str) -> str:
    """Says, in a sentence or a row, that a level hurts."""
    return rf"\b{level} (?:\| ▼ )?hurts"


DROPPED = "(?:skipped|left out|ignored|no runs?)"
LOST = r"lost|did not finish|diverged|no score|blank|missing"
NASTY = (
    NastyTable(
        "blank_scores", "adam diverged in 5 of 12 seeds; pandas wrote the NaN as nothing", _blank_scores,
        answered=[LOST, r"\b5\b"], wrong="adam|optimizer",
    ),
    NastyTable(
        "blank_states", "4 of 10 runs of adam have no state and no score: lost", _blank_states,
        refused="--states", answered=[LOST, r"\b4\b"],
    ),
    NastyTable(
        "unknown_states", '"gone" is no known state of a run: only the user knows', _unknown_states,
        refused="--states", read=False,
    ),
    NastyTable(
        "early_stopped", "early stopping ends a run with a valid score; the page says how it was read", _early_stopped,
        said=[r"early_stopped = finished"],
    ),
    NastyTable(
        "lost_altogether", "adam diverged 8 of 8; how bad that is, nobody knows", _lost_altogether,
        answered=[r"8 of 8|all 8|every run", LOST], wrong="^(?!failures)",
        never=r"adam[^.|]*(equivalent|within ±)|as the worst run|chance level",
    ),
    NastyTable(
        "lost_losses", "3 of 10 runs lost, the rest better; guessing is unknown", _lost_losses,
        answered=[r"\b3\b", LOST], wrong="adam|optimizer", never="as the worst run|chance level",
    ),
    NastyTable(
        "simpson", "adam is 2 points worse at both data sizes", _simpson, asked={"factors": ("optimizer",)},
        refused="data_size", said=["data.size"],
    ),
    NastyTable(
        "simpson_all_named", "adam is 2 points worse at both data sizes", _simpson,
        claimed=[f"{hurts('adam')}|{helps('sgd')}"], wrong=f"{helps('adam')}|{hurts('sgd')}",
    ),
    NastyTable(
        "confounded", "adam ran with batches of 256, sgd with 32: no one knows which it is", _confounded,
        asked={"factors": ("optimizer",)}, refused="batch_size", said=["batch.size"],
    ),
    NastyTable(
        "aliased", "optimizer and rate always change together", _aliased, said=["always change together|alias"],
        wrong="^(?!.*(together|alias))",
    ),
    NastyTable(
        "repeated_folds", "10 × 10 overlapping folds: corrected t = .86", _repeated_folds,
        said=["overlap|share (?:training )?data|corrected", "fold"],
    ),
    NastyTable(
        "folds", "ten overlapping folds: corrected p = .11", _folds,
        said=["overlap|share (?:training )?data|corrected", "fold"],
    ),
    NastyTable(
        "repeats_within_seeds", "three seeds, whatever the repeats: descriptive", _repeats_within_seeds,
        refused="repeat", said=["repeat"],
    ),
    NastyTable(
        "by_epoch", "a row an epoch; the optimizers are equal", _by_epoch, said=["epoch", r"last|final|best|largest"],
        never=r"epoch \d+ (helps|hurts)",
    ),
    NastyTable(
        "by_step", "a row every 500 steps, runs of different lengths; the optimizers are equal", _by_step,
        refused="global_step", said=["step", r"last|final|best|largest"], never=r"step \d+ (helps|hurts)",
    ),
    NastyTable(
        "percents_and_fractions", "half of the accuracies are percents", _percents_and_fractions,
        refused="percent", read=False,
    ),
    NastyTable(
        "percent_signs", "90% and 0.9 in one column", _percent_signs, refused="percent|number", read=False,
    ),
    NastyTable(
        "written_twice", "the file holds every row twice: four seeds", _written_twice,
        refused="twice|duplicate|repeat|identical", said=["twice|duplicate|identical|repeated|same factors and seed"],
    ),
    NastyTable(
        "copied_seeds", "four runs under eight seeds", _copied_seeds,
        refused="same score|identical|duplicate|copied", said=["same score|identical|duplicate|equal score|copied"],
    ),
    NastyTable(
        "same_in_all_seeds", "the seed does nothing, so nothing is known about chance", _same_in_all_seeds,
        refused="same score|identical|seed", said=["same score|identical|every seed|all seeds"],
        never="equivalent within",
    ),
    NastyTable(
        "constant", "the metric was never computed", _constant,
        refused="same|constant", said=["same score|identical|constant"], never="equivalent within|■.equivalent",
    ),
    NastyTable(
        "disjoint_seeds", "no seed is shared, and adam is better by 3 SD: unpaired, it helps", _disjoint_seeds,
        said=["unpaired|not paired|no (?:common|shared) seed|welch|share no seed"], claimed=[helps("adam")],
        wrong=hurts("adam"),
    ),
    NastyTable(
        "few_shared_seeds", "two shared seeds: 16 of 20 runs must not vanish unsaid", _few_shared_seeds,
        refused="seed", said=[r"unpaired|not paired|shared? (?:only )?2|2 (?:shared|paired|common)|without a pair"],
    ),
    NastyTable(
        "blank_seeds", "4 of 20 runs have no seed", _blank_seeds,
        refused="seed", said=[r"4 (?:runs|rows|of 20)[^.]*seed|seed[^.]*\b4 (?:runs|rows)"],
    ),
    NastyTable("one_run_a_cell", "noise, one run a cell: descriptive", _one_run_a_cell, said=["descriptive"]),
    NastyTable(
        "named_like_ours", "20 epochs are better by 2 points, in both modes", _named_like_ours,
        claimed=[f"{helps('20')}|{hurts('10')}"], wrong=f"(train|eval) {MOVES}",
    ),
    NastyTable(
        "named_level_and_factor", "high is better by 2 points, with both", _named_level_and_factor,
        claimed=[f"{helps('high')}|{hurts('low')}"], wrong=f"[ab] {MOVES}",
    ),
    NastyTable("named_variant", "ours is better by 2", _named_variant, claimed=[helps("ours")], wrong="hurts by"),
    NastyTable(
        "named_seed", "the seed is the factor, as the user says", _named_seed,
        asked={"factors": ("seed",), "seed": "rep"},
        claimed=[f"{helps('2')}|{hurts('1')}"], wrong=hurts("2"),
    ),
    NastyTable(
        "margin_in_points", "adam is 6 points better; a margin of 0.5 would be 50 points of a fraction",
        _margin_in_points, asked={"margin": 0.5}, refused="--margin", said=["margin"],
        wrong="Detectable|below margin", never="±50",
    ),
    NastyTable(
        "timestamps", "adam helps by 3; the time is no factor", _timestamps, claimed=[helps("adam")],
        wrong=r"created|\bts\b|hurts by",
    ),
    NastyTable(
        "memory", "adam helps by 3; memory_size is a measurement", _memory, refused="memory_size",
        claimed=[helps("adam")], wrong="memory|hurts by",
    ),
    NastyTable("ordinal", "neither the width nor the optimizer matters", _ordinal),
    NastyTable(
        "two_headers", "two files pasted together, columns in another order", _two_headers, refused="", read=False,
    ),
    NastyTable(
        "two_score_columns", "half of the scores stand in another column: nothing is comparable", _two_score_columns,
        refused="score|accuracy", read=False,
    ),
    NastyTable(
        "mean_rows", "the means and SDs at the end are no runs", _mean_rows, refused="mean|std",
        said=[rf"\b(mean|std)\b[^.]*{DROPPED}|{DROPPED}[^.]*\b(mean|std)\b"],
    ),
    NastyTable(
        "lone_reference", "the reference has one run: descriptive", _lone_reference, answered=["1 seed|one seed|few"],
    ),
    NastyTable(
        "unequal_seeds", "15, 9 and 4 seeds, and no effect", _unequal_seeds,
        said=["lack seeds|fewer seeds|paired seeds"],
    ),
    NastyTable("outlier", "9312 for 93.12", _outlier, refused="9[,.]?3|percent|score"),
    NastyTable(
        "retried", "two crashed runs a level were run again and finished: adam helps by 3, nothing is lost", _retried,
        said=["retried|again"], claimed=[helps("adam")], wrong="attempt|hurts by|more often",
    ),
    NastyTable("one_seed", "eight runs a level under one seed: no pairs", _one_seed, refused="seed", said=["seed"]),
    NastyTable(
        "data_sets", "adam is better by 3 on each of three data sets, which are blocks", _data_sets, refused="dataset",
        claimed=[helps("adam")], wrong=rf"(mnist|fashion|cifar10) {MOVES}|dataset (matters|best)|{hurts('adam')}",
    ),
    NastyTable(
        "collapses", "adam guesses in 2 of 10 seeds and is a point better else: 15 points worse on average", _collapses,
        wrong=helps("adam"),
    ),
    NastyTable("search_without_effect", "60 random trials, nothing matters", _search_without_effect),
    NastyTable(
        "three_seeds", "three seeds: dots and means", _three_seeds, answered=["descriptive|few"],
        never=r"too few seeds \| [^|]+ \| [^|]+ \| \[",
    ),
    NastyTable(
        "neg_mean_squared_error", "adam is better: closer to 0 from below", _negated("neg_mean_squared_error"),
        claimed=[helps("adam")], wrong=hurts("adam"),
    ),
    NastyTable(
        "mean_test_neg_log_loss", "adam is better: closer to 0 from below", _negated("mean_test_neg_log_loss"),
        refused="--direction", claimed=[helps("adam")], wrong=hurts("adam"),
    ),
    NastyTable(
        "val_rmse", "adam is better: lower", _error("val_rmse"), claimed=[helps("adam")], wrong=hurts("adam"),
    ),
    NastyTable(
        "error_reduction", "a larger reduction is better, but the name does not say of what",
        _improvement("error_reduction"),
        refused="--direction", read=False,
    ),
    NastyTable(
        "loss_improvement", "a larger improvement is better", _improvement("loss_improvement"),
        refused="--direction", claimed=[helps("adam")], wrong=hurts("adam"),
    ),
)  # fmt: skip
