"""Tables of runs as tools export them, drawn at random, with the truth that they hold.

Unlike the other doors', the numbers here are drawn by NumPy: whether null factors are called different in too many
tables is a question of statistics, and hypothesis's draws are no fair ones.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from export_tools import JUNK, TOOLS, Tool

FACTORS = {
    "optimizer": ("sgd", "adam", "rmsprop"), "dropout": ("0.0", "0.1", "0.5"), "lr": ("0.1", "0.01", "0.001"),
    "learning_rate": ("0.03", "0.003", "0.0003"), "batch_size": ("32", "64", "128"), "depth": ("1", "2", "3"),
    "activation": ("relu", "gelu", "tanh"), "use_bn": ("True", "False"), "weight_decay": ("0", "0.0001", "0.01"),
    "augment": ("none", "flip", "flip+crop"), "hidden_dim": ("16", "64"), "model.norm": ("layer", "batch"),
}  # fmt: skip
MISLEADING = {  # factors whose names read as results, bookkeeping or states
    "loss": ("mse", "huber", "log_cosh"), "loss_fn": ("ce", "focal"), "epochs": ("5", "10", "20"),
    "model_name": ("resnet", "vit"), "dataset": ("cifar10", "mnist"), "version": ("v1", "v2"),
    "warmup_steps": ("0", "500"), "time_steps": ("16", "32"), "error_feedback": ("True", "False"),
    "num_workers": ("1", "4"), "host_pinned": ("0", "1"),
    "score_function": ("dot", "cosine"), "test_time_augmentation": ("True", "False"), "memory_size": ("64", "256"),
    "state_size": ("64", "128"), "early_stopping": ("True", "False"), "seed_prompt": ("short", "long"),
    "run_mode": ("fast", "slow"), "date_features": ("True", "False"), "max_iter": ("100", "200"),
    "metric": ("l1", "l2"),
    "name": ("base", "wide"), "accuracy_weight": ("0.5", "1.0"), "fold_layers": ("True", "False"),
    "tags_embedding": ("sum", "mean"), "n_params": ("1000", "2000"), "duration_weight": ("0", "1"),
}  # fmt: skip
SCORES = (  # a name, whether more is better, from goodness in fractions: offset, slope
    ("val_accuracy", 1), ("val_acc", 1), ("test_accuracy", 1), ("accuracy", 1), ("f1_macro", 1), ("val_auc", 1),
    ("val_loss", -1), ("test_error", -1), ("rmse", -1), ("wer", -1), ("val_perplexity", -1), ("mean_reward", 1),
    ("top1", 1), ("mAP", 1), ("Accuracy", 1), ("test_r2", 1), ("dice", 1), ("fid", -1), ("val_nll", -1), ("mcc", 1),
    ("episode_return", 1), ("elbo", 1), ("bpc", -1), ("iou", 1), ("val_rmse", -1), ("eval_f1", 1), ("ndcg", 1),
)  # fmt: skip
PLAIN = 12  # of these everybody knows what they are
TURNED = (  # the word for the metric and a word that turns it
    ("neg_mean_squared_error", 1), ("neg_log_loss", 1), ("negative_loss", 1), ("minus_loss", 1), ("accuracy_drop", -1),
    ("test_error_reduction", 1), ("loss_improvement", 1), ("inverse_error", 1), ("generalization_gap", -1),
    ("accuracy_gain", 1), ("one_minus_accuracy", -1), ("error_rate", -1), ("1-acc", -1), ("loss_decrease", 1),
    ("time_to_accuracy", -1), ("error_free_rate", 1), ("epochs_to_accuracy", -1), ("miss_rate", -1), ("inaccuracy", -1),
    ("accuracy_loss", -1), ("log_likelihood", 1), ("calibration_error", -1), ("lossless_ratio", 1), ("neg_nll", 1),
    ("false_positive_rate", -1), ("worst_group_accuracy", 1), ("accuracy_std", -1), ("non_error", 1),
    ("latency_ms", -1),
    ("Negative MSE", 1), ("valNegLoss", 1), ("regret_reduction", 1), ("score_loss", -1), ("error_rate_improvement", 1),
)  # fmt: skip
SECOND = ("train_loss", "train_accuracy", "val_f1", "test_loss")
EFFECT, OF_SEED, OF_RUN = 0.03, 0.006, 0.004  # in goodness: fractions
SPELLINGS = ("NaN", "N/A", "null", "Infinity", "-inf", "None", "-", "NA")
MARGIN = 0.012  # of goodness, that a user states
LOST_LAST = 0.3  # so much below is the last score of a run that broke


@dataclass(frozen=True, slots=True)
class Run:
    """One row: levels by the factors' columns, the seed, how good it was, and how it was lost ("" where it was not)."""

    levels: tuple[str, ...]
    seed: int
    value: float  # in the file's unit
    lost: str = ""  # "failed", "killed", "pruned"
    cell: str = ""  # what stands for the score of a lost one: "blank", "last", or this word
    retried: bool = False  # a finished run of the same configuration and seed stands elsewhere


