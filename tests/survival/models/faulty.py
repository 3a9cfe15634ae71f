"""A user's model that goes wrong at each level of a factor in its own way; unarmed, all levels are well."""

import ctypes
import os
import sys
import time

import keras
import numpy as np

BLOCK = 64 * 2**20  # bytes
MOST_BLOCKS = 120  # 7.5 GiB: whoever has not stopped it by then never will


def build(factors, input_shape, n_classes, *, armed=True):
    if armed:
        go_wrong(factors["fault"])
    layers = [keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(8, "relu")]
    return keras.Sequential([*layers, keras.layers.Dense(n_classes)])


def go_wrong(fault):
    match fault.split()[0]:
        case "raises":
            raise RuntimeError("the model does not like this")
        case "exits":
            sys.exit(3)
        case "leaves":
            os._exit(4)
        case "segfaults":
            ctypes.string_at(0)
        case "hangs":
            time.sleep(3600)
        case "prints":
            for stream in (sys.stdout, sys.stderr):
                for _ in range(300):
                    stream.write("x" * 99_999 + "\n")
        case "eats":
            eat()


def eat():
    eaten = []
    for _ in range(MOST_BLOCKS):
        eaten.append(np.ones(BLOCK, np.uint8))
        time.sleep(0.02)
    raise RuntimeError(f"nobody stopped it at {len(eaten) * BLOCK:,} bytes")
