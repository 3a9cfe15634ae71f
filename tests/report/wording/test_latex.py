import math
import re

import pandas as pd
from made_effects import ACCURACY, effect

from ablate.report import wording


def test_the_latex_table_groups_by_factor():
    rows = [
        effect("drop_out=0.1", 0.039, 0.008, "helps"),
        effect("drop_out=0.2", -0.01, 0.02, "inconclusive", p=0.0001),
        effect("x=1", math.nan, math.nan, "too few seeds", n=0, p=math.nan),
    ]
    table = pd.DataFrame(rows)
    assert wording.latex_effects(table, ACCURACY).splitlines()[2:] == [
        r"\begin{tabular}{llrrrrl}",
        r"\toprule",
        r"Factor & Level & $n$ & Difference (points) & 95\,\% interval & $p$ (max-T) & Verdict \\",
        r"\midrule",
        r"drop out & 0.1 & 8 & $+3.9$ & [$3.1$, $4.7$] & .03 & helps \\",
        r" & 0.2 & 8 & $-1.0$ & [$-3.0$, $1.0$] & $<$ .001 & inconclusive \\",
        r"x & 1 & 0 & -- & -- & -- & too few seeds \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_nothing_in_a_name_is_read_as_tex():
    nasty = "\\input{x}_&%#$~^<>|[*]\nend"
    table = pd.DataFrame([effect(f"{nasty}=1", 0.03, 0.01, "helps")])
    (row,) = [line for line in wording.latex_effects(table, ACCURACY).splitlines() if "helps" in line]
    cell = row.split(" & 1 & ")[0]
    assert cell == (
        r"\textbackslash{}input\{x\} \&\%\#\$\textasciitilde{}\textasciicircum{}"
        r"\textless{}\textgreater{}\textbar{}{[}{*}] end"
    )
    assert len(re.findall(r"(?<!\\)&", row)) == 6


def test_whatever_is_in_a_name_latex_can_set_it():
    told = {
        "naïve Łukasz": r"naïve \texttt{U+0141}ukasz",
        "β → ≤ ½ ς": r"$\beta$ $\to$ $\le$ ½ \texttt{U+03C2}",
        "日 λ\a": r"\texttt{U+65E5} $\lambda$\texttt{U+0007}",
        "ő ą ▲ «": r"ő \texttt{U+0105} \texttt{U+25B2} \texttt{U+00AB}",
    }
    assert {name: wording.to_tex(name) for name in told} == told
    assert wording.to_tex("▲", signs={"▲": "up"}) == "up"


def test_with_two_modes_the_latex_table_has_a_column_for_them():
    rows = [effect("a=1", 0.03, 0.01, "helps", mode=mode) for mode in ("find", "carry")]
    lines = wording.latex_effects(pd.DataFrame(rows), ACCURACY).splitlines()
    assert lines[2] == r"\begin{tabular}{lllrrrrl}"
    assert lines[7].startswith(" & 1 & carry & 8 &")


def test_with_two_references_the_latex_table_has_a_column_for_them():
    rows = [
        effect("best", 0.06, 0.01, "helps", factor="", level=""),
        effect("best: a=1", 0.03, 0.01, "helps", factor="a", level="1", against="best"),
    ]
    lines = wording.latex_effects(pd.DataFrame(rows), ACCURACY).splitlines()
    assert lines[0].startswith("% Paired difference from the configuration under Against")
    assert lines[4].startswith("Factor & Level & Against & $n$")
    assert lines[6].startswith("The best configuration &  & the reference & 8 &")
    assert lines[7].startswith("a & 1 & the best configuration & 8 &")
