"""Effects into a table for papers."""

import math
from collections.abc import Sequence

import pandas as pd

from ablate.effects import Metric
from ablate.wording.phrases import Effect, as_rows, capital, p_text, shown, signed, variant_name, words

TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "&": r"\&", "%": r"\%", "#": r"\#", "$": r"\$",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "[": "{[}", "*": "{*}",  # the last two would be options of the row break before them
}  # fmt: skip
HEADS = {"factor": "Factor", "level": "Level", "against": "Against", "mode": "Rate"}
ABOUT = (
    "% Paired difference to {other}, {label}, higher is better; p adjusted over all contrasts (max-T sign flips)."
    "\n% Needs \\usepackage{{booktabs}}."
)


def latex_effects(effects: pd.DataFrame, metric: Metric) -> str:
    """The effects as a booktabs `tabular`, ready for \\input: needs \\usepackage{booktabs} and nothing else.

    Columns for the reference and for the learning-rate mode are there where the table has several.
    """
    several = [name for name in ("against", "mode") if effects[name].nunique() > 1]
    columns = ["factor", "level", *several]
    unit = f" ({to_tex(metric.unit)})" if metric.unit else ""
    head = [
        *(HEADS[name] for name in columns),
        "$n$",
        f"Difference{unit}",
        r"95\,\% interval",
        "$p$ (max-T)",
        "Verdict",
    ]
    other = "what it is against" if "against" in several else "the reference"
    lines = [
        ABOUT.format(other=other, label=" ".join(metric.label.split())),
        r"\begin{tabular}{" + "l" * len(columns) + "rrrrl}",
        r"\toprule",
        " & ".join(head) + r" \\",
        r"\midrule",
    ]
    before: tuple[str, str] | None = None
    for row in as_rows(effects):
        group = (row["against"], row["factor"])
        lines.append(_row(row, named=group != before, columns=columns))
        before = group
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def to_tex(text: str) -> str:
    """Text with every character that TeX reads as a command made plain; line breaks become spaces."""
    return "".join(TEX.get(character, character) for character in " ".join(text.split()))


def _row(row: Effect, *, named: bool, columns: Sequence[str]) -> str:
    names = {name: str(row[name]) for name in columns}
    names["factor"] = (words(row["factor"]) or capital(variant_name(row["variant"]))) if named else ""
    if "against" in names:
        names["against"] = variant_name(names["against"])
    cells = [
        *(to_tex(names[name]) for name in columns),
        str(row["n"]),
        _tex_number(signed(row)) if row["n"] > 0 else "--",
        f"[{_tex_number(shown(row, row['low']))}, {_tex_number(shown(row, row['high']))}]" if row["n"] > 1 else "--",
        "--" if math.isnan(row["p_adjusted"]) else p_text(row["p_adjusted"]).replace("<", "$<$"),
        to_tex(row["verdict"]),
    ]
    return " & ".join(cells) + r" \\"


def _tex_number(text: str) -> str:
    return f"${text.replace('−', '-')}$"
