"""Effects into sentences for people and a table for papers."""

import math
import re
from collections.abc import Sequence
from typing import Any, TypeAlias

import pandas as pd

from ablate.effects import COUNTED_AT_CHANCE, Metric, confirmatory_runs, metric_unit
from ablate.records import REFERENCE
from ablate.statistics import MIN_SEEDS, MOST_SEEDS, least_seeds

Effect: TypeAlias = dict[str, Any]  # Any: a row of the effects table, its columns are of several types

MODES = ("tune", "find", "carry", "")  # the first that was run is the one the headline speaks of
RATES = {
    "tune": "tuned for each variant",
    "find": "found for each variant",
    "carry": "carried over from the reference",
}
DECIMALS = {"points": 1, "nats": 2}  # at least; more where the interval supports it
MOST_DECIMALS = 4
MOST_NAMED = 12  # of a list in a sentence; the table has them all
ENDED = {"diverged": "diverged", "out_of_memory": "ran out of memory", "failed": "failed"}
ALPHA = 0.05
TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "&": r"\&", "%": r"\%", "#": r"\#", "$": r"\$",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "[": "{[}", "*": "{*}",  # the last two would be options of the row break before them
}  # fmt: skip
TEX_HEAD = r"Factor & Level & {mode}$n$ & Difference ({unit}) & {confidence} & $p$ (Holm) & Verdict \\"


def headline(effects: pd.DataFrame, results: pd.DataFrame, *, title: str) -> list[str]:
    """The answer in sentences, most important first; `title` is used where there is nothing to tell.

    `effects` is the table of `effects_table`, all of one metric. Intervals are the simultaneous ones, since the
    verdicts rest on them; where several learning-rate modes were run, the first of `MODES` is told, and then which
    verdicts differ. Digits end where the interval does.
    """
    if effects.empty:
        return [f"{title}: no ablation results yet."]
    modes = sorted(effects["mode"].unique(), key=_mode_rank)
    told: list[Effect] = [row for row in _rows(effects) if row["mode"] == modes[0]]
    scale, unit = metric_unit(told[0]["metric"])
    margin = f"±{_number(told[0]['margin'] * scale, DECIMALS[unit])}"
    decided = [row for row in told if row["verdict"] in ("helps", "hurts")]
    lines = _decided(decided, unit) if decided else _undecided(told, unit)
    for verdict, opening, words in (
        ("detectable but below margin", f"Detectable, but within {margin}: ", _with_interval),
        ("equivalent", f"Equivalent within {margin}: ", _name),
        ("inconclusive", "Undecided: ", _with_seeds_needed),
        ("too few seeds", f"Too few seeds for a verdict (fewer than {MIN_SEEDS}): ", _with_count),
    ):
        rows = [row for row in told if row["verdict"] == verdict]
        if rows and not (verdict == "too few seeds" and len(rows) == len(told)):
            lines.append(f"{opening}{_capped([words(row) for row in rows])}.")
    return lines + _unreachable(told) + _differing(effects, modes) + _ended(results) + _family(told)


def latex_effects(effects: pd.DataFrame, metric: Metric) -> str:
    """The effects as a booktabs `tabular`, ready for \\input: needs \\usepackage{booktabs} and nothing else."""
    with_mode = effects["mode"].nunique() > 1
    head = TEX_HEAD.format(mode="Rate & " if with_mode else "", unit=metric.unit, confidence=r"95\,\% interval")
    lines = [
        f"% Paired difference to the reference, {metric.label}, higher is better; needs \\usepackage{{booktabs}}.",
        r"\begin{tabular}{ll" + "l" * with_mode + "rrrrl}",
        r"\toprule",
        head,
        r"\midrule",
    ]
    before = None
    for row in _rows(effects):
        lines.append(_tex_row(row, named=row["factor"] != before, with_mode=with_mode))
        before = row["factor"]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def as_markdown(text: str) -> str:
    """Text as it is, where Markdown is read: without this, the stars of "find*3" and "find*0.3" make italics."""
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", text)


