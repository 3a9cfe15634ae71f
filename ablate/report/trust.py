"""The section on whether to believe the study: its checklist and its statistical power."""

import math

import numpy as np

from ablate.analysis.effects import Metric
from ablate.analysis.search_history import best_of_search
from ablate.analysis.statistics import MOST_SEEDS, best_epoch_optimism, binomial_error
from ablate.report.export import with_units
from ablate.report.inputs import Inputs, reference_mean
from ablate.report.left_out import left_out_in_words
from ablate.report.numbers import count, effect_decimals, file_unit, in_unit, number
from ablate.report.page import MOST_ROWS, Block, Check, Checklist, Link, Paragraph, Section, Table
from ablate.report.plots import contrast_name
from ablate.report.test_set import example_blocks
from ablate.report.wording.phrases import DECIMALS
from ablate.text import number_of

ANCHOR = "trust"
MOST_CURVES = 200  # learning curves for estimating the optimism of the best epoch; the first ones


def trust_section(inputs: Inputs, checks: list[Check]) -> Section:
    """The checklist, the uncertainty of a single number, and the seeds that the undecided comparisons would need."""
    blocks: list[Block] = [
        Paragraph(f"{confirmation(checks, is_imported=inputs.is_imported).text}."),
        Checklist(checks),
    ]
    of_scores = [_test_error(inputs), _best_epoch(inputs), _best_trial(inputs)] if inputs.data_sets is None else []
    said = [_detectable(inputs), _unseen_failures(inputs)]
    said = [*of_scores[:1], *said, *of_scores[1:]]
    blocks += [Paragraph(text) for text in said if text]
    more = [*_undecided(inputs), *example_blocks(inputs)] if inputs.data_sets is None else []
    return Section(ANCHOR, "Can you trust this?", [*blocks, *more])


def confirmation(checks: list[Check], *, is_imported: bool = False) -> Link:
    """Whether the answer is confirmed, linked to the checklist; a table of another tool confirms only itself."""
    failed, unknown = (sum(check.passed is state for check in checks) for state in (False, None))
    if is_imported:
        passed = f"{len(checks) - failed - unknown} of {number_of(len(checks), 'check')} of the table passed"
        return Link(f"{passed}; how its runs were made and tuned is not known", ANCHOR)
    if not failed and not unknown:
        return Link(f"Confirmed: all {len(checks)} checks passed", ANCHOR)
    said = [f"{failed} of {number_of(len(checks), 'check')} failed"] if failed else []
    of_all = "" if failed else f" of {number_of(len(checks), 'check')}"
    said += [f"{unknown}{of_all} could not be made"] * bool(unknown)
    return Link(f"Not confirmed: {', '.join(said)}", ANCHOR)


def _test_error(inputs: Inputs) -> str:
    metric, mean, n_test = inputs.metric, reference_mean(inputs), inputs.data.n_test
    if metric.name != "test_accuracy" or not n_test or not 0 <= mean <= 1:
        return ""
    error = number(binomial_error(mean, n=int(n_test)) * 100, 2)
    return (
        f"The test set has {count(n_test)} examples: at the reference's {number(mean * 100, 1)} %, a single accuracy "
        f"has a binomial standard error of {error} points. Pairing by seed removes part of this error from differences."
    )


def _detectable(inputs: Inputs) -> str:
    primary = inputs.primary_effects()
    sizes = primary.loc[(primary["n"] >= 2) & (primary["diverged"] == 0), "mde"].dropna()
    if sizes.empty:
        return ""
    least = number(float(sizes.median()) * inputs.metric.scale, _decimals(inputs))
    at_once = f", with all {len(primary)} comparisons judged at once" if len(primary) > 1 else ""
    return (
        f"The typical comparison here can detect a true difference of {least} {inputs.metric.unit}".rstrip()
        + f" or more (80 % power{at_once}); "
        + "smaller differences may go unseen."
    )


