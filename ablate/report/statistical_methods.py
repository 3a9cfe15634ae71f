"""The paragraphs of the methods section on statistics, verdicts and runs that did not finish."""

from ablate.analysis.effects import COUNTED_AT_CHANCE
from ablate.analysis.statistics import EXACT_SEEDS, FLIPS_DRAWN, MIN_SEEDS, binomial_error
from ablate.report.inputs import Inputs
from ablate.report.left_out import source_runs
from ablate.report.numbers import difference_words, number, significant
from ablate.report.wording.phrases import DECIMALS
from ablate.study.trial import CUT_SHORT
from ablate.text import number_of

STATISTICS = (
    "A difference is {sides} in {metric}, above 0 if the variant is better, paired by seed. The "
    "interval of a single comparison is Student's t interval of the mean difference at 95 %; simultaneous intervals "
    "hold for all comparisons of a family at once (Bonferroni), and are wider on the side of a long tail where the "
    "differences are skewed (Johnson, Hall). P values come from the exact sign-flip test of the "
    "mean, over all sign patterns for up to {exact} seeds and over {drawn} random patterns for more. They are adjusted "
    "over the family by the step-down maximum of the statistics (max-T, Westfall & Young), with the signs of a seed "
    "flipped together in all comparisons; Holm-adjusted p values are given as well."
)
UNSEEDED = (
    "A difference is {sides} in {metric}, above 0 if the variant is better. Without seeds no run has a partner, so "
    "there is neither an interval nor a test."
)
FOLDS = (
    "The replicates are folds that share training examples ({overlap} test examples for each training example), so the "
    "variance of a mean difference is SD²·(1/n + {overlap}) (Nadeau & Bengio 2003) in intervals and p values; these "
    "come from the t test and are adjusted over the family by Holm's method instead."
)
OWN_FOLDS = (
    "Each seed holds out another of the {folds} folds of the training examples for validation, so seeds share training "
    "examples ({overlap} held-out examples for each training example). The variance of a mean difference is "
    "SD²·(1/n + {overlap}) (Nadeau & Bengio 2003) in intervals and p values; these come from the t test and are "
    "adjusted over the family by Holm's method instead."
)
UNPAIRED = (
    "Comparisons whose two sides share no seed are unpaired: Welch's interval, and the permutation test of Welch's t "
    "over all divisions of the runs into two samples. All p values of such a family are adjusted by Holm's method "
    "instead."
)
VERDICTS = (
    "A variant helps or hurts if its adjusted p is at most {level}, its simultaneous interval excludes 0 and its mean "
    "is beyond the margin δ. If only the last condition fails, it is detectable: below the margin if its simultaneous "
    "interval lies within ±δ, of undecided size if not. Otherwise it is equivalent if its simultaneous interval lies "
    "within ±δ, and inconclusive if not. So claims of a small size hold for all comparisons at once, as those of a "
    "difference do. With fewer than {least} seeds there is no test and no interval. If the runs of a comparison are "
    "identical in every seed, or if no run finished on either side, the verdict says so. A comparison with a run that "
    "did not finish is never called equivalent or below the margin."
)
FAILURES = (
    "How often runs fail is an outcome of its own: the exact McNemar test compares a variant with its reference over "
    "the seeds of both, Holm's method adjusts it over the family, and the interval of a rate is that of Clopper and "
    "Pearson."
)
NO_MARGIN = "No margin δ was given, so no variant can be called equivalent, and every detectable difference counts."


def statistics_paragraph(inputs: Inputs) -> str:
    """Differences, intervals and tests, with the families over which they hold; "" without comparisons."""
    effects, metric = inputs.effects, inputs.metric
    if effects.empty or inputs.data_sets is not None:  # which have a paragraph of their own
        return ""
    if not inputs.has_seeds:
        return UNSEEDED.format(metric=metric.label, sides=difference_words(metric))
    n, others = len(inputs.primary_effects()), len(effects) - len(inputs.primary_effects())
    of_mode = f" of mode {inputs.modes[0]}" if inputs.modes[0] else ""
    families = f"The primary family of this report is its {number_of(n, 'comparison')}{of_mode}."
    if others:
        families += f" The {others} of other modes are exploratory: their p values hold within their mode only."
    said = [
        STATISTICS.format(
            metric=metric.label, sides=difference_words(metric), exact=EXACT_SEEDS, drawn=f"{FLIPS_DRAWN:,}"
        )
    ]
    if inputs.facts.overlap:
        said.append(_folds(inputs.facts.overlap, is_imported=inputs.is_imported))
    if (effects["test"] == "unpaired").any():
        said.append(UNPAIRED)
    return " ".join([*said, families])


