"""A model before its first step into a digest of its weights, which says whether two trials start from the same."""

import hashlib

import keras
import numpy as np

from ablate.models.layers import is_of_trial

SAMPLED = 1024  # numbers of each variable, evenly spaced: enough to tell two draws apart


def weights_digest(model: keras.Model) -> str:
    """Of all weights that were drawn or loaded, 16 hexadecimal digits; "" where there are none.

    What holds one number all over, as new biases do, is the same in every trial and left out.
    """
    digest, n = hashlib.sha256(), 0
    for variable in model.weights:
        if is_of_trial(variable):
            continue
        flat = keras.ops.reshape(variable.value, (-1,))
        values = np.asarray(keras.ops.convert_to_numpy(flat[:: max(1, flat.shape[0] // SAMPLED)]))
        if values.size and (values != values[0]).any():
            digest.update(values.tobytes())
            n += 1
    return digest.hexdigest()[:16] if n else ""
