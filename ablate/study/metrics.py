"""The metrics that a study may name: their goals, units, and the targets that they fit."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ablate.study.task import Goal, Target, TargetKind
from ablate.text import listed

POINTS, NATS = "points", "nats"
KINDS: Mapping[TargetKind, str] = {
    "classes": "classes",
    "one-hot": "one-hot classes",
    "tags": "tags",
    "numbers": "numbers",
    "none": "made by the model itself",
}
_CLASSES: tuple[TargetKind, ...] = ("classes", "one-hot")
_LABELS: tuple[TargetKind, ...] = (*_CLASSES, "tags")
_NUMBERS: tuple[TargetKind, ...] = ("numbers",)
_FEW = {"classes": ("accuracy", "balanced_accuracy", "f1"), "tags": ("pr_auc", "f1"), "numbers": ("mae", "rmse", "r2")}


@dataclass(frozen=True, slots=True)
class KnownMetric:
    """A metric that this package computes."""

    name: str
    goal: Goal
    unit: str  # the default
    kinds: tuple[TargetKind, ...]  # of targets that it fits
    number: float | None = None  # default of the number that is part of its name, recall_at_precision(0.9)
    only_binary: bool = False  # fits two classes or tags, not more classes
    least_outputs: int = 1  # numbers in a target


@dataclass(frozen=True, slots=True)
class NamedMetric:
    """A known metric with its number, if it has one."""

    known: KnownMetric
    number: float | None = None

    @property
    def name(self) -> str:
        """Its name as a column has it: "recall_at_precision_0_9", "top_5_accuracy"."""
        if self.number is None:
            return self.known.name
        if self.known.name == TOP_K:
            return f"top_{self.number:.0f}_accuracy"
        return f"{self.known.name}_{self.number:g}".replace(".", "_")

    def misfit(self, target: Target) -> str:
        """What the metric needs that a target is not, and metrics that fit; "" if it fits."""
        known = self.known
        if target.kind not in known.kinds:
            fitting = _FEW.get("classes" if target.kind in _CLASSES else target.kind, ("loss",))
            rule = f"{self.name} needs {kinds_listed(known.kinds)}; these targets are {KINDS[target.kind]}"
            return f"{rule}: {', '.join(fitting)}"
        if known.only_binary and target.kind in _CLASSES and not target.is_binary:
            return f"{self.name} needs two classes; these targets have {target.n_classes}: accuracy, f1"
        if known.name == TOP_K and self.number is not None and not self.number < target.n_classes:
            return f"{self.name} needs more classes than these targets have, {target.n_classes}: accuracy"
        if target.kind == "numbers" and target.n_outputs < known.least_outputs:
            return f"{self.name} compares the direction of several numbers; each target is a single one: mae, rmse, r2"
        return ""


TOP_K = "top_k_accuracy"
_KNOWN = (
    KnownMetric("accuracy", "maximize", POINTS, _LABELS),
    KnownMetric("balanced_accuracy", "maximize", POINTS, _CLASSES),
    KnownMetric(TOP_K, "maximize", POINTS, _CLASSES, number=5),
    KnownMetric("auc", "maximize", POINTS, _LABELS),
    KnownMetric("pr_auc", "maximize", POINTS, _LABELS),
    KnownMetric("precision", "maximize", POINTS, _LABELS),
    KnownMetric("recall", "maximize", POINTS, _LABELS),
    KnownMetric("specificity", "maximize", POINTS, _LABELS),
    KnownMetric("f1", "maximize", POINTS, _LABELS),
    KnownMetric("mean_iou", "maximize", POINTS, _LABELS),
    KnownMetric("dice", "maximize", POINTS, _LABELS),
    KnownMetric("recall_at_precision", "maximize", POINTS, _LABELS, number=0.9),
    KnownMetric("precision_at_recall", "maximize", POINTS, _LABELS, number=0.9),
    KnownMetric("sensitivity_at_specificity", "maximize", POINTS, _LABELS, number=0.9),
    KnownMetric("specificity_at_sensitivity", "maximize", POINTS, _LABELS, number=0.9),
    KnownMetric("mae", "minimize", "", _NUMBERS),
    KnownMetric("mse", "minimize", "", _NUMBERS),
    KnownMetric("rmse", "minimize", "", _NUMBERS),
    KnownMetric("r2", "maximize", "", _NUMBERS),
    KnownMetric("mape", "minimize", "%", _NUMBERS),
    KnownMetric("msle", "minimize", "", _NUMBERS),
    KnownMetric("log_cosh", "minimize", "", _NUMBERS),
    KnownMetric("cosine_similarity", "maximize", "", _NUMBERS, least_outputs=2),
    KnownMetric("pearson_correlation", "maximize", "", _NUMBERS, least_outputs=2),
    KnownMetric("concordance_correlation", "maximize", "", _NUMBERS, least_outputs=2),
    KnownMetric("poisson", "minimize", "", _NUMBERS),
    KnownMetric("binary_crossentropy", "minimize", NATS, ("classes", "tags"), only_binary=True),
    KnownMetric("categorical_crossentropy", "minimize", NATS, _CLASSES),
    KnownMetric("kl_divergence", "minimize", NATS, ("one-hot",)),
)  # fmt: skip
METRICS: Mapping[str, KnownMetric] = {known.name: known for known in _KNOWN}
# Other spellings, of Keras and of the field, without case and signs.
_ALIASES = {
    "acc": "accuracy", "categoricalaccuracy": "accuracy", "sparsecategoricalaccuracy": "accuracy",
    "binaryaccuracy": "accuracy", "bacc": "balanced_accuracy", "topkcategoricalaccuracy": TOP_K, "topk": TOP_K,
    "sparsetopkcategoricalaccuracy": TOP_K, "rocauc": "auc", "auroc": "auc", "auprc": "pr_auc", "aucpr": "pr_auc",
    "prcurve": "pr_auc", "sensitivity": "recall", "tpr": "recall", "truepositiverate": "recall", "tnr": "specificity",
    "truenegativerate": "specificity", "f1score": "f1", "iou": "mean_iou", "miou": "mean_iou", "binaryiou": "mean_iou",
    "jaccard": "mean_iou", "onehotiou": "mean_iou", "onehotmeaniou": "mean_iou", "dicecoefficient": "dice",
    "dicescore": "dice", "meanabsoluteerror": "mae", "meansquarederror": "mse", "rootmeansquarederror": "rmse",
    "r2score": "r2", "meanabsolutepercentageerror": "mape", "meansquaredlogarithmicerror": "msle",
    "logcosherror": "log_cosh", "bce": "binary_crossentropy",
    "sparsecategoricalcrossentropy": "categorical_crossentropy", "crossentropy": "categorical_crossentropy",
    "ce": "categorical_crossentropy", "kld": "kl_divergence", "kullbackleiblerdivergence": "kl_divergence",
}  # fmt: skip
_SPELLED = {name.replace("_", ""): name for name in METRICS} | _ALIASES
_TOP = re.compile(r"top(\d{1,6})((sparse)?categorical)?(accuracy)?")
_CALL = re.compile(r"(.*?[A-Za-z])\s*[(_]\s*(\d{1,6}([._]\d{1,6})?)\s*\)?")


def find_metric(name: str) -> NamedMetric | None:
    """The metric that a name means, "MeanAbsoluteError" or "recall_at_precision(0.8)"; None if it is unknown.

    Raises `ValueError` with the rule if its number is out of range.
    """
    plain = _plain(name)
    if plain in _SPELLED:
        known = METRICS[_SPELLED[plain]]
        return NamedMetric(known, known.number)
    if found := _TOP.fullmatch(plain):
        return _numbered(METRICS[TOP_K], float(found[1]))
    if (called := _CALL.fullmatch(name.strip())) is None:
        return None
    taking = METRICS.get(_SPELLED.get(_plain(called[1]), ""))
    if taking is None or taking.number is None:
        return None
    return _numbered(taking, float(called[2].replace("_", ".")))


def metric_names() -> list[str]:
    """The names to show a user."""
    return [NamedMetric(known, known.number).name if known.name == TOP_K else known.name for known in _KNOWN]


def kinds_listed(kinds: Sequence[TargetKind]) -> str:
    """Kinds of targets in words: "classes or tags"; one-hot classes are classes, too."""
    return listed([KINDS[kind] for kind in kinds if not (kind == "one-hot" and "classes" in kinds)], "or")


def default_metric(targets: Iterable[Target]) -> str:
    """The metric that decides where a study names none."""
    kinds = [target.kind for target in targets]
    if len(kinds) != 1:
        return "loss"
    return {"classes": "accuracy", "one-hot": "accuracy", "tags": "pr_auc", "numbers": "mae"}.get(kinds[0], "loss")


def _plain(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())


def _numbered(known: KnownMetric, number: float) -> NamedMetric:
    if known.name == TOP_K:
        if not (number >= 1 and number.is_integer()):
            raise ValueError(f"the number of {TOP_K} must be a whole number from 1, got {number:g}")
    elif not 0 < number < 1:
        raise ValueError(f"the number of {known.name} must be between 0 and 1, got {number:g}")
    return NamedMetric(known, number)
