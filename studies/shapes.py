"""The data of the study shapes.toml: drawn images, and the class of each of their pixels."""

import numpy as np

SIDE = 24  # pixels
N_TRAIN, N_TEST = 500, 200
BACKGROUND, DISC, SQUARE, RING = range(4)  # classes of pixels
NOISE = 0.25  # SD, beside a contrast of 0.3 to 1


def load(seed):
    """Images (n, 24, 24, 1) of a few shapes in noise, and masks (n, 24, 24) of classes, drawn by the study's seed."""
    rng = np.random.default_rng(seed)
    drawn = [draw(rng) for _ in range(N_TRAIN + N_TEST)]
    images = np.stack([image for image, _ in drawn])
    masks = np.stack([mask for _, mask in drawn])
    return {
        "x_train": images[:N_TRAIN],
        "y_train": masks[:N_TRAIN],
        "x_test": images[N_TRAIN:],
        "y_test": masks[N_TRAIN:],
    }


def draw(rng):
    """One to three shapes, the later ones before the earlier; brighter than the background, all as bright."""
    mask = np.zeros((SIDE, SIDE), np.int32)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for _ in range(rng.integers(1, 4)):
        radius, (row, column) = rng.uniform(3.5, 6.5), rng.uniform(4, SIDE - 4, 2)
        kind = int(rng.integers(DISC, RING + 1))
        far = np.hypot(rows - row, columns - column)
        if kind == SQUARE:
            inside = np.maximum(abs(rows - row), abs(columns - column)) < 0.9 * radius  # of a disc's area
        else:
            inside = (far < radius) & ((far > 0.5 * radius) if kind == RING else True)
        mask[inside] = kind
    contrast = rng.uniform(0.3, 1.0)
    image = contrast * (mask != BACKGROUND) + rng.normal(0, NOISE, mask.shape)
    return image[..., np.newaxis].astype(np.float32), mask
