"""Recognize words in column names: scores, measurements, settings, states."""

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ablate.analysis.sources.runs import to_numbers
from ablate.study.trial import State

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
MEASURED = frozenset(  # besides scores, results of a run rather than its inputs
    ("time", "seconds", "duration", "runtime", "elapsed", "timestamp", "date", "memory", "parameters", "params", "best")
)
OBJECTIVES = frozenset(("value", "objective", "metric", "target"))
# A name with such an ending is a setting: "loss_weight", "score_threshold", "map_size".
SETTINGS = frozenset(
    ("weight", "weights", "coef", "coefficient", "factor", "lambda", "alpha", "beta", "gamma", "scale", "type", "kind",
     "name", "fn", "func", "function", "threshold", "smoothing", "exponent", "power", "temperature", "penalty", "size",
     "limit", "budget", "embedding", "dim", "steps")
)  # fmt: skip
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
NAMES = frozenset(  # the last word of columns that name a run, not a factor of it
    ("name", "run", "id", "uid", "uuid", "guid", "label", "trial", "job", "exp", "experiment", "config",
     "configuration", "variant", "path", "dir", "directory", "folder", "logdir", "file", "filename", "checkpoint",
     "ckpt", "title", "tag", "tags", "note", "notes", "comment", "comments", "description", "desc", "hash", "sha",
     "commit", "url", "link", "command", "cmd", "key")
)  # fmt: skip
MACHINES = frozenset(("host", "hostname", "node", "machine", "nodelist", "nodename", "pid", "server", "ip"))
DEVICES = frozenset(("gpu", "cuda", "device", "worker", "rank", "core", "cpu"))  # followed by "id" or a number
COMMENTS = frozenset(("comment", "comments", "note", "notes", "remark", "remarks", "description"))
CHANGES = frozenset(("gap", "gain", "drop", "improvement", "reduction", "decrease", "increase", "delta"))
LEARNING = frozenset(("lr", "rate", "decay", "dropout", "momentum", "width", "units", "depth", "batch", "layers"))
RANKED = re.compile(r"[A-Za-z].*@ ?\d+")  # "NDCG@10": of the first ten
_NUMBER = r"[-+−]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)? ?%?"
_SPREAD = re.compile(rf"\$?{_NUMBER} ?\$? ?(±|\+/-|\+-|\\pm) ?\$? ?{_NUMBER}\$?", re.IGNORECASE)
Codes = NDArray[np.intp]
FINISHED: State = "finished"
KILLED: State = "killed"
PRUNED: State = "pruned"
FAILED: State = "failed"
# Words by their letters only, "OUT_OF_MEMORY" as "outofmemory". A run that a person or a machine cut short is
# "killed", a run that a tuner stopped for its bad start "pruned": neither has its final score, and neither is compared.
WORDS: dict[str, State] = {
    **dict.fromkeys(
        ("finished", "finish", "complete", "completed", "done", "success", "succeeded", "successful", "ok", "okay",
         "passed", "published", "publishing"), FINISHED),
    **dict.fromkeys(("pruned", "trialpruned", "donotadvance"), PRUNED),
    **dict.fromkeys(("diverged", "nan", "inf", "lossnan", "nanloss", "notfinite"), "diverged"),
    **dict.fromkeys(("outofmemory", "oom", "memoryout", "outofme", "oomkilled"), "out_of_memory"),
    **dict.fromkeys(
        ("failed", "fail", "failure", "crashed", "crash", "error", "errored", "exception"),
        FAILED),
    **dict.fromkeys(
        ("killed", "running", "waiting", "scheduled", "preempted", "preempting", "pending", "queued", "created",
         "draft", "inprogress", "active", "paused", "idle", "canceled", "cancelled", "usercanceled", "usercancelled",
         "syscanceled", "syscancelled", "aborted", "interrupted", "timeout", "timedout", "deadline", "capped",
         "revoked", "requeued", "suspended", "resizing", "bootfail", "nodefail", "completing", "configuring",
         "stopping", "stoppingcanceled", "stoppingerror", "stoppingcompleted", "stoppingkilled",
         "metricsunavailable", "starting", "pulling", "unfinished", "incomplete"),
        KILLED),
}  # fmt: skip
# Words with different meanings in different tools, known only beside other words of such a tool.
# "Early stopped" is a tuner's decision in Katib and NNI (its median rule ended the run); in a table made by hand it
# may be Keras' callback, which ends a run that has converged and leaves a valid score: there the user is asked.
READINGS: dict[str, dict[str, State]] = {
    "Ray Tune": {"terminated": FINISHED},
    "KerasTuner": {"stopped": PRUNED, "invalid": FAILED},
    "Katib": {"earlystopped": PRUNED},
    "NNI": {"earlystopped": PRUNED},
    "SageMaker": {"stopped": PRUNED},
    "ClearML": {"stopped": KILLED, "closed": KILLED},
    "SMAC": {"abort": KILLED, "stop": KILLED},
    "Determined": {"stopped": KILLED},
    "SLURM": {"stopped": KILLED},
    "Neptune": {"false": FINISHED, "true": FAILED},  # its column "sys/failed"
}
_VOCABULARIES = {
    "Ray Tune": "pending running terminated error errored paused",
    "KerasTuner": "running idle invalid stopped completed failed",
    "Katib": "created pending running succeeded killed failed earlystopped metricsunavailable",
    "NNI": "waiting running succeeded failed usercanceled syscanceled earlystopped",
    "SageMaker": "completed inprogress failed stopped stopping",
    "ClearML": "created queued inprogress stopped published publishing closed failed completed aborted",
    "SMAC": "running success crashed timeout memoryout capped abort stop donotadvance",
    "Determined": "active paused completed canceled error errored stopped",
    "SLURM": "completed failed cancelled timeout outofmemory nodefail preempted running pending stopped",
}
VOCABULARIES = {tool: frozenset(words.split()) for tool, words in _VOCABULARIES.items()}


