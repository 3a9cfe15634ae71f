"""The data of the study rare_cancer.toml: arrays, by name."""

import numpy as np
from sklearn.datasets import load_breast_cancer

BENIGN_FOR_EACH = 19  # malignant tumour, so that 5 % are malignant


def load(seed):
    """The 357 benign tumours (class 0) and 19 of the 212 malignant ones (class 1), drawn by the study's seed.

    Each tumour has 30 numbers: 10 measures of its cells, of which there are the mean, the error, and the worst.
    """
    x, y = load_breast_cancer(return_X_y=True)
    is_malignant = y == 0  # scikit-learn calls the benign ones 1
    malignant, benign = np.flatnonzero(is_malignant), np.flatnonzero(~is_malignant)
    kept = np.random.default_rng(seed).choice(malignant, round(len(benign) / BENIGN_FOR_EACH), replace=False)
    rows = np.sort(np.concatenate([benign, kept]))
    return {"x_train": x[rows].astype(np.float32), "y_train": is_malignant[rows].astype(np.int32)}
