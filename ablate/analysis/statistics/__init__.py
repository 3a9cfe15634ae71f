"""Statistics on arrays: intervals, exact tests, adjusted p values, verdicts, sample sizes, looks and optimism."""

from ablate.analysis.statistics.failures import failure_interval, paired_failure_p, unpaired_failure_p
from ablate.analysis.statistics.families import EXACT_SEEDS, FLIPS_DRAWN, family_p, holm
from ablate.analysis.statistics.optimism import best_epoch_optimism, expected_best, expected_normal_maximum
from ablate.analysis.statistics.paired import (
    Interval,
    binomial_error,
    corrected_p,
    paired_interval,
    probability_better,
    standardized_effect,
    tost_p,
)
from ablate.analysis.statistics.planning import (
    MIN_SEEDS,
    MOST_SEEDS,
    Looks,
    least_seeds,
    level_of,
    looks,
    minimum_detectable_effect,
    seeds_for,
    seeds_needed,
    seeds_to_bound,
    spend,
)
from ablate.analysis.statistics.random_effects import heterogeneity, random_effects, seed_variances
from ablate.analysis.statistics.skewness import family_skewness, skewed_interval, skewness
from ablate.analysis.statistics.unpaired import permutation_p, superiority, welch_interval, welch_tost_p
from ablate.analysis.statistics.verdicts import DECIDED, DIFFERENT, Judgement, Samples, Verdict, judge, verdict

__all__ = [
    "DECIDED", "DIFFERENT", "EXACT_SEEDS", "FLIPS_DRAWN", "MIN_SEEDS", "MOST_SEEDS", "Interval", "Judgement", "Looks",
    "Samples", "Verdict", "best_epoch_optimism", "binomial_error", "corrected_p", "expected_best",
    "expected_normal_maximum", "failure_interval", "family_p", "family_skewness", "heterogeneity", "holm", "judge",
    "least_seeds", "level_of", "looks", "minimum_detectable_effect", "paired_failure_p", "paired_interval",
    "permutation_p", "probability_better", "random_effects", "seed_variances", "seeds_for", "seeds_needed",
    "seeds_to_bound", "skewed_interval", "skewness", "spend", "standardized_effect", "superiority", "tost_p",
    "unpaired_failure_p", "verdict", "welch_interval", "welch_tost_p",
]  # fmt: skip
