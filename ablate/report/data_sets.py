"""The section on comparisons made on several data sets: forest plot, effects on each and over all, mean ranks."""

import math
from collections.abc import Callable

import pandas as pd

from ablate.analysis.effects import DIFFERS, MIN_DATA_SETS, DataSetEffects
from ablate.analysis.statistics import MIN_SEEDS
from ablate.report.effects import verdict_text
from ablate.report.export import with_units
from ablate.report.failures import failures_block
from ablate.report.inputs import Inputs
from ablate.report.numbers import (
    NONE,
    count,
    effect_decimals,
    file_unit,
    in_unit,
    interval,
    number,
    p_value,
    score_decimals,
    sign_note,
)
from ablate.report.page import MOST_ROWS, Block, Folded, Paragraph, Section, Table, to_figure
from ablate.report.plots import contrast_name, draw_data_sets, draw_ranks
from ablate.report.wording.data_sets import number_of_data_sets, share_text
from ablate.report.wording.phrases import variant_name
from ablate.storage.results import Row
from ablate.study.trial import DATA_SET
from ablate.text import number_of

READING = (
    "A row is a data set: each light dot is one seed, the thick bar the 95 % interval of the mean, the thin bar holds "
    "for all comparisons on all data sets at once. The diamond is the mean over the data sets with its 95 % interval; "
    "the line through it is where the effect on a new data set is expected (95 %, from three data sets on). Intervals "
    "of few data sets may reach beyond the axis; the table has their ends."
)
PRIMARY_POOLED = (
    "The effects over all data sets are the primary ones: claims about data sets like these {k}, which rest on "
    "{values}, one value each, however many seeds each has. Effects on a single data set are exploratory."
)
PRIMARY_EACH = (
    "The effects on each data set are the primary ones: claims about these {k} data sets, all comparisons on all of "
    "them judged at once. {why}"
)
TOO_FEW = "A claim about other data sets needs {least}, so the effects over all of them are exploratory."
NO_SCALE = (
    "Scores at or below 0 have no ratio, and their sizes on different data sets cannot be compared, so no mean over "
    "data sets is a claim: it is shown as it is."
)
RATIOS = (
    "Scores have another size on each data set, so effects are ratios: 100 times the natural logarithm of the ratio of "
    "two scores, above 0 if the variant is better; 5 log points are about 5 %. A margin in the unit of "
    "the scores has no meaning for ratios."
)
RANKED = (
    "Mean ranks over {n} data sets (Friedman's test: {test}). Exploratory: configurations joined by a bar are not told "
    "apart by Nemenyi's critical difference of {size}."
)
NOT_DRAWN = (
    "Learning curves, layers, predictions and designs of several factors are not drawn across data sets, on which "
    "their numbers mean different things."
)


def data_sets_section(inputs: Inputs, *, behind: Folded | None = None) -> Section | None:
    """All comparisons of the headline's mode on each data set and over all; None for comparisons on one data set."""
    found = inputs.data_sets
    if found is None or found.pooled.empty:
        return None
    on_each, pooled = found.of_mode(inputs.modes[0])
    decimals = effect_decimals(on_each, found.metric)
    blocks: list[Block] = [Paragraph(_scope(found))]
    if (figure := draw_data_sets(found, inputs.modes[0], decimals=decimals, label=_label(found))) is not None:
        title = "Effects by data set"
        blocks.append(to_figure(figure, "data-sets", title, _what_to_see(found, on_each, pooled), reading=READING))
    blocks += [_pooled_table(pooled, found, decimals), _each_table(on_each, found, decimals), *_ranks(found)]
    blocks += [*failures_block(pooled), Paragraph(NOT_DRAWN)]
    return Section("effects", "Effects by data set", [*blocks, behind] if behind else blocks)


def _scope(found: DataSetEffects) -> str:
    k = len(found.names)
    why = NO_SCALE if found.scale == "none" else TOO_FEW.format(least=MIN_DATA_SETS)
    said = (
        PRIMARY_POOLED.format(k=k, values=number_of_data_sets(found.pooled, k))
        if found.is_pooled_primary
        else PRIMARY_EACH.format(k=k, why=why)
    )
    return f"{said} {RATIOS}" if found.scale == "ratio" else said


def _label(found: DataSetEffects) -> str:
    return f"difference from the reference in {found.metric.label}{in_unit(found.metric)}; right is better"