def _decided(decided: Sequence[Effect], unit: str) -> list[str]:
    """What matters most, with all its levels that help or hurt; then the other factors'."""
    most = max(decided, key=lambda row: abs(row["mean"]))["factor"]
    first, *rest = sorted(
        (row for row in decided if row["factor"] == most), key=lambda row: abs(row["mean"]), reverse=True
    )
    others = [row for row in decided if row["factor"] != most]
    others.sort(key=lambda row: abs(row["mean"]), reverse=True)
    clauses = [
        f"{first['level']} {_moves(first, unit=f' {unit}')}, n = {first['n']}, adjusted {_p_is(first['p_adjusted'])}"
    ]
    clauses += [f"{row['level']} {_moves(row)}" for row in rest]
    lines = [f"{_words(most, capital=True)} matters most: {'; '.join(clauses)}."]
    if others:
        lines.append(f"Then: {_capped([f'{_name(row)} {_moves(row)}' for row in others])}.")
    return lines


def _undecided(told: Sequence[Effect], unit: str) -> list[str]:
    """No claim, and the largest observed difference."""
    compared = [row for row in told if row["n"] > 0]
    if not compared:
        return ["No variant has a run to compare with the reference yet."]
    largest = max(compared, key=lambda row: abs(row["mean"]))
    seen = f"The largest observed difference is {_name(largest)}, {_signed(largest)} {unit}"
    n = max(row["n"] for row in compared)
    if n < MIN_SEEDS:
        seeds = f"{n} seed is" if n == 1 else f"{n} seeds are"
        return [f"{seeds} descriptive only: no test, no verdict (from {MIN_SEEDS} on). {seen} (n = {largest['n']})."]
    tested = f", adjusted {_p_is(largest['p_adjusted'])}" if largest["n"] >= MIN_SEEDS else ""
    return [f"No variant is shown to help or to hurt. {seen} {_interval(largest)}, n = {largest['n']}{tested}."]


def _unreachable(told: Sequence[Effect]) -> list[str]:
    """Said where so few seeds and so many contrasts could not have given a verdict of helps or hurts."""
    n, least = max(row["n"] for row in told), least_seeds(len(told), alpha=ALPHA)
    if n < MIN_SEEDS or n >= least:
        return []
    floor = min(1.0, len(told) * 2.0 ** (1 - n))
    return [
        f"With {n} seeds and {len(told)} contrasts no adjusted p can be below {_p(floor)}: "
        f'"helps" and "hurts" need at least {least} seeds.'
    ]


def _differing(effects: pd.DataFrame, modes: Sequence[str]) -> list[str]:
    """One sentence for each further learning-rate mode: which verdicts change with it."""
    tested = [row for row in _rows(effects) if row["n"] >= MIN_SEEDS]
    verdicts = {mode: {row["variant"]: row["verdict"] for row in tested if row["mode"] == mode} for mode in modes}
    told, lines = verdicts[modes[0]], []
    for mode in modes[1:]:
        both = [variant for variant in told if variant in verdicts[mode]]
        changed = [
            f"{_spaced(variant)} ({told[variant]} → {verdicts[mode][variant]})"
            for variant in both
            if told[variant] != verdicts[mode][variant]
        ]
        changes = f"the verdict changes: {_capped(changed)}" if changed else "no verdict changes"
        if both:
            lines.append(f"The above is with learning rates {_rates(modes[0])}; with rates {_rates(mode)} {changes}.")
    return lines


def _rates(mode: str) -> str:
    return RATES.get(mode, f'of mode "{mode}"')


def _ended(results: pd.DataFrame) -> list[str]:
    """One sentence a variant and state: SGD diverged in 4 of 6 seeds."""
    runs = confirmatory_runs(results)
    n_modes = runs.loc[runs["variant"] != REFERENCE, "mode"].nunique()
    clauses = []
    for (variant, mode), cell in runs.groupby(["variant", "mode"], sort=False):
        name = "the reference" if variant == REFERENCE else _spaced(str(variant))
        where = f" ({mode})" if mode and n_modes > 1 else ""
        for state in COUNTED_AT_CHANCE:
            count = int((cell["state"] == state).sum())
            if count:
                clauses.append(f"{name}{where} {ENDED[state]} in {count} of {len(cell)} seeds")
    if not clauses:
        return []
    text = _capped(clauses)
    return [f"{text[0].upper()}{text[1:]} (counted at chance level)."]