@dataclass(frozen=True, slots=True)
class Truth:
    """What is so."""

    factors: dict[str, tuple[str, ...]]  # by the column
    gains: dict[tuple[str, str], float]  # (column, level) -> goodness more than the first level's
    score: str
    sign: int  # 1 where more is better
    scale: float  # of the file's unit into fractions of goodness: value = offset + sign × goodness × scale
    seeds: tuple[str, ...]  # columns
    state: str
    runs: tuple[Run, ...]
    words: dict[str, str] = field(
        default_factory=dict
    )  # of the column of states: "failed", "killed", "pruned", "finished"
    parents: int = 0
    blank_rows: int = 0
    steps: str = ""  # the column of the epoch, where each run has a row an epoch
    is_merged: bool = False  # whether one level is written in two ways
    is_clean: bool = True  # whether there is nothing in it but what the tool writes


@dataclass(frozen=True, slots=True)
class ExportExample:
    """A file and the truth."""

    tool: str
    prefix: str
    content: bytes
    truth: Truth
    margin: float | None = None  # that the user states, in the file's unit
    drawn: tuple[int, int] = (0, 0)  # the seed and the number that make it again


@dataclass(slots=True)
class _Table:
    columns: dict[str, list[str]] = field(default_factory=dict)

    def rows(self) -> list[list[str]]:
        return [list(self.columns), *map(list, zip(*self.columns.values(), strict=True))]


def draw_export(start: int, number: int) -> ExportExample:
    """The table of that number: the same one each time."""
    rng = np.random.default_rng([start, number])
    tool = TOOLS[number % len(TOOLS)]
    names = [str(name) for name in rng.choice(sorted(FACTORS), rng.choice((1, 2, 2, 3)), replace=False)]
    if rng.random() < 0.2:
        names[0] = str(rng.choice(sorted(MISLEADING)))
    names = [name for name in names if tool.prefix + name not in (*tool.before, *tool.after, *tool.state)]
    names = names or ["optimizer"]
    if {"lr", "learning_rate"} <= set(names):
        names.remove("lr")
    levels = {tool.prefix + name: _levels(rng, name, most=3 if len(names) < 3 else 2) for name in names}
    gains = _gains(rng, levels)
    score, sign = _score(rng, tool)
    scale, offset = _unit(rng, score, sign)
    runs = _runs(rng, levels, gains, sign=sign, scale=scale, offset=offset)
    state = str(rng.choice(tool.state)) if tool.state else ""
    if rng.random() < 0.12:  # some were never run
        runs = [run for run in runs if rng.random() > 0.1]
    steps = str(rng.choice(("epoch", "step", "Epoch"))) if tool.name == "own" and rng.random() < 0.12 else ""
    runs = (
        runs if steps else _with_losses(rng, runs, levels, tool, has_state=bool(state), drop=sign * scale * LOST_LAST)
    )
    seeds = _seed_columns(rng, tool)
    order = rng.permutation(len(runs)) if rng.random() < 0.6 else np.arange(len(runs))
    runs = [runs[place] for place in order]
    table, parents, has_junk = _table(rng, tool, runs, levels, score=score, state=state, seeds=seeds)
    words = {word: run.lost or "finished" for word, run in zip(table.columns.get(state, ()), runs, strict=False)}
    if steps:
        _unroll(table, steps, score, drop=sign * scale * LOST_LAST)
    is_merged = rng.random() < 0.12 and _write_a_level_in_two_ways(rng, table, levels)
    content, blank_rows, is_plain = _to_bytes(rng, table, tool)
    truth = Truth(
        levels, gains, score, sign, scale, seeds, state, tuple(runs), words, parents, blank_rows, steps, is_merged,
        is_clean=is_plain and not is_merged and not has_junk,
    )  # fmt: skip
    margin = MARGIN * scale if rng.random() < 0.2 else None
    return ExportExample(tool.name, tool.prefix, content, truth, margin, (start, number))


