"""Write drawn runs as the table of a tool, with what people and spreadsheets make of it."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from export_tools import JUNK, Tool
from export_truth import Run

SECOND = ("train_loss", "train_accuracy", "val_f1", "test_loss")


@dataclass(slots=True)
class Table:
    """The cells as text, by the column."""

    columns: dict[str, list[str]] = field(default_factory=dict)

    def rows(self) -> list[list[str]]:
        """The header and the rows."""
        return [list(self.columns), *map(list, zip(*self.columns.values(), strict=True))]


def to_table(
    rng: np.random.Generator,
    tool: Tool,
    runs: Sequence[Run],
    levels: dict[str, tuple[str, ...]],
    *,
    score: str,
    state: str,
    seeds: tuple[str, ...],
    is_known: bool,
) -> tuple[Table, int, bool]:
    """The columns in the tool's order or another, how many rows are parents, and whether people added columns.

    `is_known`: whether everybody knows the score by its name; else another metric beside it may be taken for it.
    """
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
    table = Table({name: parts[name] for name in order})
    return table, _add_parents(rng, tool, table, names, score) if tool.name == "MLflow" else 0, bool(junk)


def _add_parents(rng: np.random.Generator, tool: Tool, table: Table, names: list[str], score: str) -> int:
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


def unroll(table: Table, steps: str, score: str, *, drop: float) -> None:
    """A row an epoch, three or six of each run, with the score of the last one the run's."""
    rows = list(zip(*table.columns.values(), strict=True))
    names = list(table.columns)
    at = names.index(score)
    long, last = [], 2 if len(rows) % 2 else 5
    for row in rows:
        for epoch in range(last + 1):
            value = float(row[at]) - drop / 3 * (last - epoch)
            long.append((*row[:at], repr(value) if epoch < last else row[at], *row[at + 1 :], str(epoch)))
    table.columns = dict(zip((*names, steps), map(list, zip(*long, strict=True)), strict=True))


def _score_cell(run: Run) -> str:
    return repr(run.value) if run.cell in ("", "last") else run.cell.removeprefix("blank")


def _state_cell(rng: np.random.Generator, tool: Tool, run: Run) -> str:
    """Divergence is a result: whether a second try takes its place is a matter of opinion, and is not drawn."""
    words = [word for word in tool.lost.get(run.lost, ()) if not (run.retried and word in ("nan", "diverged"))]
    return str(rng.choice(words)) if run.lost else tool.finished


def write_a_level_in_two_ways(rng: np.random.Generator, table: Table, levels: dict[str, tuple[str, ...]]) -> bool:
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


def to_bytes(rng: np.random.Generator, table: Table, tool: Tool) -> tuple[bytes, int, bool]:
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
