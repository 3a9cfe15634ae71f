"""Recognize words in column names: scores, measurements, settings, states."""

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ablate.analysis.sources.runs import to_numbers
from ablate.study.score_words import HIGHER_IS_BETTER, LOWER_IS_BETTER, words_of
from ablate.study.trial import State

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
