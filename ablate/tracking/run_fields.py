"""Name the runs, tags, params, metrics and files of MLflow runs, and build their values within MLflow's limits."""

import json
import math
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Literal, TypeAlias

from ablate.storage.layers import layers_table
from ablate.study.trial import REFERENCE, Epoch, Outcome, RateTest, State, TrialSpec, is_metric

RunStatus: TypeAlias = Literal["FINISHED", "FAILED", "KILLED"]
PARENT = "mlflow.parentRunId"
NOTE = "mlflow.note.content"
ATTEMPT = "attempt"  # tag
FILES = "files"  # tag: artifacts of a trial's run
FACTOR_NAMES = "factor_names"  # tag: {param key: factor}, for factors whose name is no valid key
BEST = "best_"  # begins the name of a validation metric at the best epoch: MLflow would show that of the last epoch
# Field of an outcome -> metric, renamed if an epoch metric has that name.
OUTCOME_METRICS = {
    "score": "score",
    "predictive_sd": "predictive_sd",
    "best_epoch": "best_epoch",
    "epochs": "epochs",
    "learning_rate": "peak_learning_rate",
    "parameters": "parameters",
    "seconds": "seconds",
}
SPEC_TAGS = ("trial", "phase", "design", "variant", "factor", "level", "against", "mode", "seed")
OUTCOME_TAGS = ("state", "data", "trained_by", "trained_on", "same_as", "read_at", "read_under", "reason")
END_TAGS = (*OUTCOME_TAGS, "lr_test", "notes", "time")
STATUS: Mapping[State, RunStatus] = {
    "finished": "FINISHED",
    "pruned": "FINISHED",
    "diverged": "FAILED",
    "out_of_memory": "FAILED",
    "failed": "FAILED",
    "killed": "KILLED",
}
_KEY_LENGTH = 250
_NAME_LENGTH = 250
_TAG_LENGTH = 8000
_PARAM_LENGTH = 6000


def run_name(spec: TrialSpec, *, attempt: int = 1) -> str:
    """A run's name: "search #14", "tune dropout=0.1 at find*3", "dropout=0.1 s3" (seed 3).

    Includes the mode unless it is "find", and the attempt unless it is the first, as in "dropout=0.1 s3 try 2". Short,
    because MLflow's list and legends show some 22 characters.
    """
    again = f" try {attempt}" if attempt > 1 else ""
    return one_line(_trial_name(spec), _NAME_LENGTH - len(again)) + again


def attempt_in(tags: Mapping[str, str]) -> int:
    """The attempt number of a run with these tags; runs of older versions do not have it."""
    number = tags.get(ATTEMPT, "")
    return int(number) if re.fullmatch(r"[0-9]{1,9}", number) else 1


def spec_tags(spec: TrialSpec, *, attempt: int = 1) -> dict[str, str]:
    """Tags of a trial that starts; empty ones are left out."""
    names = {key: name for name, key in unique_keys(spec.factors).items() if key != name}
    known = {**asdict(spec.label), "trial": spec.trial, "seed": spec.seed}
    tags = {name: str(known[name]) for name in SPEC_TAGS}
    return tag_values(
        tags | {"state": "running", ATTEMPT: str(attempt), FACTOR_NAMES: json.dumps(names) if names else ""}
    )


def outcome_tags(outcome: Outcome) -> dict[str, str]:
    """Tags of a trial that ended; empty ones are left out."""
    tags = {name: str(getattr(outcome, name)) for name in OUTCOME_TAGS}
    lr_test = outcome.rate_test.key if outcome.rate_test else ""
    # Not metrics: their charts would come before the learning curves.
    timings = " · ".join(f"{part} {spent:.1f} s" for part, spent in outcome.timings.items() if spent)
    return tag_values(tags | {"lr_test": lr_test, "notes": " · ".join(outcome.notes), "time": timings})


def stored_name(trial: str) -> str:
    """A trial's name as stored in the tag of its run."""
    return clipped(trial, _TAG_LENGTH)


