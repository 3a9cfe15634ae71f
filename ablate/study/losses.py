"""The losses that a study may name, and the targets that they fit."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ablate.study.metrics import KINDS, kinds_listed
from ablate.study.task import Target, TargetKind


@dataclass(frozen=True, slots=True)
class KnownLoss:
    """A loss of Keras, by the name of its function in keras.losses."""

    name: str
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
    KnownLoss("sparse_categorical_crossentropy", ("classes",), is_cross_entropy=True),
    KnownLoss("categorical_crossentropy", ("one-hot",), is_cross_entropy=True),
    KnownLoss("binary_crossentropy", ("classes", "tags"), is_cross_entropy=True, only_binary=True),
    KnownLoss("binary_focal_crossentropy", ("classes", "tags"), only_binary=True),
    KnownLoss("categorical_focal_crossentropy", ("one-hot",)),
    KnownLoss("kl_divergence", ("one-hot",)),
    KnownLoss("categorical_hinge", ("one-hot",)),
    KnownLoss("hinge", ("classes", "tags"), only_binary=True),
    KnownLoss("squared_hinge", ("classes", "tags"), only_binary=True),
    KnownLoss("dice", ("one-hot", "tags")),
    KnownLoss("tversky", ("one-hot", "tags")),
    KnownLoss("mse", ("numbers", "one-hot", "tags")),
    KnownLoss("mae", ("numbers", "one-hot", "tags")),
    KnownLoss("mape", ("numbers",)),
    KnownLoss("msle", ("numbers",)),
    KnownLoss("huber", ("numbers",)),
    KnownLoss("log_cosh", ("numbers",)),
    KnownLoss("poisson", ("numbers",)),
    KnownLoss("cosine_similarity", ("numbers",)),
)
LOSSES: Mapping[str, KnownLoss] = {loss.name: loss for loss in _LOSSES}
_ALIASES = {
    "bce": "binary_crossentropy", "meansquarederror": "mse", "meanabsoluteerror": "mae", "kld": "kl_divergence",
    "meanabsolutepercentageerror": "mape", "meansquaredlogarithmicerror": "msle",
    "kullbackleiblerdivergence": "kl_divergence",
}  # fmt: skip
_SPELLED = {name.replace("_", ""): name for name in LOSSES} | _ALIASES
_BY_TARGET = ("crossentropy", "ce")  # Keras chooses the cross-entropy that fits


def find_loss(name: str, target: Target) -> KnownLoss | None:
    """The loss that a name of Keras means, "MeanSquaredError" or "mse"; None if it is unknown."""
    plain = re.sub("[^a-z0-9]", "", name.lower())
    if plain in _BY_TARGET and target.kind in ("classes", "one-hot", "tags"):
        return LOSSES[default_loss(target)]
    return LOSSES.get(_SPELLED.get(plain, ""))


def is_loss_name(name: str) -> bool:
    """Whether a name means a loss for some targets."""
    plain = re.sub("[^a-z0-9]", "", name.lower())
    return plain in _BY_TARGET or plain in _SPELLED


def default_loss(target: Target) -> str:
    """The loss of a target where neither the study nor the model names one; "" if there is none."""
    return {
        "classes": "sparse_categorical_crossentropy",
        "one-hot": "categorical_crossentropy",
        "tags": "binary_crossentropy",
        "numbers": "mse",
    }.get(target.kind, "")
