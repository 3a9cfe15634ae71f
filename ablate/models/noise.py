"""A seed generator's state into uniform noise, cheap enough for a mask in each of many small layers.

A library's generator costs more than the layer it serves: with 20 dropout layers of 100 units at batch 32, Philox took
half of the step and tripled XLA's compile time. A mask needs less: a Weyl sequence through MurmurHash3's 32-bit
finalizer (Appleby 2011), a dozen integer operations a number that XLA fuses with the mask. Not for cryptography.
"""

from typing import Any, TypeAlias

from keras import ops

Tensor: TypeAlias = Any  # keras has no types

_GOLDEN = 0x9E3779B9  # 2³² / golden ratio: spreads seeds that are neighbours


def uniform(shape: Tensor, *, state: Tensor) -> Tensor:
    """Float32 numbers in [0, 1) of `shape`.

    `state` is that of a `keras.random.SeedGenerator`: two words, seed and counter.
    """
    state = ops.cast(state, "uint32")
    key = _mixed(state[0] ^ _word(_GOLDEN))
    step = state[1] + state[1]
    # Each step has its own odd multiplier, so that no step's numbers are a stretch of another's.
    multiplier = ops.bitwise_or(_mixed(key + step), _word(1))
    offset = _mixed(key + step + _word(1))
    place = ops.cast(ops.arange(ops.prod(shape), dtype="int32"), "uint32")
    bits = ops.right_shift(_mixed(place * multiplier + offset), _word(8))
    return ops.reshape(ops.cast(bits, "float32") * 2.0**-24, shape)


def _mixed(word: Tensor) -> Tensor:
    """MurmurHash3's finalizer: every bit of the result depends on every bit of `word`."""
    word = ops.bitwise_xor(word, ops.right_shift(word, _word(16))) * _word(0x85EBCA6B)
    word = ops.bitwise_xor(word, ops.right_shift(word, _word(13))) * _word(0xC2B2AE35)
    return ops.bitwise_xor(word, ops.right_shift(word, _word(16)))


def _word(number: int) -> Tensor:
    return ops.convert_to_tensor(number, dtype="uint32")
