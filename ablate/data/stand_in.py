"""Draw synthetic images that stand in for a registered data set if neither file nor network is available.

Every image shows one of ten patterns (stripes, waves, checks, rings, spokes, spiral, disc, frame, cross, dots) at a
random place, size, phase, contrast and roughly its class's orientation and colour, under a fainter pattern of another
class, a slope of light and noise; one training label in twenty is wrong. The colour and place of a class leak enough
for a linear model to beat chance by far, the rest has to be learned from shape. It is no benchmark: numbers on it say
nothing about the set whose name and sizes it borrows.

Only IEEE-exact operations are used (no sine, no matrix product), so every machine draws the same bytes.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

Field: TypeAlias = np.ndarray  # (n, height, width) float32, one number per pixel
_Shape: TypeAlias = tuple[int, int, int]  # height, width, channels
LABEL_NOISE = 0.05  # share of wrong training labels
# Name -> image shape, classes, training images, test images.
STAND_INS: Mapping[str, tuple[_Shape, int, int, int]] = {
    "cifar10": ((32, 32, 3), 10, 50_000, 10_000),
    "cifar100": ((32, 32, 3), 100, 50_000, 10_000),  # a class is a pattern and a colour
    "mnist": ((28, 28, 1), 10, 60_000, 10_000),
    "fashion_mnist": ((28, 28, 1), 10, 60_000, 10_000),
}
STAND_IN_VERSION = 1  # version of the drawing: another version gives other images
_SEED = 20_240_817
_CHUNK = 250  # images drawn at once: the arrays of one pass stay in the processor's cache


def draw_stand_in(name: str, *, n_train: int | None = None, n_test: int | None = None) -> dict[str, np.ndarray]:
    """The four arrays x_train, y_train, x_test, y_test; `None` draws as many images as the real data set has."""
    shape, n_classes, full_train, full_test = STAND_INS[name]
    train, test, noise = map(np.random.default_rng, np.random.SeedSequence([_SEED, n_classes, *shape]).spawn(3))
    x_train, y_train = _draw(full_train if n_train is None else n_train, shape, n_classes=n_classes, rng=train)
    x_test, y_test = _draw(full_test if n_test is None else n_test, shape, n_classes=n_classes, rng=test)
    wrong = noise.random(len(y_train)) < LABEL_NOISE
    shift = 1 + np.floor(noise.random(len(y_train)) * (n_classes - 1)).astype(np.int32)
    y_train = np.where(wrong, (y_train + shift) % n_classes, y_train).astype(np.int32)
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def _draw(n: int, shape: _Shape, *, n_classes: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    labels = np.argsort(rng.random(n), kind="stable").astype(np.int32) % n_classes
    images = np.empty((n, *shape), np.uint8)
    for label in range(n_classes):
        pattern, colour = (label, label) if n_classes == len(_PATTERNS) else divmod(label, len(_PALETTE))
        members = np.flatnonzero(labels == label)
        for start in range(0, len(members), _CHUNK):
            chunk = members[start : start + _CHUNK]
            images[chunk] = _paint(len(chunk), shape, pattern=pattern, colour=colour, rng=rng)
    return images, labels


def _paint(n: int, shape: _Shape, *, pattern: int, colour: int, rng: np.random.Generator) -> np.ndarray:
    """`n` images of one class, (n, height, width, channels) uint8."""
    height, width, channels = shape
    other = (pattern + 1 + int(rng.random() * (len(_PATTERNS) - 1))) % len(_PATTERNS)
    shown = _pattern(pattern, n, (height, width), rng=rng)
    shown *= _between(0.25, 1.0, n, rng=rng)
    shown += _pattern(other, n, (height, width), rng=rng) * _between(0.0, 0.45, n, rng=rng)
    rows = np.linspace(-0.5, 0.5, height, dtype=np.float32)[None, :, None]
    columns = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None, None, :]
    light = rows * _between(-0.8, 0.8, n, rng=rng) + columns * _between(-0.8, 0.8, n, rng=rng)
    images = np.empty((n, *shape), np.uint8)
    for channel in range(channels):
        tint, ground = _PALETTE[colour][channel], _PALETTE[(colour * 3 + 4) % len(_PALETTE)][channel]
        ink = _between(-1.0, 1.0, n, rng=rng) * 0.5 + np.float32(tint * 0.45 + 0.2)
        paper = _between(-1.0, 1.0, n, rng=rng) * 0.7 + np.float32(ground * 0.12)
        grain = (rng.integers(0, 256, (2, n, height, width), dtype=np.uint8) * np.float32(1 / 255)).sum(axis=0) - 1
        value = shown * ink + paper + light + grain * _between(0.3, 0.8, n, rng=rng)
        images[..., channel] = np.clip(value * 62 + 128, 0, 255).astype(np.uint8)
    return images


def _pattern(kind: int, n: int, size: tuple[int, int], *, rng: np.random.Generator) -> Field:
    """One pattern in -1 … 1 at a random place, size and turn."""
    height, width = size
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, None, :] - _between(-0.55, 0.55, n, rng=rng)
    y = np.linspace(-1, 1, height, dtype=np.float32)[None, :, None] - _between(-0.55, 0.55, n, rng=rng)
    half = np.float32(_TURN[kind]) + _between(-0.3, 0.3, n, rng=rng)  # tangent of half the angle: no cosine needed
    cosine, sine = (1 - half * half) / (1 + half * half), 2 * half / (1 + half * half)
    zoom = _between(0.7, 1.4, n, rng=rng)
    u, v = (x * cosine + y * sine) * zoom, (y * cosine - x * sine) * zoom
    return _PATTERNS[kind](u, v, _between(0.0, 1.0, n, rng=rng))


def _between(low: float, high: float, n: int, *, rng: np.random.Generator) -> Field:
    """One random number per image, ready to be multiplied with a field."""
    return (rng.random((n, 1, 1), dtype=np.float32) * np.float32(high - low) + np.float32(low)).astype(np.float32)


def _wave(t: Field) -> Field:
    """A triangle wave of period 1 in -1 … 1."""
    field: Field = np.abs(t - np.floor(t) - np.float32(0.5)) * 4 - 1
    return field


def _edge(distance: Field) -> Field:
    """Inside (distance above 0) 1, outside -1, soft over a pixel or so."""
    field: Field = np.clip(distance * 8, -1, 1)
    return field


def _radius(u: Field, v: Field) -> Field:
    field: Field = np.sqrt(u * u + v * v)
    return field


def _angle(u: Field, v: Field) -> Field:
    """The direction as a fraction of a turn, on the diamond instead of the circle: rational, so exact."""
    along = v / (np.abs(u) + np.abs(v) + np.float32(1e-6))
    field: Field = np.where(u < 0, 2 - along, along) * np.float32(0.25)
    return field


_PATTERNS: tuple[Callable[[Field, Field, Field], Field], ...] = (
    lambda u, _v, phase: _wave(u * 2.2 + phase),  # stripes
    lambda u, v, phase: _wave(u * 2.2 + _wave(v * 1.1) * 0.3 + phase),  # waves
    lambda u, v, phase: np.clip(_wave(u * 1.3 + phase) * _wave(v * 1.3 + phase) * 4, -1, 1),  # checks
    lambda u, v, phase: _wave(_radius(u, v) * 2.2 + phase),  # rings
    lambda u, v, phase: _wave(_angle(u, v) * 5 + phase),  # spokes
    lambda u, v, phase: _wave(_radius(u, v) * 1.2 + _angle(u, v) * 2 + phase),  # spiral
    lambda u, v, phase: _edge(phase * 0.2 + 0.4 - _radius(u, v)),  # disc
    lambda u, v, phase: _edge(phase * 0.1 + 0.12 - np.abs(np.maximum(np.abs(u), np.abs(v)) - 0.55)),  # frame
    lambda u, v, phase: _edge(phase * 0.1 + 0.12 - np.minimum(np.abs(u), np.abs(v))),  # cross
    lambda u, v, phase: _edge(_wave(u * 1.5 + phase) + _wave(v * 1.5 + phase) - 0.9),  # dots
)
_TURN = (0.0, 1.0, 0.4, 0.0, -0.4, 0.3, 0.0, 0.2, -0.2, 0.5)  # tangent of half the usual angle
_PALETTE = (  # red, green, blue in -1 … 1
    (1.0, -0.4, -0.4), (-0.4, 1.0, -0.4), (-0.4, -0.4, 1.0), (0.8, 0.8, -0.6), (-0.6, 0.8, 0.8),
    (0.8, -0.6, 0.8), (1.0, 0.3, -0.8), (-0.8, 0.3, 1.0), (0.6, 0.6, 0.6), (-0.6, -0.6, -0.6),
)  # fmt: skip