def _levels(rng: np.random.Generator, name: str, *, most: int) -> tuple[str, ...]:
    every = {**FACTORS, **MISLEADING}[name]
    n = int(rng.integers(2, most + 1))
    return tuple(str(level) for level in rng.permutation(every)[: min(n, len(every))])


def _gains(rng: np.random.Generator, levels: dict[str, tuple[str, ...]]) -> dict[tuple[str, str], float]:
    """Of each factor none or one level is better or worse by 3 points or 6."""
    gains = {(name, level): 0.0 for name, of_factor in levels.items() for level in of_factor}
    for name, of_factor in levels.items():
        if rng.random() < 0.5:
            gains[name, of_factor[rng.integers(len(of_factor))]] = float(rng.choice((1, -1, 2))) * EFFECT
    return gains


def _score(rng: np.random.Generator, tool: Tool) -> tuple[str, int]:
    if tool.scores:
        name, sign = tool.scores[rng.integers(len(tool.scores))]
        return name, sign or int(rng.choice((1, -1)))
    pool = TURNED if rng.random() < 0.15 else SCORES
    name, sign = pool[rng.integers(len(pool))]
    return tool.metrics + name, sign


def _unit(rng: np.random.Generator, score: str, sign: int) -> tuple[float, float]:
    """Fractions, percent, or a unit of its own; scale and offset, value = offset + sign × scale × goodness."""
    if any(word in score for word in ("reward", "perplexity", "mse")):
        return 20.0, 0.0 if sign > 0 else 40.0
    if any(word in score for word in ("neg", "minus", "reduction", "improvement", "gain", "decrease", "inverse")):
        return 1.0, -1.8  # below zero
    scale = 100.0 if rng.random() < 0.3 else 1.0
    return scale, 0.0 if sign > 0 else scale


def _runs(
    rng: np.random.Generator,
    levels: dict[str, tuple[str, ...]],
    gains: dict[tuple[str, str], float],
    *,
    sign: int,
    scale: float,
    offset: float,
) -> list[Run]:
    """All levels crossed, or one factor at a time from the first levels; six to eight seeds that all have."""
    n_seeds = int(rng.choice((6, 6, 7, 8)))
    names = list(levels)
    cells = [()]
    for name in names:
        cells = [(*cell, level) for cell in cells for level in levels[name]]
    if rng.random() < 0.4:
        cells = [cell for cell in cells if sum(at != levels[n][0] for at, n in zip(cell, names, strict=True)) <= 1]
    first = int(rng.choice((0, 0, 1, 42)))
    of_seed = rng.normal(0, OF_SEED, n_seeds)
    made = []
    for cell in cells:
        gain = sum(gains[name, level] for name, level in zip(names, cell, strict=True))
        for place in range(n_seeds):
            goodness = 0.8 + gain + of_seed[place] + rng.normal(0, OF_RUN)
            made.append(Run(cell, first + place, float(f"{offset + sign * scale * goodness:.9g}")))
    return made


