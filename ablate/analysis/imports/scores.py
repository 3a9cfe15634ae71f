"""Find the score column of an imported table, its direction and its unit; ask the user in case of doubt."""

import re

import pandas as pd

from ablate.analysis.imports.asked import MAXIMIZE, MINIMIZE, ImportOptions
from ablate.analysis.imports.exports import Export
from ablate.analysis.imports.mixed_scales import check_split
from ablate.analysis.imports.score_refusals import no_numbers, which_score
from ablate.analysis.imports.words import CHANGES, OBJECTIVES, reads_as_score
from ablate.analysis.sources import Runs
from ablate.analysis.sources.runs import to_scores
from ablate.errors import DataError
from ablate.study.score_words import (
    ALSO_HIGHER,
    ALSO_LOWER,
    BOUNDED,
    GLUED,
    HIGHER_IS_BETTER,
    LOWER_IS_BETTER,
    NAMED_HIGHER,
    NAMED_LOWER,
    NEUTRAL,
    TURNING,
    WEAK_HIGHER,
    words_of,
)
from ablate.text import first_of, printable

SPREADS = frozenset(("std", "sd", "stdev", "stderr", "sem", "var", "variance", "ci", "lower", "upper"))
METRIC_NAMES = ("metric", "metric_name", "measure", "tag", "key", "variable", "score_name", "metric_type")
LEAST_PERCENT = 10  # an accuracy above this is a percentage, or something else
MOST_NAMED = 20  # names listed in a note or a message
HIGHER, LOWER = HIGHER_IS_BETTER | ALSO_HIGHER, LOWER_IS_BETTER | ALSO_LOWER
# scikit-learn's names of scorers: more is better for each, with "neg_" or without.
_SCORERS = (
    "accuracy adjusted_mutual_info_score adjusted_rand_score average_precision balanced_accuracy "
    "completeness_score d2_absolute_error_score d2_brier_score d2_log_loss_score explained_variance f1 "
    "f1_macro f1_micro f1_samples f1_weighted fowlkes_mallows_score homogeneity_score jaccard jaccard_macro "
    "jaccard_micro jaccard_samples jaccard_weighted matthews_corrcoef mutual_info_score neg_brier_score "
    "neg_log_loss neg_max_error neg_mean_absolute_error neg_mean_absolute_percentage_error "
    "neg_mean_gamma_deviance neg_mean_poisson_deviance neg_mean_squared_error neg_mean_squared_log_error "
    "neg_median_absolute_error neg_negative_likelihood_ratio neg_root_mean_squared_error "
    "neg_root_mean_squared_log_error normalized_mutual_info_score positive_likelihood_ratio precision "
    "precision_macro precision_micro precision_samples precision_weighted r2 rand_score recall recall_macro "
    "recall_micro recall_samples recall_weighted roc_auc roc_auc_ovo roc_auc_ovo_weighted roc_auc_ovr "
    "roc_auc_ovr_weighted top_k_accuracy v_measure_score "
)
SCORERS = frozenset(_SCORERS.split())
PREFIX = re.compile(
    r"(metrics?[._/]|summary[._]|score[._/]|mean_|avg_|median_|split\d+_|test[_/]|val[_/]|valid[_/]|validation[_/]|"
    r"train[_/]|dev[_/]|eval[_/]|cv_|best_|final_|last_|scorer?_)"
)
MINUS = re.compile(r"\s*[-−]|(.*[^A-Za-z0-9])?1(\.0)?\s*[-−_ ]\s*(minus[_ ])?\s*\(?[A-Za-z]")  # "-loss", "1-accuracy"


def find_score(runs: Runs, asked: ImportOptions, export: Export) -> str:
    """The column stated by the user, else the source's or the tool's, else the only column named like a score."""
    _check_metrics(runs, asked)
    if runs.directions and not (asked.score or runs.score):  # its tool names the scores, and does not choose
        raise which_score(runs, list(runs.directions))
    score = asked.score or runs.score or _guess_score(runs, asked, export)
    if to_scores(runs.column(score)) is None:
        raise no_numbers(runs, score)
    return score


def find_direction(runs: Runs, asked: ImportOptions, export: Export, *, score: str) -> str:
    """MAXIMIZE or MINIMIZE. Raises `DataError` if the name does not tell, or the values contradict it."""
    stated = asked.direction or (runs.direction if score == runs.score else runs.directions.get(score, ""))
    if stated:
        return stated
    maker = next((tool for tool in export.tools if re.fullmatch(tool.score, score)), None)
    if maker is not None and maker.maximizes is not None:
        return MAXIMIZE if maker.maximizes else MINIMIZE
    direction, doubt = "", f"{maker.name}'s exports do not say so." if maker else ""
    if maker is None:
        direction, doubt = _named(export.name(score), to_scores(runs.column(score)))
    if doubt or not direction:
        raise DataError(
            f'{runs.place}: is a higher "{printable(score)}" better?{f" {doubt}" if doubt else ""}\n'
            f"  add --direction {MAXIMIZE} or {MINIMIZE}"
        )
    return direction


def find_unit(runs: Runs, asked: ImportOptions, *, score: str, direction: str) -> str:
    """ "points" for an accuracy, whether its values are fractions or percentages; otherwise the user's unit."""
    if asked.unit:
        return asked.unit
    values = to_scores(runs.column(score))
    if values is None or direction != MAXIMIZE or not set(words_of(score)) & BOUNDED:
        return ""
    known = values.dropna()
    is_fraction = bool(known.between(0, 1).all())
    is_percent = bool(known.between(0, 100).all()) and known.max() > LEAST_PERCENT
    is_accuracy = "acc" in score.lower()
    if is_fraction or not is_percent:
        return "points" if is_accuracy and is_fraction else ""
    small = known[known.between(0, 1, inclusive="right")]
    if len(small):
        check_split(runs, score, values)
        raise DataError(
            f'{runs.place}: "{printable(score)}" seems to mix fractions and percents: {small.iloc[0]:g} and '
            f"{known.max():g}\n  write all values in one way, or add --unit points if all are percents"
        )
    return "points" if is_accuracy else ""


