"""Search trials into factor importances, by optuna: PED-ANOVA (what the best have in common) and fANOVA."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ablate.results import RATE_SETTING, factor_columns

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.importance import BaseImportanceEvaluator

LEAST_TRIALS = 8  # below, either method reads noise
COLUMNS = ("factor", "importance", "evaluator", "n_trials", "low", "high")
RATE = "learning_rate"
LOG_SPAN = 100  # a positive factor that spans this ratio is read as log10, as the learning rate always is
BAND = (0.1, 0.9)  # quantiles over the resamples: 10 or 20 of them support no wider ones
PED_RESAMPLES, FANOVA_RESAMPLES = 20, 10  # 4 ms and 40 ms each, with 24 trials of 6 factors
FANOVA_TREES, FANOVA_RESAMPLE_TREES = 64, 10  # 64 are optuna's default, 0.3 s
BEST_TRIALS = 5  # PED-ANOVA compares at least so many of the best with all: its authors' advice to keep it stable
BEST_SHARE = (0.1, 0.5)  # optuna's default share of best trials, and the most of them where trials are few


@dataclass(frozen=True, slots=True)
class _Trials:
    """What optuna is given: one dictionary of encoded factors and one score a trial."""

    distributions: Mapping[str, "BaseDistribution"]
    params: Sequence[Mapping[str, float | str]]
    scores: Sequence[float]


def importances(results: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """One row an evaluator and factor: `factor, importance, evaluator, n_trials, low, high`, most important first.

    "ped-anova": how much the factor sets the best trials apart from all, as shares that sum to 1. "fanova": the share
    that the factor explains by itself of the variance that a random forest sees in the scores; what is missing from 1
    is what no factor explains by itself: interactions, and noise that the forest took for them. `low` to `high` holds
    80 % of the bootstrap resamples of the trials, drawn by `seed`. Pruned trials count with the score they had, trials
    without a score or a factor's value do not. Empty where fewer than 8 trials are left, or all scores or all factors
    are equal.
    """
    trials = _search_trials(results)
    if len(trials.scores) < LEAST_TRIALS or len(set(trials.scores)) < 2 or not trials.distributions:
        return pd.DataFrame(columns=list(COLUMNS))
    everything = range(len(trials.scores))
    with _quiet_optuna():
        ped = _ped_anova(trials, everything)
        ped_resampled = [_ped_anova(trials, at) for at in _resamples(trials, PED_RESAMPLES, seed=seed)]
        fanova = _fanova(trials, everything, n_trees=FANOVA_TREES, seed=seed)
        fanova_resampled = [
            _fanova(trials, at, n_trees=FANOVA_RESAMPLE_TREES, seed=seed)
            for at in _resamples(trials, FANOVA_RESAMPLES, seed=seed)
        ]
    table = pd.concat(
        [_banded(ped, ped_resampled, evaluator="ped-anova"), _banded(fanova, fanova_resampled, evaluator="fanova")]
    )
    return table.assign(n_trials=len(everything))[list(COLUMNS)].reset_index(drop=True)


def _search_trials(results: pd.DataFrame) -> _Trials:
    """The usable search rows; constant factors are left out, the learning rate is the one used, not its setting."""
    rows = results[results["phase"] == "search"]
    names = [name for name in factor_columns(results) if name != RATE_SETTING]
    encoded = pd.DataFrame({name: _encoded(rows[name]) for name in names}, index=rows.index)
    if RATE in rows:
        encoded[RATE] = _log10(pd.to_numeric(rows[RATE], errors="coerce"))
    encoded = encoded.loc[:, encoded.nunique() > 1]
    scores = pd.to_numeric(rows["score"], errors="coerce")
    usable = encoded.notna().all(axis=1) & np.isfinite(scores)
    encoded = encoded[usable]
    encoded = encoded.loc[:, encoded.nunique() > 1]
    return _Trials(
        distributions={str(name): _distribution(column) for name, column in encoded.items()},
        params=[{str(name): value for name, value in row.items()} for row in encoded.to_dict("records")],
        scores=[float(score) for score in scores[usable]],
    )


def _encoded(column: "pd.Series[float]") -> "pd.Series[float] | pd.Series[str]":
    """Numbers with more than two values as floats, log10 where they span decades; everything else as text."""
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if not numeric or column.nunique() <= 2:
        return column.map(str, na_action="ignore")
    if column.min() > 0 and column.max() / column.min() >= LOG_SPAN:
        return _log10(column)
    return column.astype(float)


def _log10(column: "pd.Series[float]") -> "pd.Series[float]":
    return pd.Series(np.log10(column.where(column > 0).to_numpy(dtype=np.float64)), index=column.index)


def _distribution(column: "pd.Series[float]") -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if pd.api.types.is_float_dtype(column):
        return FloatDistribution(float(column.min()), float(column.max()))
    return CategoricalDistribution(sorted(column.unique()))


def _resamples(trials: _Trials, count: int, *, seed: int) -> list[list[int]]:
    """Indices of trials drawn with replacement; a draw whose scores are all equal says nothing and is left out."""
    rng, n = np.random.default_rng(seed), len(trials.scores)
    draws = [[int(at) for at in rng.integers(n, size=n)] for _ in range(count)]
    return [draw for draw in draws if len({trials.scores[at] for at in draw}) > 1]


def _banded(found: Mapping[str, float], resampled: Sequence[Mapping[str, float]], *, evaluator: str) -> pd.DataFrame:
    """One row a factor, most important first.

    The band is the resamples' spread about their median, put around the estimate: a resample holds about 63 % of the
    trials, some of them repeatedly, which moves all importances to one side and must not look like uncertainty.
    """
    drawn = pd.DataFrame(resampled, columns=list(found))
    estimate, middle = pd.Series(found), drawn.median()
    low, high = ((estimate + drawn.quantile(share) - middle).clip(0, 1) for share in BAND)
    table = pd.DataFrame({"importance": estimate, "evaluator": evaluator, "low": low, "high": high})
    ordered = table.sort_values("importance", ascending=False, kind="stable")
    return ordered.rename_axis("factor").reset_index()


def _ped_anova(trials: _Trials, at: Sequence[int]) -> dict[str, float]:
    from optuna.importance import PedAnovaImportanceEvaluator

    share = min(max(BEST_SHARE[0], BEST_TRIALS / len(at)), BEST_SHARE[1])
    found = _evaluated(trials, at, PedAnovaImportanceEvaluator(target_quantile=share))
    # Unnormalised, these are divergences times the squared share of best trials: a unit without meaning.
    total = sum(found.values())
    return {name: value / total if total else 0.0 for name, value in found.items()}


def _fanova(trials: _Trials, at: Sequence[int], *, n_trees: int, seed: int) -> dict[str, float]:
    from optuna.importance import FanovaImportanceEvaluator

    try:
        return _evaluated(trials, at, FanovaImportanceEvaluator(n_trees=n_trees, seed=seed))
    except RuntimeError:  # "zero total variance in all trees": no factor splits the scores
        return dict.fromkeys(trials.distributions, 0.0)


def _evaluated(trials: _Trials, at: Sequence[int], evaluator: "BaseImportanceEvaluator") -> dict[str, float]:
    import optuna

    study = optuna.create_study(direction="maximize")
    study.add_trials(
        [
            optuna.trial.create_trial(
                params=dict(trials.params[i]), distributions=dict(trials.distributions), value=trials.scores[i]
            )
            for i in at
        ]
    )
    found = optuna.importance.get_param_importances(study, evaluator=evaluator, normalize=False)
    return {name: float(value) for name, value in found.items()}


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    """No "a new study created" for each resample, no warning that `normalize` is experimental."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            # Half of the scores equal the worst: nothing sets the best apart, and 0.0 says so.
            warnings.filterwarnings("ignore", message="Target and region quantiles select the same set")
            yield
    finally:
        optuna.logging.set_verbosity(before)