def _with_losses(
    rng: np.random.Generator,
    runs: list[Run],
    levels: dict[str, tuple[str, ...]],
    tool: Tool,
    *,
    has_state: bool,
    drop: float,
) -> list[Run]:
    """In half of the tables runs of one level are lost in one to four seeds; some were tried again."""
    if rng.random() < 0.5:
        return runs
    place = int(rng.integers(len(levels)))
    of_factor = list(levels.values())[place]
    level = of_factor[rng.integers(len(of_factor))]
    seeds = sorted({run.seed for run in runs})
    lost_seeds = set(rng.choice(seeds, rng.integers(1, 5), replace=False).tolist())
    kinds = [kind for kind in ("failed", "failed", "failed", "killed", "pruned") if tool.lost.get(kind)] or ["failed"]
    kind = str(rng.choice(kinds)) if has_state else "failed"
    cells = [
        "blank",
        "nan",
        *(["last"] * 2 if tool.keeps_last and has_state else []),
        *(["inf"] if not has_state else []),
    ]
    cells = [str(rng.choice(SPELLINGS)) if cell == "nan" and rng.random() < 0.4 else cell for cell in cells]
    if tool.name == "SMAC":
        cells = ["inf"]
    if kind == "pruned":
        cells = ["last"]
    cell = str(rng.choice(cells))
    is_retried = has_state and kind != "pruned" and rng.random() < 0.2
    made = []
    for run in runs:
        if run.levels[place] != level or run.seed not in lost_seeds:
            made.append(run)
            continue
        made.append(Run(run.levels, run.seed, run.value - drop, kind, cell, is_retried))
        if is_retried:
            made.append(run)
    return made


def _seed_columns(rng: np.random.Generator, tool: Tool) -> tuple[str, ...]:
    """Mostly one column; a fold besides, whose runs repeat each seed; or none."""
    kind = rng.random()
    one = str(rng.choice(tool.seeds))
    if kind < 0.04:
        return ()
    return (tool.prefix + "fold", one) if kind > 0.95 and "fold" not in one else (one,)