def unit_note(runs: Runs, *, score: str, unit: str) -> str:
    """The note on an accuracy in percent."""
    values = to_scores(runs.column(score))
    is_percent = unit == "points" and values is not None and bool((values.dropna() > 1).any())
    return f"{score} is read as percents (--unit)." if is_percent else ""


def listed(names: list[str]) -> str:
    """The first names and the number of the rest."""
    return first_of(list(map(printable, names)), MOST_NAMED)


def _check_metrics(runs: Runs, asked: ImportOptions) -> None:
    for name in (str(name) for name in runs.table if "_".join(words_of(name)) in METRIC_NAMES):
        kinds = list(dict.fromkeys(runs.table[name])) if name not in (*asked.factors, *runs.factors) else []
        if 1 < len(kinds) <= MOST_NAMED and all(reads_as_score(kind) for kind in kinds if kind.strip()):
            raise DataError(
                f'{runs.place}: has rows of several metrics: "{printable(name)}" is {listed(kinds)}\n'
                "  keep the rows of one metric"
            )


def _guess_score(runs: Runs, asked: ImportOptions, export: Export) -> str:
    known = export.first("score")
    if known and to_scores(runs.table[known]) is not None:
        return known
    taken = {*asked.factors, *runs.factors, asked.seed}
    free = [str(name) for name in runs.table if export.kinds.get(str(name), "result") == "result" and name not in taken]
    free = [name for name in runs.results if name not in taken] or free
    telling = [
        name for name in free if reads_as_score(name) or set(words_of(name)) & OBJECTIVES or _is_change(runs, name)
    ]
    results = [name for name in export.of_kind("result") if to_scores(runs.table[name]) is not None]
    telling = [name for name in telling if not set(words_of(name)) & SPREADS] or telling
    named = telling or results
    found = [name for name in named if to_scores(runs.table[name]) is not None]
    if len(found) == 1:
        return found[0]
    if len(named) == 1:
        raise no_numbers(runs, named[0])
    raise which_score(runs, found)


def _is_change(runs: Runs, name: str) -> bool:
    """Whether a column named like a change, "generalization_gap", may be a score: values hardly repeat."""
    words = words_of(name)
    if not words or words[-1] not in CHANGES or (numbers := to_scores(runs.table[name])) is None:
        return False
    return bool(numbers.nunique() > len(numbers) / 2) and not bool((numbers.dropna() % 1 == 0).all())


def _named(name: str, values: "pd.Series[float] | None") -> tuple[str, str]:
    """What the name implies, "" if nothing, and why it may be wrong."""
    known = pd.Series(dtype=float) if values is None else values.dropna()
    is_negative = bool((known <= 0).all() and (known < 0).any())
    scorer = _scorer(name)
    if scorer in SCORERS:
        if scorer.startswith("neg_") and not (known <= 0).all():
            return "", "scikit-learn's scorer of this name is never positive, but this column is."
        if not scorer.startswith("neg_") and is_negative and set(words_of(scorer)) & BOUNDED:
            return "", "All its values are negative."
        return MAXIMIZE, ""
    if scorer == "max_error":  # an error, or scikit-learn's scorer of that name, which is the negated error
        return (MAXIMIZE if is_negative else MINIMIZE), ""
    words = words_of(name)
    named = [whole for whole in ("_".join(words_of(scorer)), "_".join(words)) if whole in NAMED_HIGHER | NAMED_LOWER]
    if named:
        whole = named[0]
        is_wrong = is_negative and not whole.startswith("log")
        direction = MINIMIZE if whole in NAMED_LOWER else MAXIMIZE
        return ("", "All its values are negative.") if is_wrong else (direction, "")
    if MINUS.match(name) or set(words) & TURNING or any(_is_glued(word) for word in words):
        return "", "Its name changes the measure or its sign." if set(words) & (HIGHER | LOWER) else ""
    lower, higher = bool(set(words) & LOWER), bool(set(words) & HIGHER)
    if lower and higher:
        return "", "Its name says both."
    if is_negative and ((lower and not _may_be_log(name)) or (higher and set(words) & BOUNDED)):
        return "", "All its values are negative."
    if not lower and not set(words) & (HIGHER - WEAK_HIGHER):
        weak = set(words) & WEAK_HIGHER and all(word in WEAK_HIGHER | NEUTRAL or word.isdigit() for word in words)
        return (MAXIMIZE if weak else ""), ""
    return (MINIMIZE if lower else MAXIMIZE), ""


def _scorer(name: str) -> str:
    """The name without words for the data split and the kind of average."""
    bare = name.strip().lower().replace(" ", "_").replace("-", "_")
    while (found := PREFIX.match(bare)) and bare not in SCORERS and bare[found.end() :]:
        bare = bare[found.end() :]
    return bare


def _is_glued(word: str) -> bool:
    """Whether a word joins a negating word and a known score, "negloss"."""
    found = GLUED.match(word)
    return found is not None and word not in HIGHER | LOWER and word[found.end() :] in HIGHER | LOWER


def _may_be_log(name: str) -> bool:
    """A logarithm of a loss may be negative; "log_loss" is itself a loss."""
    words = words_of(name)
    return any(word in ("log10", "log2", "ln") for word in words) or (
        "log" in words and _scorer(name) not in ("log_loss", "logloss")
    )
