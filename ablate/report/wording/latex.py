"""Write the effects as a LaTeX table for papers, and escape text for LaTeX."""

import math
import unicodedata
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pandas as pd

from ablate.analysis.effects import Metric
from ablate.report.wording.phrases import Effect, as_rows, capital, p_text, shown, signed, variant_name, words

TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "&": r"\&", "%": r"\%", "#": r"\#", "$": r"\$",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "[": "{[}", "*": "{*}",  # the last two would be options of the row break before them
    "−": "$-$", "–": "--", "—": "---", "±": r"$\pm$", "×": r"$\times$", "✕": r"$\times$", "→": r"$\to$",
    "←": r"$\gets$", "…": r"\ldots{}", "“": "``", "”": "''", "‘": "`", "’": "'", "·": r"$\cdot$", "•": r"$\bullet$",
    "≤": r"$\le$", "≥": r"$\ge$", "≠": r"$\ne$", "≈": r"$\approx$", "∞": r"$\infty$", "○": r"$\circ$",
    "√": r"$\surd$", "∑": r"$\sum$", "∂": r"$\partial$", "\N{NON-BREAKING HYPHEN}": "-",
}  # fmt: skip
OF_OTHER_FONTS = "«»ÐÞðþ"  # characters of Latin-1 that TeX's own font lacks
OGONEK = "0328"  # an accent that it lacks, too
HEADS = {"factor": "Factor", "level": "Level", "against": "Against", "mode": "Rate"}
ABOUT = (
    "% Paired difference from {other}, {label}; higher is better; p adjusted over all comparisons ({adjusted})."
    "\n% Needs \\usepackage{{booktabs}}."
)


def latex_effects(effects: pd.DataFrame, metric: Metric) -> str:
    """The effects as a booktabs `tabular`, ready for \\input: needs \\usepackage{booktabs} and nothing else."""
    several = [name for name in ("against", "mode") if effects[name].nunique() > 1]
    columns = ["factor", "level", *several]
    is_holm = (effects["adjustment"] == "Holm").any()
    unit = f" ({to_tex(metric.unit)})" if metric.unit else ""
    head = [
        *(HEADS[name] for name in columns),
        "$n$",
        f"Difference{unit}",
        r"95\,\% interval",
        f"$p$ ({'Holm' if is_holm else 'max-T'})",
        "Verdict",
    ]
    adjusted = "Holm" if is_holm else "max-T sign flips"
    other = "the configuration under Against" if "against" in several else "the reference"
    lines = [
        ABOUT.format(other=other, adjusted=adjusted, label=" ".join(metric.label.split())),
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


def to_tex(text: str, *, signs: Mapping[str, str] = MappingProxyType({})) -> str:
    """Text that any LaTeX typesets: escapes commands, turns line breaks into spaces, and replaces `signs` as given.

    Greek letters and the signs of the report are set in math; characters that TeX's own font lacks are shown by number,
    "U+65E5", since pdfLaTeX stops at them.
    """
    return "".join(signs.get(character) or _character(character) for character in " ".join(text.split()))


def _character(character: str) -> str:
    if character in TEX:
        return TEX[character]
    base, *accents = unicodedata.decomposition(character).split() or [""]
    is_accented = bool(accents) and not base.startswith("<") and int(base, 16) < 128 and OGONEK not in accents
    is_latin = character <= "\xff" and character.isprintable() and character not in OF_OTHER_FONTS
    if is_latin or (is_accented and character <= "\u017f"):
        return character
    name = unicodedata.name(character, "").split()
    if "α" <= character <= "ω" and len(name) == 4 and name[-1] != "OMICRON":
        return f"$\\{name[-1].lower().replace('lamda', 'lambda')}$"
    return rf"\texttt{{U+{ord(character):04X}}}"


def _row(row: Effect, *, named: bool, columns: Sequence[str]) -> str:
    names = {name: str(row[name]) for name in columns}
    names["factor"] = (words(row["factor"]) or capital(variant_name(row["variant"]))) if named else ""
    if "against" in names:
        names["against"] = variant_name(names["against"])
    cells = [
        *(to_tex(names[name]) for name in columns),
        str(row["n"]),
        _tex_number(signed(row)) if row["n"] > 0 else "--",
        f"[{_tex_number(shown(row, row['low']))}, {_tex_number(shown(row, row['high']))}]"
        if math.isfinite(row["low"])
        else "--",
        "--" if math.isnan(row["p_adjusted"]) else p_text(row["p_adjusted"]).replace("<", "$<$"),
        to_tex(row["verdict"]),
    ]
    return " & ".join(cells) + r" \\"


def _tex_number(text: str) -> str:
    return f"${text.replace('−', '-')}$"
