"""Tables of runs as tools export them, drawn at random, with the truth that they hold.

Unlike the other doors', the numbers here are drawn by NumPy: whether null factors are called different in too many
tables is a question of statistics, and hypothesis's draws are no fair ones.
"""

import numpy as np
from export_table import to_bytes, to_table, unroll, write_a_level_in_two_ways
from export_tools import TOOLS, Tool
from export_truth import ExportExample, Run, Truth

FACTORS = {
    "optimizer": ("sgd", "adam", "rmsprop"), "dropout": ("0.0", "0.1", "0.5"), "lr": ("0.1", "0.01", "0.001"),
    "learning_rate": ("0.03", "0.003", "0.0003"), "batch_size": ("32", "64", "128"), "depth": ("1", "2", "3"),
    "activation": ("relu", "gelu", "tanh"), "use_bn": ("True", "False"), "weight_decay": ("0", "0.0001", "0.01"),
    "augment": ("none", "flip", "flip+crop"), "hidden_dim": ("16", "64"), "model.norm": ("layer", "batch"),
}  # fmt: skip
MISLEADING = {  # factors whose names read as results, bookkeeping or states
    "loss": ("mse", "huber", "log_cosh"), "loss_fn": ("ce", "focal"), "epochs": ("5", "10", "20"),
    "model_name": ("resnet", "vit"), "dataset_variant": ("clean", "noisy"), "version": ("v1", "v2"),
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
EFFECT, OF_SEED, OF_RUN = 0.03, 0.006, 0.004  # in goodness: fractions
SPELLINGS = ("NaN", "N/A", "null", "Infinity", "-inf", "None", "-", "NA")
MARGIN = 0.012  # of goodness, that a user states
LOST_LAST = 0.3  # so much below is the last score of a run that broke


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
    is_known = score.removeprefix(tool.metrics) in dict(SCORES[:PLAIN])
    table, parents, has_junk = to_table(
        rng, tool, runs, levels, score=score, state=state, seeds=seeds, is_known=is_known
    )
    words = {word: run.lost or "finished" for word, run in zip(table.columns.get(state, ()), runs, strict=False)}
    if steps:
        unroll(table, steps, score, drop=sign * scale * LOST_LAST)
    is_merged = rng.random() < 0.12 and write_a_level_in_two_ways(rng, table, levels)
    content, blank_rows, is_plain = to_bytes(rng, table, tool)
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