def tag_values(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags shortened to MLflow's limits, under valid keys; empty ones are left out."""
    keys = unique_keys(tags)
    return {keys[name]: clipped(value, _TAG_LENGTH) for name, value in tags.items() if value}


def param_values(params: Mapping[str, object]) -> dict[str, str]:
    """Params shortened to MLflow's limits, under valid keys."""
    keys = unique_keys(params)
    return {keys[name]: clipped(str(value), _PARAM_LENGTH) for name, value in params.items()}


def epoch_metrics(epoch: Epoch) -> dict[str, float]:
    """The metrics of an epoch; non-finite values are left out, since one infinity would flatten the whole chart."""
    return _finite({**epoch.metrics, "learning_rate": epoch.learning_rate})


def outcome_metrics(outcome: Outcome) -> dict[str, float]:
    """The single values of a trial that ended; missing and non-finite values are left out."""
    fields = {metric: getattr(outcome, name) for name, metric in OUTCOME_METRICS.items()}
    measured = {f"{BEST if name.startswith('val_') else ''}{name}": value for name, value in outcome.metrics.items()}
    return _finite({**fields, **measured})


def is_epoch_metric(name: str) -> bool:
    """Whether a metric of a run has a value for each epoch."""
    return name == "learning_rate" or (is_metric(name) and not name.startswith("test_"))


def outcome_metric(name: str) -> str:
    """The column of a results table that a metric of a run holds; "" if it is none."""
    column = name.removeprefix(BEST)
    return column if is_metric(column) and name.startswith(("best_val_", "test_")) else ""


def named_metrics(metrics: Mapping[str, float]) -> dict[str, float]:
    """Finite metrics under valid keys: "effect/dropout=0.1" becomes "effect/dropout 0.1"."""
    keys = unique_keys(metrics)
    return {keys[name]: value for name, value in _finite(metrics).items()}


def rate_test_files(test: RateTest) -> dict[str, str]:
    """The learning-rate curve as lr_test.csv, the rates read from it as lr_test.json."""
    points = "".join(f"{rate!r},{loss!r}\n" for rate, loss in zip(test.rates, test.losses, strict=True))
    verdict = {name: value for name, value in asdict(test).items() if name not in ("rates", "losses")}
    return {"lr_test.csv": "rate,loss\n" + points, "lr_test.json": json.dumps(verdict, indent=2) + "\n"}


def layer_files(outcome: Outcome) -> dict[str, str]:
    """The layer statistics of a trial as layers.csv."""
    return {"layers.csv": layers_table([outcome]).to_csv(index=False, lineterminator="\n")}


def unique_keys(names: Iterable[str]) -> dict[str, str]:
    """Map each name to a unique key that MLflow accepts: letters, digits, `_ - . /` and space, no path like ".."."""
    keys: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        key = stem = _valid_key(name)
        count = 1
        while key in taken:
            count += 1
            key = f"{stem[: _KEY_LENGTH - 8]} {count}"
        taken.add(key)
        keys[name] = key
    return keys


def clipped(text: str, length: int) -> str:
    """At most `length` characters, without those that no store can encode."""
    text = text.encode("utf-8", "replace").decode().replace("\0", "")
    return text if len(text) <= length else text[: length - 1] + "…"


def one_line(text: str, length: int) -> str:
    """The text shortened as in `clipped`, on one line, never empty."""
    return clipped(" ".join("".join(c if c.isprintable() else " " for c in text).split()), length) or "(no name)"


def _trial_name(spec: TrialSpec) -> str:
    label = spec.label
    if label.phase == "search":
        return f"search {spec.trial if label.number is None else f'#{label.number}'}"
    if label.phase == "tune":
        return f"tune {label.variant} at {spec.factors['learning_rate']}"
    mode = f" {label.mode}" if label.mode not in ("", "find") else ""
    return f"{label.variant or REFERENCE} s{spec.seed}{mode}"


def _valid_key(name: str) -> str:
    text = re.sub(r"[^\w./ -]", "_", clipped(name, _KEY_LENGTH).replace("=", " "))
    parts = [part.strip() for part in text.split("/")]
    return posixpath.join(*[part for part in parts if part not in ("", ".", "..")] or ["_"])


def _finite(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if value is not None and math.isfinite(value)}