def _table(
    rng: np.random.Generator,
    tool: Tool,
    runs: Sequence[Run],
    levels: dict[str, tuple[str, ...]],
    *,
    score: str,
    state: str,
    seeds: tuple[str, ...],
) -> tuple[_Table, int, bool]:
    """The columns in the tool's order or another, how many rows are parents, and whether people added columns."""
    names = list(levels)
    quote = '"{}"' if tool.quotes else "{}"
    parameters = {
        name: [quote.format(run.levels[at]) if not _is_number(run.levels[at]) else run.levels[at] for run in runs]
        for at, name in enumerate(names)
    }
    if len(seeds) == 1:
        parameters[seeds[0]] = [str(run.seed) for run in runs]
    elif seeds:
        parameters[seeds[0]] = [str(run.seed // 3) for run in runs]
        parameters[seeds[1]] = [str(run.seed % 3) for run in runs]
    results = {score: [_score_cell(run) for run in runs]}
    is_known = score.removeprefix(tool.metrics) in dict(SCORES[:PLAIN])  # else another may well be taken for it
    if tool.two_metrics and is_known and rng.random() < 0.3:
        second = tool.metrics + str(rng.choice(SECOND))
        if second != score:
            results[second] = ["" if run.lost else f"{rng.uniform(0.2, 0.4):.6f}" for run in runs]
    if tool.ended:
        results[tool.ended] = [str(3 if run.lost else 10) for run in runs]
    told = {state: [_state_cell(rng, tool, run) for run in runs]} if state else {}
    own = {*tool.before, *tool.after, *parameters, *results}
    chosen = rng.choice(sorted(set(JUNK) - own), rng.choice((0, 0, 0, 1, 2)), replace=False).tolist()
    junk = {name: JUNK[name] for name in chosen if name != "" or "Unnamed: 0" not in chosen}
    books = {
        name: [cell(rng, row) for row in range(len(runs))]
        for name, cell in {**tool.before, **tool.after, **junk}.items()
    }
    parts = {**books, **told, **parameters, **results}
    order = list(parts)
    if rng.random() < 0.5:
        order = [order[place] for place in rng.permutation(len(order))]
    table = _Table({name: parts[name] for name in order})
    return table, _add_parents(rng, tool, table, names, score) if tool.name == "MLflow" else 0, bool(junk)


def _add_parents(rng: np.random.Generator, tool: Tool, table: _Table, names: list[str], score: str) -> int:
    """A row for each configuration, whose runs are its children."""
    if rng.random() > 0.3:
        return 0
    cells = list(dict.fromkeys(zip(*(table.columns[name] for name in names), strict=True)))
    ids = {cell: tool.before["run_id"](rng, 0) for cell in cells}
    of_runs = list(zip(*(table.columns[name] for name in names), strict=True))
    table.columns["tags.mlflow.parentRunId"] = [ids[cell] for cell in of_runs]
    for cell in cells:
        for name, column in table.columns.items():
            copied = column[0] if name.startswith("tags.mlflow.source") or name == "experiment_id" else ""
            column.append(copied)
        for name, level in zip(names, cell, strict=True):
            table.columns[name][-1] = level
        for name, text in (
            ("run_id", ids[cell]), ("status", "FINISHED"), ("start_time", "2026-01-09 10:00:00.1+00:00"),
            ("artifact_uri", f"mlruns/3/{ids[cell]}"), ("tags.mlflow.runName", f"parent-{ids[cell][:4]}"),
        ):  # fmt: skip
            table.columns[name][-1] = text
        table.columns[score][-1] = table.columns[score][of_runs.index(cell)]
    return len(cells)


def _unroll(table: _Table, steps: str, score: str, *, drop: float) -> None:
    """A row an epoch, three of each run, with the score of the last one the run's."""
    rows = list(zip(*table.columns.values(), strict=True))
    names = list(table.columns)
    at = names.index(score)
    long = []
    for row in rows:
        for epoch in range(3):
            value = float(row[at]) - drop / 3 * (2 - epoch)
            long.append((*row[:at], repr(value) if epoch < 2 else row[at], *row[at + 1 :], str(epoch)))
    table.columns = dict(zip((*names, steps), map(list, zip(*long, strict=True)), strict=True))


def _score_cell(run: Run) -> str:
    return repr(run.value) if run.cell in ("", "last") else run.cell.removeprefix("blank")


def _state_cell(rng: np.random.Generator, tool: Tool, run: Run) -> str:
    """Divergence is a result: whether a second try takes its place is a matter of opinion, and is not drawn."""
    words = [word for word in tool.lost.get(run.lost, ()) if not (run.retried and word in ("nan", "diverged"))]
    return str(rng.choice(words)) if run.lost else tool.finished


def _write_a_level_in_two_ways(rng: np.random.Generator, table: _Table, levels: dict[str, tuple[str, ...]]) -> bool:
    """A space behind a word, or a float as float32 has it, in some rows."""
    name = str(rng.choice(list(levels)))
    cells = table.columns[name]
    texts = [text for text in levels[name] if text in cells]
    if not texts:
        return False
    text = str(rng.choice(texts))
    if _is_number(text):
        other = repr(float(np.float32(text))) if rng.random() < 0.7 else f"{float(text):e}"
    else:
        other = f"{text} "
    places = [place for place, cell in enumerate(cells) if cell == text]
    for place in rng.choice(places, len(places) // 2, replace=False):
        cells[place] = other
    return not _is_number(text) or float(other) != float(text)  # that 1e-3 is 0.001 need not be said


def _to_bytes(rng: np.random.Generator, table: _Table, tool: Tool) -> tuple[bytes, int, bool]:
    """The file, how many blank rows it has, and whether it is as the tool writes it."""
    separator = str(rng.choice(list(tool.separators)))
    out = io.StringIO()
    writer = csv.writer(
        out, delimiter=separator, quoting=csv.QUOTE_ALL if rng.random() < 0.1 else csv.QUOTE_MINIMAL,
        lineterminator="\r\n" if rng.random() < 0.2 else "\n",
    )  # fmt: skip
    rows = table.rows()
    has_commas = separator == ";" and rng.random() < 0.3  # as spreadsheets in much of Europe write numbers
    if has_commas:
        rows[1:] = [[cell.replace(".", ",") if _is_number(cell) else cell for cell in row] for row in rows[1:]]
    blank = int(rng.integers(1, 3)) if rng.random() < 0.06 else 0
    for _ in range(blank):
        rows.insert(int(rng.integers(2, len(rows) + 1)), [""] * len(rows[0]))
    is_told = rng.random() < 0.04
    writer.writerows(rows)
    text = (f"sep={separator}\n" if is_told else "") + out.getvalue()
    return text.encode("utf-8-sig" if rng.random() < 0.05 else "utf-8"), blank, not (blank or is_told or has_commas)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