def _what_to_see(found: DataSetEffects, on_each: pd.DataFrame, pooled: pd.DataFrame) -> str:
    k = len(found.names)
    if found.is_pooled_primary:
        n_differ = int((pooled["verdict"] == DIFFERS).sum())
        n_decided = int(pooled["verdict"].isin(("helps", "hurts")).sum())
        comparisons = number_of(len(pooled), "comparison")
        return (
            f"Over {number_of_data_sets(pooled, k)} {n_decided} of {comparisons} help or hurt on average; "
            f"{n_differ} {'differs' if n_differ == 1 else 'differ'} between data sets."
        )
    signs = on_each[on_each["verdict"].isin(("helps", "hurts"))].groupby("variant")["verdict"]
    everywhere = int(((signs.size() == k) & (signs.nunique() == 1)).sum()) if len(signs) else 0
    both = int((signs.nunique() == 2).sum()) if len(signs) else 0
    said = (
        f"Of {number_of(len(pooled), 'comparison')}, {everywhere} {'has' if everywhere == 1 else 'have'} one verdict "
    )
    said += f"of helps or hurts on all {k} data sets"
    opposed = f"; {both} {'helps' if both == 1 else 'help'} on one and {'hurts' if both == 1 else 'hurt'} on another"
    return f"{said}{opposed if both else ''}."


def _pooled_table(pooled: pd.DataFrame, found: DataSetEffects, decimals: int) -> Table:
    metric = found.metric

    def ends(name: str) -> Callable[[Row], str]:
        return lambda row: interval(row[f"{name}low"] * metric.scale, row[f"{name}high"] * metric.scale, decimals)

    def simultaneous(row: Row) -> str:
        return interval(row["low_adjusted"] * metric.scale, row["high_adjusted"] * metric.scale, decimals)

    columns: list[tuple[str, Callable[[Row], str]]] = [
        ("Factor", lambda row: contrast_name(row["factor"], row["level"], against=row["against"])[0]),
        ("Level", lambda row: contrast_name(row["factor"], row["level"])[1]),
        ("Verdict", lambda row: verdict_text(str(row["verdict"]))),
        (
            f"Mean difference{in_unit(metric)}{sign_note(metric)}",
            lambda row: number(row["mean"] * metric.scale, decimals, is_signed=True),
        ),
        ("95 % interval", ends("")),
        ("Simultaneous", simultaneous),
        ("p (Holm)", lambda row: p_value(row["p_holm"])),
        ("Data sets", lambda row: count(row["n"])),
        ("Better on", lambda row: count(row["data_sets_better"])),
        (f"SD between{in_unit(metric)}", lambda row: number(row["tau"] * metric.scale, decimals)),
        ("I²", lambda row: share_text(row["i2"])),
        ("p of heterogeneity (Holm)", lambda row: p_value(row["p_heterogeneity_holm"])),
        ("New data set, 95 %", ends("predicted_")),
        ("Lost runs", lambda row: count(row["n_lost"])),
    ]
    rows = [[text(row) for _, text in columns] for row in pooled.head(MOST_ROWS).to_dict("records")]
    units = ("mean", "sd", "low", "high", "low_adjusted", "high_adjusted", "tau", "predicted_low", "predicted_high")
    exploratory = "" if found.is_pooled_primary else " (exploratory)"
    return Table(
        f"Over all data sets{exploratory}", [head for head, _ in columns], rows, frozenset(range(3, len(columns))),
        name="pooled-effects", data=with_units(pooled, dict.fromkeys(units, file_unit(metric))), key="pooled",
        filters=(0, 2),
    )  # fmt: skip


