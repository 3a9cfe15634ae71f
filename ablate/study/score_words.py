"""Words in names of scores that tell whether higher values are better."""

import re

from ablate.study.task import Goal

LOWER_IS_BETTER = frozenset(
    ("loss", "error", "err", "rmse", "mse", "mae", "nll", "perplexity", "ppl", "regret", "cost", "wer", "cer", "fid",
     "rmsle", "msle", "mape", "smape", "logloss", "crossentropy", "bce", "brier", "lpips", "deviance", "bpb", "bpc",
     "misclassification", "inaccuracy", "unfairness")
)  # fmt: skip
HIGHER_IS_BETTER = frozenset(
    ("acc", "accuracy", "auc", "auroc", "auprc", "f1", "r2", "reward", "bleu", "map", "iou", "psnr", "ssim", "score",
     "recall", "mcc", "dice", "ndcg", "mrr", "rouge", "miou", "likelihood")
)  # fmt: skip
# Scores only if the user names them; too common as names of factors ("precision" may be that of floats).
ALSO_HIGHER = frozenset(
    ("precision", "return", "sensitivity", "specificity", "kappa", "correlation", "fitness", "elo", "hits", "ap",
     "map50", "bleu1", "bleu2", "bleu3", "bleu4", "sacrebleu", "meteor", "chrf", "cider", "bertscore", "rouge1",
     "rouge2", "rougel", "pearson", "spearman", "srocc", "plcc", "krocc", "tpr", "tnr", "ari", "nmi", "ami",
     "silhouette", "cindex", "concordance", "snr", "sdr", "sisdr", "pesq", "stoi", "lddt", "fbeta", "f2", "fps",
     "throughput", "speedup", "acc1", "acc5", "wins", "successes")
)  # fmt: skip
ALSO_LOWER = frozenset(
    ("divergence", "kl", "ece", "mistakes", "errors", "losses", "fpr", "fnr", "eer", "crps", "ter", "kid", "hausdorff",
     "hd95", "assd", "emd", "mmd", "mase", "wape", "bpd", "levenshtein", "rmspe", "nrmse", "mpjpe", "epe")
)  # fmt: skip
# Whole names, without words for the data split, whose words alone mislead.
NAMED_HIGHER = frozenset(
    ("map", "map50", "map_50", "map50_95", "map_0_5", "miou", "win_rate", "success_rate", "hit_rate",
     "true_positive_rate", "true_negative_rate", "exact_match", "f_beta", "c_index", "si_sdr", "si_snr", "v_measure",
     "concordance_index", "samples_per_second", "images_per_second", "samples_per_sec", "images_per_sec",
     "tokens_per_second", "tokens_per_sec", "log_lik", "loglik", "log_likelihood")
)  # fmt: skip
NAMED_LOWER = frozenset(
    ("bits_per_byte", "bits_per_dim", "bits_per_char", "bits_per_character", "bits_per_pixel", "cross_entropy",
     "false_positive_rate", "false_negative_rate", "false_alarm_rate", "equal_error_rate", "failure_rate",
     "crash_rate", "collision_rate", "violation_rate", "edit_distance", "chamfer_distance", "hausdorff_distance",
     "wasserstein_distance", "frechet_inception_distance", "latency", "latency_ms", "latency_s", "inference_time",
     "inference_time_ms", "training_time", "train_time", "runtime", "abs_rel", "min_dcf")
)  # fmt: skip
# Words that tell a direction only beside neutral words: an energy score is a loss, a top-1 error an error.
WEAK_HIGHER = frozenset(("score", "top1", "top5", "top"))
NEUTRAL = frozenset(
    ("val", "valid", "validation", "test", "train", "training", "dev", "eval", "cv", "holdout", "mean", "avg",
     "average", "median", "best", "final", "last", "max", "total", "overall", "metric", "metrics", "k", "oof")
)  # fmt: skip
BOUNDED = frozenset(
    ("acc", "accuracy", "auc", "auroc", "auprc", "f1", "iou", "miou", "dice", "precision", "recall", "map")
)
# Words that negate or change the adjacent word: a drop of the accuracy, minus the loss, the time to a score.
TURNING = frozenset(
    ("neg", "negative", "negated", "minus", "inverse", "inverted", "inv", "reciprocal", "reduction", "reduced",
     "improvement", "improved", "gain", "drop", "gap", "delta", "diff", "difference", "decrease", "increase",
     "change", "complement", "degradation", "deterioration", "excess", "std", "sd", "stdev", "variance", "var",
     "rank", "ratio", "relative", "rel", "lift", "uplift", "saving", "savings", "lost", "loses", "opposite",
     "flipped", "less", "decline", "deficit", "shortfall", "distance", "remaining", "residual", "non",
     "to", "until", "till", "per", "free", "without", "vs", "versus", "time", "epochs", "steps", "seconds",
     "iterations", "latency", "overhead", "except", "ignoring")
)  # fmt: skip
GLUED = re.compile(r"(neg|negative|minus|inv|inverse|delta|non|un|in|one)(?=[a-z])")  # "negloss"


def words_of(name: object) -> tuple[str, ...]:
    """ "valAcc_top1" -> val, acc, top1."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name))
    return tuple(word.lower() for word in re.split(r"[^A-Za-z0-9]+", parted) if word)


def goal_of_name(name: str) -> Goal | None:
    """The goal that a name tells, "val_f1" or "rmse"; None if it tells none, or both, or negates a score."""
    words = words_of(name)
    whole = "_".join(word for word in words if word not in NEUTRAL)
    if whole in NAMED_HIGHER | NAMED_LOWER:
        return "minimize" if whole in NAMED_LOWER else "maximize"
    lower, higher = LOWER_IS_BETTER | ALSO_LOWER, HIGHER_IS_BETTER | ALSO_HIGHER
    known = {word for word in words if word in lower | higher}
    if any(word in TURNING or _is_glued(word, lower | higher) for word in words):
        return None
    if bool(known & lower) == bool(known & (higher - WEAK_HIGHER)):
        return None
    return "minimize" if known & lower else "maximize"


def _is_glued(word: str, scores: frozenset[str]) -> bool:
    """Whether a word joins a negating word and a known score, "negloss"."""
    found = GLUED.match(word)
    return found is not None and word not in scores and word[found.end() :] in scores