def _folds(overlap: float, *, is_imported: bool) -> str:
    if is_imported:
        return FOLDS.format(overlap=f"{overlap:.3g}")
    return OWN_FOLDS.format(folds=round(1 / overlap) + 1, overlap=f"{overlap:.3g}")


def verdicts_paragraph(inputs: Inputs) -> str:
    """What each verdict means, and where the margin is from; "" without comparisons."""
    metric = inputs.metric
    if inputs.effects.empty:
        return ""
    size = metric.margin * metric.scale
    shown = number(size, 2) if metric.unit in DECIMALS else f"{size:.4g}"
    margin = f"δ is {shown} {metric.unit}".rstrip() + f", {_margin_source(inputs)}."
    level = f"{inputs.level:.4g}".removeprefix("0")
    verdicts = VERDICTS.format(least=MIN_SEEDS, level=level)
    return f"{verdicts} {margin if metric.margin else NO_MARGIN}"


def lost_runs_paragraph(inputs: Inputs) -> str:
    """How many runs were lost, how they are scored, and how failures are tested."""
    runs = source_runs(inputs) if inputs.is_imported else inputs.confirmatory()
    n = int(runs["state"].isin(COUNTED_AT_CHANCE).sum())
    if inputs.is_imported and not n:
        n_stopped = int(runs["state"].isin(CUT_SHORT).sum())
        stopped = f"{n_stopped} of {number_of(len(runs), 'run')} ended early or without a score and are left out."
        return stopped if n_stopped else "No run is recorded as lost."
    lost = f"{n or 'none'} of {len(runs):,} runs did"
    tested = "" if inputs.effects.empty else f" {FAILURES}"
    ended = "A run that diverged, failed or ran out of memory"
    if not inputs.lost_count:
        return (
            f"{ended} has no score, since that of guessing is unknown, so its comparison has no size: {lost}.{tested}"
        )
    metric = inputs.metric
    if inputs.data_sets is not None:
        return f"{ended} is scored {inputs.lost_count} of its data set: {lost}.{tested}"
    chance = metric.shown(metric.chance)
    level = number(chance, 1 if metric.unit == "points" else 2) if metric.unit in DECIMALS else significant(chance)
    level = f"{level} {'%' if metric.unit == 'points' else metric.unit}".rstrip()
    counts = f"{inputs.lost_count} ({level})"
    return f"{ended} is scored {counts} in every number of its configuration: {lost}.{tested}"


def _margin_source(inputs: Inputs) -> str:
    if inputs.facts.margin is not None or inputs.task.margin is not None:
        return "as the study states"
    if inputs.task.margin_share is not None:
        return f"{100 * inputs.task.margin_share:g} % of the reference's mean, as the study states"
    if inputs.data_sets is not None:
        return _mean_margin(inputs)
    n_test, means = inputs.data.n_test, inputs.effects["reference_mean"]
    if inputs.metric.name == "test_accuracy" and n_test and 0 <= means.mean() <= 1:
        error = binomial_error(float(means.mean()), n=n_test)
        return f"the larger of half a point and the test set's binomial standard error ({number(error * 100, 2)})"
    return "the smallest difference assumed to matter"


def _mean_margin(inputs: Inputs) -> str:
    """Where the margin of several data sets comes from: one for all of them, the mean of their own."""
    if inputs.metric.name != "test_accuracy":
        return "the mean over the data sets of the smallest difference assumed to matter on each"
    return (
        "one for all data sets: the mean over them of the larger of half a point and the binomial standard error of "
        "the data set's test set"
    )