def _each_table(on_each: pd.DataFrame, found: DataSetEffects, decimals: int) -> Table:
    metric = found.metric
    means = [_mean(value, found) for name in ("reference_mean", "variant_mean") for value in on_each[name]]
    of_means = score_decimals(means, metric, points=2, others=3) if found.scale != "ratio" else 0
    rows = []
    for row in on_each.head(MOST_ROWS).to_dict("records"):
        ends = [(row[low] * metric.scale, row[high] * metric.scale) for low, high in
                (("low", "high"), ("low_adjusted", "high_adjusted"))]  # fmt: skip
        rows.append([
            *contrast_name(row["factor"], row["level"], against=row["against"]), str(row[DATA_SET]),
            verdict_text(str(row["verdict"])), number(row["mean"] * metric.scale, decimals, is_signed=True),
            *(interval(*both, decimals) for both in ends), p_value(row["p_adjusted"]),
            *(_mean_text(row[name], found, of_means) for name in ("reference_mean", "variant_mean")), count(row["n"]),
        ])  # fmt: skip
    head = [
        "Factor", "Level", "Data set", "Verdict", f"Difference{in_unit(metric)}{sign_note(metric)}", "95 % interval",
        "Simultaneous", "p (adjusted)", "Reference’s mean", "Mean", "Seeds",
    ]  # fmt: skip
    exploratory = " (exploratory)" if found.is_pooled_primary else ""
    units = dict.fromkeys(("mean", "sd", "low", "high", "low_adjusted", "high_adjusted", "margin"), file_unit(metric))
    return Table(
        f"On each data set{exploratory}", head, rows, frozenset(range(4, len(head))), name="effects-by-data-set",
        data=with_units(on_each, units), key="each", filters=(0, 2, 3),
    )  # fmt: skip


def each_in_files(found: DataSetEffects) -> pd.DataFrame:
    """The effects on each data set, with the means of both sides as displayed, so a loss is above 0."""
    names = ("reference_mean", "variant_mean")
    shown = {name: [_mean(value, found) for value in found.on_each[name]] for name in names}
    return found.on_each.assign(**shown)


def _mean(value: float, found: DataSetEffects) -> float:
    """A mean of the metric as displayed, higher or lower; of ratios the geometric mean of the scores."""
    turn = -1 if found.metric.direction == "minimize" else 1
    return math.exp(turn * value) if found.scale == "ratio" else turn * value


def _mean_text(value: float, found: DataSetEffects, decimals: int) -> str:
    if not math.isfinite(value):
        return NONE
    if found.scale == "ratio":
        return f"{_mean(value, found):.4g}"
    return number(_mean(value, found) * found.metric.scale, decimals)


def _ranks(found: DataSetEffects) -> list[Block]:
    """The mean ranks, where many data sets have three configurations or more."""
    ranked = found.ranked
    if ranked is None:
        return []
    test = ranked.test
    p = p_value(test.p)
    size = number(test.critical_difference, 2)
    said = f"F = {number(test.f, 2)}, p {p if p.startswith('<') else '= ' + p}" if math.isfinite(test.f) else "p < .001"
    sentence = RANKED.format(n=test.n, test=said, size=size)
    data = pd.DataFrame({"configuration": ranked.names, "mean_rank": test.ranks})
    rows = [[variant_name(name), number(float(rank), 2)] for name, rank in zip(ranked.names, test.ranks, strict=True)]
    table = Table("Mean ranks", ["Configuration", "Mean rank"], rows, frozenset({1}), name="mean-ranks", data=data)
    return [to_figure(draw_ranks(ranked), "mean-ranks", "Mean ranks over the data sets", sentence, table)]


def methods_of_data_sets(inputs: Inputs) -> str:
    """How effects on several data sets were estimated and which are claims; "" for one data set."""
    found = inputs.data_sets
    if found is None:
        return ""
    k = len(found.names)
    parts = [
        f"Every configuration was run on {k} data sets: {', '.join(found.names)}. Runs are paired within a data set.",
        _scope(found),
        "Effects on each data set are paired differences with Student's t intervals; all comparisons on all data sets "
        "are one family (sign flips, max-T; simultaneous intervals by Bonferroni).",
        "Over data sets they are pooled by random effects: the variance between data sets by Paule and Mandel, the "
        "interval by Hartung, Knapp, Sidik and Jonkman with k − 1 degrees of freedom and never narrower than without "
        "their correction, p adjusted by Holm. Data sets are weighted by their numbers of seeds, not by their "
        "estimated noise. The prediction interval has k − 2 degrees of freedom (Higgins and others). Heterogeneity is "
        f"tested by the method of Alexander and Govern, from {MIN_SEEDS} seeds a data set; I² is its share of the "
        "variance between effects.",
    ]
    if found.is_pooled_primary:
        parts.append(
            "An effect “differs” if its heterogeneity is significant (Holm) and the prediction interval has both "
            "signs; then no common effect is claimed. “Equivalent” needs the prediction interval within the margin."
        )
    return " ".join(parts)
