"""Compare the scales of training and test inputs: means, spreads and ranges of features or channels."""

from dataclasses import dataclass

import numpy as np

from ablate.data.array import Array

_VALUES = 2**19  # values compared in each of the two parts
_MOST_FEATURES = 1024
_MOST_PIXELS = 100
_TAILS = (0.1, 0.25)  # tail shares outside the quantile ranges used as spreads
_LEAST = 1e-12  # ratio of spreads if the test inputs are constant
_FEWEST = 20  # examples in each part
_FEWEST_UNUSUAL = 10  # examples that differ from the usual value of a feature, expected in the test set
_FACTOR = 2.0  # between spreads, in the median feature
_SHIFT = 1.0  # between means, in SDs of the training inputs, in the median feature
_ONE_FACTOR = 10.0  # between spreads, in any feature


@dataclass(frozen=True, slots=True)
class Scales:
    """How the features (of images: the channels) of the two parts compare."""

    differ: bool  # most features have another mean or spread
    features: tuple[int, ...]  # the features or channels with another scale
    looked_at: int  # features or channels compared: evenly spaced if there are many


def compare_scales(x_train: Array, x_test: Array) -> Scales | None:
    """Which features of an input have another scale in the test set; None if there are too few examples.

    Judged by the spread (SD, middle 80 % and middle half, which all have to agree) and by the mean. The
    bounds widen with the sampling error: for n examples off the usual value of a feature by exp(4 / sqrt(n)) in
    spreads, by 4 / sqrt(n) SDs in means. A feature alone needs a factor of 10 exp(6 / sqrt(n)), or 8 of 10 test values
    outside of all training values. What is rare in a feature (under 10 test examples expected) is left out.

    False alarms with 20 to 400 test examples, 1 to 200 features: none in 17,600 sets of normal, log-normal, correlated,
    binary, one-hot, rare, sparse and count features and noise images; 2 % where a single feature has no variance
    (Cauchy), up to 13 % with 20 test examples of a single feature with hardly a mean (log-normal of SD 3, Zipf).
    """
    if min(len(x_train), len(x_test)) < _FEWEST:
        return None
    (train, n_train), (test, n_test) = _sampled(x_train), _sampled(x_test)
    if min(n_train, n_test) < _FEWEST:
        return None
    train, test = _filled(train, train), _filled(test, train)
    usual = np.median(train, axis=0)
    n = n_test * (train != usual).mean(axis=0)
    low, high = np.quantile(test, (0.1, 0.9), axis=0)
    outside = (low > train.max(axis=0)) | (high < train.min(axis=0))
    judged = n >= _FEWEST_UNUSUAL
    if not (judged | outside).any():
        return None
    error = 4 / np.sqrt(np.maximum(n, 1))
    factor, shift = _log_factor(train, test), _shift(train, test)
    typical = judged & ((np.abs(factor) > np.log(_FACTOR) + error) | (shift > _SHIFT + error))
    single = outside | (judged & (np.abs(factor) > np.log(_ONE_FACTOR) + 1.5 * error))
    differ = bool(judged.any() and typical[judged].mean() > 0.5)
    found = typical if differ else single
    n_features = x_train.shape[-1] if x_train.ndim > 1 else 1
    places = np.arange(0, n_features, _step(n_features))
    return Scales(differ or bool(found.all()), tuple(int(k) for k in places[found]), len(places))


def _sampled(x: Array) -> tuple[Array, int]:
    """Values (n, features) of evenly spaced examples, of images (n, channels) of their pixels; how many examples."""
    pixels, n_features = int(np.prod(x.shape[1:-1])), x.shape[-1] if x.ndim > 1 else 1
    rows = x.reshape(len(x), pixels, n_features)
    thin = rows[:, :: -(-pixels // _MOST_PIXELS), :: _step(n_features)]
    chosen = thin[:: -(-thin.size // _VALUES)]
    return chosen.reshape(-1, chosen.shape[-1]).astype(np.float64), len(chosen)


def _filled(part: Array, train: Array) -> Array:
    """With the median of the training values for missing numbers, 0 where all are missing."""
    missing = np.isnan(part)
    if not missing.any():
        return part
    usual = [np.median(known) if len(known := column[~np.isnan(column)]) else 0.0 for column in train.T]
    return np.where(missing, usual, part)


def _step(n_features: int) -> int:
    """Step between the compared features."""
    return -(-n_features // _MOST_FEATURES)


def _shift(train: Array, test: Array) -> Array:
    """Distance of the means in SDs of the training inputs; 0 if they are constant."""
    spread = train.std(axis=0)
    distance: Array = np.abs(test.mean(axis=0) - train.mean(axis=0)) / np.where(spread > 0, spread, np.inf)
    return distance


def _log_factor(train: Array, test: Array) -> Array:
    """Log ratio of the spreads of test to training inputs: of three measures the nearest to 0.

    0 if they disagree. A quantile range that is 0 in training, as in sparse features, is replaced by the full range.
    """
    extent = np.ptp(train, axis=0), np.ptp(test, axis=0)
    logs = [_log_ratio(train.std(axis=0), test.std(axis=0))]
    for tail in _TAILS:
        here, there = (np.ptp(np.quantile(part, (tail, 1 - tail), axis=0), axis=0) for part in (train, test))
        is_sparse = here == 0
        logs.append(_log_ratio(np.where(is_sparse, extent[0], here), np.where(is_sparse, extent[1], there)))
    low, high = np.min(logs, axis=0), np.max(logs, axis=0)
    nearest: Array = np.where(low > 0, low, np.where(high < 0, high, 0))
    return nearest


def _log_ratio(train: Array, test: Array) -> Array:
    """0 if the training inputs are constant; a very small number if the test inputs are."""
    usable = train > 0
    ratio: Array = np.where(usable, np.maximum(test, train * _LEAST) / np.where(usable, train, 1), 1)
    logs: Array = np.log(ratio)
    return logs
