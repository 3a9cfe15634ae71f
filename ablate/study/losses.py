"""The losses that a study may name, in any of Keras' spellings, and the targets that they take and fit."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ablate.study.metrics import KINDS, kinds_listed
from ablate.study.task import Target, TargetKind

# What arrays a loss takes. "classes": whole numbers that count classes; "one-hot": a 1 for the class, or probabilities;
# "flags": 0 and 1, or probabilities; "overlap": flags in an axis of their own; "margins": -1 and 1, or 0 and 1;
# "amounts": any numbers; "own": the loss does not tell.
LossFamily: TypeAlias = Literal["classes", "one-hot", "flags", "overlap", "margins", "amounts", "own"]


@dataclass(frozen=True, slots=True)
class KnownLoss:
    """A loss of Keras, by the name of its function in keras.losses."""

    name: str
    family: LossFamily
    kinds: tuple[TargetKind, ...]  # of targets that it fits
    is_cross_entropy: bool = False
    only_binary: bool = False  # of classes: 0 and 1

    def misfit(self, target: Target) -> str:
        """What the loss needs that a target is not, and the loss that fits; "" if it fits."""
        if target.kind not in self.kinds:
            rule = f"{self.name} needs {kinds_listed(self.kinds)}; these targets are {KINDS[target.kind]}"
            return f"{rule}: {default_loss(target)}"
        if self.only_binary and target.kind == "classes" and not target.is_binary:
            return f"{self.name} needs two classes; these targets have {target.n_classes}: {default_loss(target)}"
        return ""


_LOSSES = (
    KnownLoss("sparse_categorical_crossentropy", "classes", ("classes",), is_cross_entropy=True),
    KnownLoss("categorical_crossentropy", "one-hot", ("one-hot",), is_cross_entropy=True),
    KnownLoss("binary_crossentropy", "flags", ("classes", "tags"), is_cross_entropy=True, only_binary=True),
    KnownLoss("binary_focal_crossentropy", "flags", ("classes", "tags"), only_binary=True),
    KnownLoss("categorical_focal_crossentropy", "one-hot", ("one-hot",)),
    KnownLoss("kl_divergence", "one-hot", ("one-hot",)),
    KnownLoss("categorical_hinge", "one-hot", ("one-hot",)),
    KnownLoss("hinge", "margins", ("classes", "tags"), only_binary=True),
    KnownLoss("squared_hinge", "margins", ("classes", "tags"), only_binary=True),
    KnownLoss("dice", "overlap", ("one-hot", "tags")),
    KnownLoss("tversky", "overlap", ("one-hot", "tags")),
    KnownLoss("mse", "amounts", ("numbers", "one-hot", "tags")),
    KnownLoss("mae", "amounts", ("numbers", "one-hot", "tags")),
    KnownLoss("mape", "amounts", ("numbers",)),
    KnownLoss("msle", "amounts", ("numbers",)),
    KnownLoss("huber", "amounts", ("numbers",)),
    KnownLoss("log_cosh", "amounts", ("numbers",)),
    KnownLoss("poisson", "amounts", ("numbers",)),
    KnownLoss("cosine_similarity", "amounts", ("numbers",)),
)
LOSSES: Mapping[str, KnownLoss] = {loss.name: loss for loss in _LOSSES}
_ALIASES = {
    "bce": "binary_crossentropy", "meansquarederror": "mse", "meanabsoluteerror": "mae", "kld": "kl_divergence",
    "meanabsolutepercentageerror": "mape", "meansquaredlogarithmicerror": "msle",
    "kullbackleiblerdivergence": "kl_divergence",
}  # fmt: skip
_SPELLED = {name.replace("_", ""): name for name in LOSSES} | _ALIASES
_BY_TARGET = ("crossentropy", "ce")  # Keras chooses the cross-entropy that fits


def loss_name(spelled: str) -> str:
    """The name in `LOSSES`: "mse" for "MeanSquaredError" and "keras.losses.MSE"; "" for other losses."""
    return _SPELLED.get(_plain(spelled), "")


def family_of(spelled: str) -> LossFamily:
    """What arrays the loss takes; "own" for a function of the user's, and where Keras chooses by the targets."""
    known = LOSSES.get(loss_name(spelled))
    return known.family if known else "own"


def find_loss(name: str, target: Target) -> KnownLoss | None:
    """The loss that a name of Keras means for these targets; None if it is unknown."""
    if _plain(name) in _BY_TARGET and target.kind in ("classes", "one-hot", "tags"):
        return LOSSES[default_loss(target)]
    return LOSSES.get(loss_name(name))


def is_loss_name(name: str) -> bool:
    """Whether a name means a loss for some targets."""
    return _plain(name) in (*_BY_TARGET, *_SPELLED)


def default_loss(target: Target) -> str:
    """The loss of a target where neither the study nor the model names one; "" if there is none."""
    return {
        "classes": "sparse_categorical_crossentropy",
        "one-hot": "categorical_crossentropy",
        "tags": "binary_crossentropy",
        "numbers": "mse",
    }.get(target.kind, "")


def _plain(name: str) -> str:
    return re.sub("[^a-z0-9]", "", re.sub(r"^(keras\.)?(losses\.)?", "", name.strip().lower()))