def _unseen_failures(inputs: Inputs) -> str:
    """What clean runs do not exclude, if no run was lost, cut short or missing."""
    primary = inputs.primary_effects()
    primary = primary[primary["n_runs"] > 0]
    if left_out_in_words(inputs) or primary.empty or primary["n_lost"].sum() or primary["reference_lost"].sum():
        return ""
    fewest = int(primary["n_runs"].min())
    bound = number(100 * float(primary["failure_high"].max()), 0)
    clean = "1 clean run does" if fewest == 1 else f"{fewest} clean runs do"
    return (
        f"No compared run is known to have failed, but {clean} not exclude that a variant fails in up to {bound} % of "
        "its runs (exact one-sided 95 % bound)."
    )


def _best_epoch(inputs: Inputs) -> str:
    metric, epochs = inputs.score_metric, inputs.epochs
    runs = inputs.runs
    trials = runs.loc[runs["state"] == "finished", "trial"].head(MOST_CURVES)
    if inputs.monitor not in epochs or trials.empty or inputs.own_trial:  # the score of those is no epoch's best
        return ""
    sign = -1 if metric.direction == "minimize" else 1
    curves = epochs[epochs["trial"].isin(set(trials))].sort_values("epoch").groupby("trial", sort=False)[inputs.monitor]
    gains = np.array([best_epoch_optimism(sign * curve.to_numpy(dtype=float)) for _, curve in curves])
    gains = gains[np.isfinite(gains)]
    if not gains.size:
        return ""
    gain = number(float(gains.mean()) * metric.scale, _decimals(inputs))
    moved = f"{_flatters(metric)} its {metric.label} by about {gain} {metric.unit}".rstrip()
    return (
        f"Choosing the best epoch of each run {moved}, estimated from the fluctuations of the curves. Test scores do "
        "not have this bias."
    )


def _best_trial(inputs: Inputs) -> str:
    best = best_of_search(inputs.results, k=1)
    if best.empty or not math.isfinite(best["optimism"].iloc[0]):
        return ""
    metric = inputs.score_metric
    gain = number(float(best["optimism"].iloc[0]) * metric.scale, _decimals(inputs))
    trial = "run of the table" if inputs.is_imported else "trial of the search"
    lucky = f"Choosing the best {trial} {_flatters(metric)} its score by up to {gain} {metric.unit}".rstrip()
    return f"{lucky}, by luck alone."


def _flatters(metric: Metric) -> str:
    return "lowers" if metric.direction == "minimize" else "inflates"


def _undecided(inputs: Inputs) -> list[Table]:
    primary = inputs.primary_effects()
    rows = primary[primary["verdict"].isin(("inconclusive", "too few seeds", "detectable, size undecided"))]
    if rows.empty:
        return []
    metric, decimals = inputs.metric, _decimals(inputs)
    head = (
        "Factor", "Level", "Seeds", f"Difference{in_unit(metric)}", f"Detectable{in_unit(metric)}",
        "Seeds needed",
    )  # fmt: skip
    cells = [
        [*contrast_name(row["factor"], row["level"], against=row["against"]), count(row["n"]),
         number(row["mean"] * metric.scale, decimals, is_signed=True), number(row["mde"] * metric.scale, decimals),
         f"more than {MOST_SEEDS:,}" if row["seeds_needed"] >= MOST_SEEDS else count(row["seeds_needed"])]
        for row in rows.head(MOST_ROWS).to_dict("records")
    ]  # fmt: skip
    data = rows[["factor", "level", "variant", "against", "mode", "n", "mean", "mde", "seeds_needed"]]
    return [
        Table(
            "Seeds needed to decide the undecided comparisons, if the observed differences are true", head, cells,
            frozenset(range(2, 6)), name="undecided",
            data=with_units(data, dict.fromkeys(("mean", "mde"), file_unit(metric))),
        )
    ]  # fmt: skip


def _decimals(inputs: Inputs) -> int:
    metric, primary = inputs.metric, inputs.primary_effects()
    least = 1 if metric.unit == "points" else 2
    return least if metric.unit in DECIMALS or primary.empty else max(least, effect_decimals(primary, metric))