def _family(told: Sequence[Effect]) -> list[str]:
    tested = any(row["n"] >= MIN_SEEDS for row in told)
    if len(told) < 2 or not tested:
        return []
    return [f"Intervals hold for all {len(told)} contrasts at once (95 %); p is adjusted for them (Holm)."]


def _rows(effects: pd.DataFrame) -> list[Effect]:
    return [{str(name): value for name, value in row.items()} for row in effects.to_dict("records")]


def _mode_rank(mode: str) -> tuple[int, str]:
    return (MODES.index(mode) if mode in MODES else len(MODES), mode)


def _capped(items: Sequence[str]) -> str:
    more = len(items) - MOST_NAMED
    return "; ".join(items[:MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")


def _name(row: Effect) -> str:
    return f"{_words(row['factor'])} {row['level']}".strip() or row["variant"]


def _words(factor: str, *, capital: bool = False) -> str:
    text = factor.replace("_", " ")
    return text[:1].upper() + text[1:] if capital else text


def _spaced(variant: str) -> str:
    factor, equals, level = variant.partition("=")
    return f"{_words(factor)} {level}" if equals else variant


def _moves(row: Effect, *, unit: str = "") -> str:
    """ "helps by 3.9 points [3.1, 4.7]": size and interval in the direction of the verb."""
    sign = math.copysign(1.0, row["mean"])
    size = _shown(row, abs(row["mean"]))
    ends = sorted((sign * row["low_adjusted"], sign * row["high_adjusted"]))
    return f"{row['verdict']} by {size}{unit} [{_shown(row, ends[0])}, {_shown(row, ends[1])}]"


def _interval(row: Effect) -> str:
    return f"[{_shown(row, row['low_adjusted'])}, {_shown(row, row['high_adjusted'])}]"


def _with_interval(row: Effect) -> str:
    return f"{_name(row)} ({_signed(row)} {_interval(row)})"


def _with_seeds_needed(row: Effect) -> str:
    needed = row["seeds_needed"]
    seeds = f"more than {MOST_SEEDS:,}" if needed >= MOST_SEEDS else f"about {needed}"
    return f"{_name(row)} ({_signed(row)} {_interval(row)}; {seeds} seeds would tell)"


def _with_count(row: Effect) -> str:
    return f"{_name(row)} (n = {row['n']}" + (f", {_signed(row)})" if row["n"] else ")")


def _signed(row: Effect) -> str:
    text = _shown(row, row["mean"])
    return text if text.startswith("−") or float(text) == 0 else f"+{text}"


def _shown(row: Effect, value: float) -> str:
    """A number of this row in the unit shown, with the decimals that its interval supports."""
    scale, unit = metric_unit(row["metric"])
    half = (row["high_adjusted"] - row["low_adjusted"]) / 2 * scale
    least = DECIMALS[unit]
    supported = math.ceil(-math.log10(2 * half)) if half > 0 else least
    return _number(value * scale, min(max(least, supported), MOST_DECIMALS))


def _number(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def _p(p: float) -> str:
    """ ".03", "< .001": three decimals where two would hide the side of .05 on which it lies, or be 0."""
    if p < 0.001:
        return "< .001"
    return f"{p:.{3 if p < 0.0095 or 0.045 <= p < 0.055 else 2}f}".removeprefix("0")


def _p_is(p: float) -> str:
    return f"p {_p(p)}" if p < 0.001 else f"p = {_p(p)}"


def _tex_row(row: Effect, *, named: bool, with_mode: bool) -> str:
    counted = row["n"] > 0
    spread = row["n"] > 1
    cells = [
        _tex(_words(row["factor"])) if named else "",
        _tex(row["level"]),
        *([_tex(row["mode"])] if with_mode else []),
        str(row["n"]),
        _tex_number(_signed(row)) if counted else "--",
        f"[{_tex_number(_shown(row, row['low']))}, {_tex_number(_shown(row, row['high']))}]" if spread else "--",
        "--" if math.isnan(row["p_adjusted"]) else _p(row["p_adjusted"]).replace("<", "$<$"),
        _tex(row["verdict"]),
    ]
    return " & ".join(cells) + r" \\"


def _tex_number(text: str) -> str:
    return f"${text.replace('−', '-')}$"


def _tex(text: str) -> str:
    """Text with every character that TeX reads as a command made plain; line breaks become spaces."""
    return "".join(TEX.get(character, character) for character in " ".join(text.split()))
