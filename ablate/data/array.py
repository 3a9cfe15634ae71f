"""Types of arrays and of backend tensors; docstrings state their shapes."""

from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]  # of any dtype
Floats32: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]
Floats64: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Integers: TypeAlias = np.ndarray[Any, np.dtype[np.int32]]
Tensor: TypeAlias = Any  # Keras and TensorFlow have no types
