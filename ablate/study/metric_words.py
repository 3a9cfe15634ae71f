"""Spell the name of a metric for readers."""

from collections.abc import Mapping

_SPELLED: Mapping[str, str] = {
    "mae": "MAE", "mse": "MSE", "rmse": "RMSE", "mape": "MAPE", "msle": "MSLE", "rmsle": "RMSLE",
    "auc": "AUC", "pr": "PR", "roc": "ROC", "auroc": "AUROC", "auprc": "AUPRC",
    "f1": "F1", "r2": "R²", "iou": "IoU", "miou": "mIoU", "kl": "KL",
}  # fmt: skip


def metric_words(name: str) -> str:
    """ "PR AUC" for "pr_auc", "validation mean IoU" for "val_mean_iou"."""
    part, own = ("validation ", name[4:]) if name.startswith("val_") else ("", name)
    return part + " ".join(_SPELLED.get(word, word) for word in own.replace("_", " ").split(" "))