def words_of(name: object) -> tuple[str, ...]:
    """ "valAcc_top1" -> val, acc, top1."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name))
    return tuple(word.lower() for word in re.split(r"[^A-Za-z0-9]+", parted) if word)


def reads_as_score(name: str) -> bool:
    """Whether a word or a rank, "Hits@3", names a score, and the name does not end like a setting's."""
    words = words_of(name)
    return RANKED.fullmatch(name.strip()) is not None or (
        bool({*words, name.strip().lower()} & (LOWER_IS_BETTER | HIGHER_IS_BETTER)) and words[-1] not in SETTINGS
    )


def reads_as_result(name: str) -> bool:
    """Whether a name reads as a result of a run."""
    words = words_of(name)
    return reads_as_score(name) or (bool(set(words) & MEASURED) and words[-1] not in SETTINGS)


def has_spread(cell: str) -> bool:
    """Whether a cell is a mean with its spread, "0.45±0.02"."""
    return _SPREAD.fullmatch(cell.strip()) is not None


def coded(column: "pd.Series[str]") -> Codes:
    """The number of each cell's level, shape (n_runs,); equal numbers are one level, whatever their spelling."""
    numbers = to_numbers(column)
    codes, _ = pd.factorize(column if numbers is None else numbers, use_na_sentinel=False)
    return codes


def n_levels(codes: Codes) -> int:
    """The number of levels."""
    return int(codes.max(initial=-1)) + 1


def crossed(codes: list[Codes], n_runs: int) -> Codes:
    """The number of each run's combination of levels, shape (n_runs,), counted in the order of first appearance."""
    found = np.zeros(n_runs, dtype=np.intp)
    for column in codes:
        found = paired(found, column)
    return found


def paired(one: Codes, other: Codes) -> Codes:
    """A code for each distinct pair of codes, counted in the order of first appearance."""
    codes, _ = pd.factorize(one * (int(other.max(initial=0)) + 1) + other)
    return codes


def decides(one: Codes, other: Codes) -> bool:
    """Whether runs that agree in `one` also agree in `other`."""
    return n_levels(paired(one, other)) == n_levels(one)
